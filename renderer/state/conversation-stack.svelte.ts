import type { Conversation } from '../../main/contract/chat.ts';

export type Page = { limit: number; before?: string };
export type ReadPage = (page: Page) => Promise<{ items: Conversation[]; next: string | null }>;

const PAGE = 100; // more than any window shows
const MOST = 500; // of one call: whoever goes on down a list of thousands does not wait for every hundred

/** Conversations that stand together in the list, newest first, page by page. */
export class ConversationStack {
  items = $state.raw<Conversation[]>([]);
  loaded = $state(false);
  #next = $state.raw<string | null>(null);
  readonly hasMore = $derived(this.#next !== null);
  #reading: Promise<void> | null = null;
  /** Counts what was put and dropped: a page that was read meanwhile may be older than that. */
  #changes = 0;
  readonly #read: ReadPage;

  constructor(read: ReadPage) {
    this.#read = read;
  }

  /** Reads as many as are shown already, at least one page: after a start, a reconnection, a return to the window. */
  async refresh(): Promise<void> {
    const changes = this.#changes;
    const wanted = Math.max(PAGE, this.items.length);
    const items: Conversation[] = [];
    let next: string | null = null;
    do {
      const limit = Math.min(MOST, wanted - items.length);
      const page = await this.#read(next === null ? { limit } : { limit, before: next });
      items.push(...page.items);
      next = page.next;
    } while (next !== null && items.length < wanted);
    if (changes !== this.#changes) return this.refresh();
    this.items = items;
    this.#next = next;
    this.loaded = true;
  }

  /** The next page; a second call while one is under way waits for that one. */
  more(): Promise<void> {
    this.#reading ??= this.#readMore().finally(() => (this.#reading = null));
    return this.#reading;
  }

  /** Puts a conversation where it belongs, unless its place lies further down than has been read. */
  put(conversation: Conversation): void {
    this.#changes++;
    const others = this.items.filter(({ id }) => id !== conversation.id);
    const oldest = others.at(-1);
    if (this.hasMore && oldest && isBefore(oldest, conversation)) this.items = others;
    else this.items = [...others, conversation].sort((a, b) => (isBefore(a, b) ? -1 : 1));
  }

  drop(id: string): void {
    this.#changes++;
    if (this.items.some((item) => item.id === id)) this.items = this.items.filter((item) => item.id !== id);
  }

  async #readMore(): Promise<void> {
    const before = this.#next;
    if (before === null) return;
    const { items, next } = await this.#read({ limit: MOST, before });
    const known = new Set(this.items.map(({ id }) => id));
    this.items = [...this.items, ...items.filter(({ id }) => !known.has(id))];
    this.#next = next;
  }
}

function isBefore(a: Conversation, b: Conversation): boolean {
  return a.updatedMs > b.updatedMs;
}
