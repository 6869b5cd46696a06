import { faultOf, isSameKeys, keysOfPress, type Keys } from '../app/keyboard.ts';
import { bindKeys, type Bound, type Command } from './commands.svelte.ts';

type Sources = {
  /** The commands as the app comes. */
  original(): Command[];
  bound(): Bound;
  save(bound: Bound): void;
};

/** Choosing other keys for commands: what was pressed, whose it is already, and what comes of it. */
export class KeyChoice {
  /** The id of the command whose keys are asked for. */
  #asked = $state.raw<string | null>(null);
  /** What was pressed, or what a reset would give. */
  #keys = $state.raw<Keys[]>([]);
  /** Those that can be given keys of their own: the others come and go with folders and models. */
  readonly commands: Command[];
  /** The command whose keys are asked for. */
  readonly asked: Command | null;
  readonly fault: 'types' | 'reserved' | null;
  /** Those that have the keys already. */
  readonly clashes: Command[];
  readonly #sources: Sources;

  constructor(sources: Sources) {
    this.#sources = sources;
    this.commands = $derived(bindKeys(sources.original(), sources.bound()).filter(({ id }) => !id.includes(' ')));
    this.asked = $derived(this.#find(this.#asked));
    this.fault = $derived(this.#isOriginal() ? null : (this.#keys.map((keys) => faultOf(keys)).find(Boolean) ?? null));
    this.clashes = $derived(
      this.commands.filter(({ id, keys }) => id !== this.#asked && keys?.some((key) => has(this.#keys, key))),
    );
  }

  get keys(): Keys[] {
    return this.#keys;
  }

  get canAccept(): boolean {
    return this.asked !== null && this.#keys.length > 0 && this.fault === null;
  }

  /** Whether any command has keys of the user's choice. */
  get hasChanged(): boolean {
    return this.commands.some(({ id }) => this.isChanged(id));
  }

  isChanged(id: string): boolean {
    return this.#sources.bound()[id] !== undefined;
  }

  ask(id: string): void {
    this.#asked = id;
    this.#keys = [];
  }

  leave = (): void => {
    this.#asked = null;
    this.#keys = [];
  };

  /** Takes a key press as the wish. False where it is none, as modifiers alone are. */
  press(event: KeyboardEvent): boolean {
    const keys = keysOfPress(event);
    if (keys === null) return false;
    this.#keys = [keys];
    return true;
  }

  /** What the first of `clashes` would have afterwards: the keys that this command gives up for it, or none. */
  get left(): Keys[] {
    const [other] = this.clashes;
    return other === undefined ? [] : this.#leftOf(other, true);
  }

  /** Gives the command what was pressed. Whoever had it gets the keys of this one in exchange. */
  accept(): void {
    const { asked } = this;
    if (asked === null || !this.canAccept) return;
    const bound = { ...this.#sources.bound(), [asked.id]: this.#keys };
    for (const [index, other] of this.clashes.entries()) bound[other.id] = this.#leftOf(other, index === 0);
    this.#save(bound);
    this.leave();
  }

  /** Leaves the command without keys; the palette still has it. */
  remove(): void {
    const { asked } = this;
    if (asked !== null) this.#save({ ...this.#sources.bound(), [asked.id]: [] });
    this.leave();
  }

  /** Back to the keys that the command came with; where they are another's by now, that is asked first. */
  reset(id: string): void {
    this.#asked = id;
    this.#keys = this.#original(id);
    if (this.clashes.length > 0) return;
    const { [id]: _, ...others } = this.#sources.bound();
    this.#sources.save(others);
    this.leave();
  }

  resetAll(): void {
    this.#sources.save({});
  }

  #leftOf(other: Command, inExchange: boolean): Keys[] {
    const kept = other.keys?.filter((key) => !has(this.#keys, key)) ?? [];
    if (kept.length > 0 || !inExchange) return kept;
    return this.asked?.keys?.filter((key) => !has(this.#keys, key)) ?? [];
  }

  /** What a command comes with is no choice of the user's. */
  #save(bound: Bound): void {
    const chosen = Object.entries(bound).filter(([id, keys]) => !isSameList(keys, this.#original(id)));
    this.#sources.save(Object.fromEntries(chosen));
  }

  #find(id: string | null): Command | null {
    return this.commands.find((command) => command.id === id) ?? null;
  }

  #original(id: string): Keys[] {
    return this.#sources.original().find((command) => command.id === id)?.keys ?? [];
  }

  /** A command may have back what it came with, though nobody could choose it: Escape, say. */
  #isOriginal(): boolean {
    return this.#asked !== null && this.#keys.every((key) => has(this.#original(this.#asked ?? ''), key));
  }
}

const has = (all: Keys[], key: Keys): boolean => all.some((one) => isSameKeys(one, key));

const isSameList = (a: Keys[], b: Keys[]): boolean =>
  a.length === b.length && a.every((key, index) => isSameKeys(key, b[index] ?? ''));
