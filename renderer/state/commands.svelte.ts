import { isPressed, isSameKeys, type Keys } from '../app/keyboard.ts';

export type CommandGroup = 'conversation' | 'answer' | 'window' | 'settings' | 'model';

/** Something that the user can have done: the one entry from which keys, palette and key help are made. */
export type Command = {
  id: string;
  group: CommandGroup;
  words: string;
  /** The first is shown; others do the same where a browser keeps the first to itself. */
  keys?: Keys[];
  /** Moves about in the window rather than doing something: of use by its keys only. */
  keysOnly?: boolean;
  /** Where it is absent, always. */
  when?: () => boolean;
  run(): void;
};

/** What the user chose: keys by the id of a command. An empty list: it has none. */
export type Bound = Record<string, Keys[]>;

/** All commands of the window. They change with the language, the folders, the models: `list` is read anew. */
export class Commands {
  readonly all: Command[];
  /** As the app comes: with the keys of nobody's choice. */
  readonly original: Command[];

  constructor(list: () => Command[], bound: () => Bound = () => ({})) {
    this.original = $derived(list());
    this.all = $derived(bindKeys(this.original, bound()));
  }

  /** Those that can run now. Asked anew each time: it may depend on where the focus is. */
  get available(): Command[] {
    return this.all.filter(({ when }) => when?.() ?? true);
  }

  /** The command of a key press, where there is one that can run now. */
  of(event: KeyboardEvent): Command | null {
    return this.available.find(({ keys }) => keys?.some((key) => isPressed(key, event))) ?? null;
  }

  /** The key of a command, for a tooltip or a menu. */
  keysOf(id: string): Keys | undefined {
    return this.all.find((command) => command.id === id)?.keys?.[0];
  }

  run(id: string): void {
    this.available.find((command) => command.id === id)?.run();
  }
}

/** The commands with the keys of the user's choice. What was chosen for one is taken from those that came with it. */
export function bindKeys(commands: Command[], bound: Bound): Command[] {
  const chosen = commands.flatMap(({ id }) => bound[id] ?? []);
  return commands.map((command) => {
    const isFree = (key: Keys) => !chosen.some((other) => isSameKeys(key, other));
    const keys = bound[command.id] ?? command.keys?.filter(isFree) ?? [];
    return { ...command, keys: keys.length > 0 ? keys : undefined };
  });
}

/** Two commands with one key would make the second unreachable: [key, ids] of each such key. */
export function clashesOf(commands: Command[]): [Keys, string[]][] {
  const byKey = new Map<Keys, string[]>();
  for (const { id, keys } of commands) {
    for (const key of keys ?? []) byKey.set(key, [...(byKey.get(key) ?? []), id]);
  }
  return [...byKey].filter(([, ids]) => ids.length > 1);
}
