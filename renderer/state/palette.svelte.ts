import type { Conversation, SearchHit } from '../../main/contract/chat.ts';
import type { Connection } from '../app/connection.ts';
import type { Keys } from '../app/keyboard.ts';
import type { Command, CommandGroup } from './commands.svelte.ts';
import { fuzzy } from './fuzzy.ts';

export type PaletteGroup = CommandGroup | 'conversations' | 'messages';

export type PaletteItem = {
  id: string;
  group: PaletteGroup;
  words: string;
  /** A message: the place that was found, with its marks. */
  hit?: SearchHit;
  keys?: Keys;
  run(): void;
};

type Sources = {
  connection: Connection;
  commands(): Command[];
  conversations(): Conversation[];
  open(conversationId: string, messageId: string | null): void;
};

const DEBOUNCE_MS = 60;
const MOST_CONVERSATIONS = 8;
const MOST_MESSAGES = 12;
const RECENT = 5;
const ORDER: PaletteGroup[] = ['conversation', 'answer', 'conversations', 'window', 'model', 'settings', 'messages'];

/** The command palette while it is open: what fits the words typed so far, and which of it Enter runs. */
export class Palette {
  #query = $state('');
  #index = $state(0);
  #hits = $state.raw<SearchHit[]>([]);
  readonly items: PaletteItem[];
  readonly index: number;
  readonly current: PaletteItem | null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #sources: Sources;

  constructor(sources: Sources) {
    this.#sources = sources;
    this.items = $derived(this.#find());
    this.index = $derived(Math.min(this.#index, Math.max(0, this.items.length - 1)));
    this.current = $derived(this.items[this.index] ?? null);
  }

  get query(): string {
    return this.#query;
  }

  set query(query: string) {
    this.#query = query;
    this.#index = 0;
    clearTimeout(this.#timer);
    const words = query.trim();
    if (words === '') this.#hits = [];
    else this.#timer = setTimeout(() => void this.#search(words), DEBOUNCE_MS);
  }

  step(by: number): void {
    const { length } = this.items;
    if (length > 0) this.#index = (this.index + by + length) % length;
  }

  point(index: number): void {
    this.#index = index;
  }

  async #search(words: string): Promise<void> {
    const request = { query: words, limit: 50 };
    const hits = await this.#sources.connection.call((client) => client.chat.search(request)).catch(() => []);
    if (this.#query.trim() === words) this.#hits = hits;
  }

  /** Groups stand in a fixed order; in each, what fits best is first. */
  #find(): PaletteItem[] {
    const commands = this.#sources.commands().filter(({ keysOnly }) => !keysOnly);
    const words = this.#query.trim();
    if (words === '') {
      const recent = this.#sources
        .conversations()
        .slice(0, RECENT)
        .map((one) => this.#conversation(one.id, one.title));
      return inOrder([...commands.map(commandItem), ...recent]);
    }
    const fitting = [
      ...best(words, commands.map(commandItem), Infinity),
      ...best(words, this.#conversations(), MOST_CONVERSATIONS),
    ];
    return inOrder([...fitting, ...this.#messages()]);
  }

  /** Titles that are in the list already, and those that the search over all found. */
  #conversations(): PaletteItem[] {
    const titles = new Map(this.#sources.conversations().map(({ id, title }) => [id, title]));
    for (const { conversationId, title } of this.#hits) titles.set(conversationId, title);
    return [...titles].map(([id, title]) => this.#conversation(id, title));
  }

  #conversation(id: string, title: string): PaletteItem {
    const run = () => this.#sources.open(id, null);
    return { id: `conversation ${id}`, group: 'conversations', words: title, run };
  }

  #messages(): PaletteItem[] {
    return this.#hits
      .filter(({ messageId }) => messageId !== null)
      .slice(0, MOST_MESSAGES)
      .map((hit) => ({
        id: `message ${hit.messageId}`,
        group: 'messages',
        words: hit.title,
        hit,
        run: () => this.#sources.open(hit.conversationId, hit.messageId),
      }));
  }
}

function commandItem({ id, group, words, keys, run }: Command): PaletteItem {
  return { id: `command ${id}`, group, words, keys: keys?.[0], run };
}

function best(query: string, items: PaletteItem[], most: number): PaletteItem[] {
  return items
    .map((item) => ({ item, score: fuzzy(query, item.words) }))
    .filter(({ score }) => score !== null)
    .sort((a, b) => (b.score ?? 0) - (a.score ?? 0))
    .slice(0, most)
    .map(({ item }) => item);
}

function inOrder(items: PaletteItem[]): PaletteItem[] {
  return items.toSorted((a, b) => ORDER.indexOf(a.group) - ORDER.indexOf(b.group));
}
