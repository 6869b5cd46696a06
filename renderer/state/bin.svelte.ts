import { BIN_DAYS } from '../../main/contract/bin-days.ts';
import type { Binned } from '../../main/contract/chat.ts';
import type { Connection } from '../app/connection.ts';

const PAGE = 100;
const DAY_MS = 86_400_000;

/** Deleted conversations, last deleted first, for the days until they are destroyed. */
export class Bin {
  items = $state.raw<Binned[]>([]);
  loaded = $state(false);
  #next = $state.raw<string | null>(null);
  readonly hasMore = $derived(this.#next !== null);
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async load(): Promise<void> {
    const { items, next } = await this.#connection.call((client) => client.chat.bin({ limit: PAGE }));
    this.items = items;
    this.#next = next;
    this.loaded = true;
  }

  async more(): Promise<void> {
    const before = this.#next;
    if (before === null) return;
    const { items, next } = await this.#connection.call((client) => client.chat.bin({ limit: PAGE, before }));
    this.items = [...this.items, ...items];
    this.#next = next;
  }

  async restore(id: string): Promise<void> {
    await this.#connection.call((client) => client.chat.restore({ id }));
    this.items = this.items.filter((item) => item.id !== id);
  }

  /** Destroys one, or all without `id`. Returns how many. */
  async destroy(id?: string): Promise<number> {
    const { purged } = await this.#connection.call((client) => client.chat.purge(id === undefined ? {} : { id }));
    if (id === undefined) await this.load();
    else this.items = this.items.filter((item) => item.id !== id);
    return purged;
  }
}

/** Whole days until a conversation of the bin is destroyed, the present one counted. */
export function daysLeft(deletedMs: number, nowMs: number): number {
  return Math.max(0, Math.ceil((deletedMs + BIN_DAYS * DAY_MS - nowMs) / DAY_MS));
}
