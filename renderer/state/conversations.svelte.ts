import type { Conversation } from '../../main/contract/chat.ts';
import type { Connection } from '../app/connection.ts';

export type Period = 'today' | 'yesterday' | 'week' | 'earlier';

const PAGE = 100;
const UNDO_MS = 10_000;
const DAY_MS = 86_400_000;

/** The list at the side, newest first, page by page; the store in the assistant process holds the truth. */
export class Conversations {
  items = $state.raw<Conversation[]>([]);
  loaded = $state(false);
  /** The last one deleted, for the ten seconds in which that can be undone. */
  removed = $state.raw<Conversation | null>(null);
  #next = $state.raw<string | null>(null);
  readonly hasMore = $derived(this.#next !== null);
  #undoTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Reads as many as are shown already, at least one page: after a start, a reconnection, a return to the window. */
  async refresh(): Promise<void> {
    const limit = Math.min(500, Math.max(PAGE, this.items.length));
    const { items, next } = await this.#connection.call((client) => client.chat.conversations({ limit }));
    this.items = items;
    this.#next = next;
    this.loaded = true;
  }

  loadMore = async () => {
    const before = this.#next;
    if (before === null) return;
    const { items, next } = await this.#connection.call((client) => client.chat.conversations({ limit: PAGE, before }));
    const known = new Set(this.items.map(({ id }) => id));
    this.items = [...this.items, ...items.filter(({ id }) => !known.has(id))];
    this.#next = next;
  };

  /** Takes a conversation as the assistant reported it: new, renamed, or moved up by a message. */
  put(conversation: Conversation): void {
    const others = this.items.filter(({ id }) => id !== conversation.id);
    this.items = [...others, conversation].sort((a, b) => b.updatedMs - a.updatedMs);
  }

  async rename(id: string, title: string): Promise<void> {
    if (title.trim() === '') return;
    this.put(await this.#connection.call((client) => client.chat.rename({ id, title })));
  }

  async remove(conversation: Conversation): Promise<void> {
    await this.#connection.call((client) => client.chat.remove({ id: conversation.id }));
    this.items = this.items.filter(({ id }) => id !== conversation.id);
    this.removed = conversation;
    clearTimeout(this.#undoTimer);
    this.#undoTimer = setTimeout(() => (this.removed = null), UNDO_MS);
  }

  /** Brings the last deleted conversation back. Returns its id. */
  undo = async () => {
    const { removed } = this;
    if (removed === null) return null;
    this.put(await this.#connection.call((client) => client.chat.restore({ id: removed.id })));
    clearTimeout(this.#undoTimer);
    this.removed = null;
    return removed.id;
  };
}

/** Neighbours of the same period together, in the order given; days begin at local midnight. */
export function groupByPeriod(
  conversations: Conversation[],
  nowMs: number,
): { period: Period; conversations: Conversation[] }[] {
  const midnight = new Date(nowMs).setHours(0, 0, 0, 0);
  const groups: { period: Period; conversations: Conversation[] }[] = [];
  for (const conversation of conversations) {
    const period = periodOf(conversation.updatedMs, midnight);
    const last = groups.at(-1);
    if (last?.period === period) last.conversations.push(conversation);
    else groups.push({ period, conversations: [conversation] });
  }
  return groups;
}

function periodOf(ms: number, midnight: number): Period {
  if (ms >= midnight) return 'today';
  if (ms >= midnight - DAY_MS) return 'yesterday';
  return ms >= midnight - 6 * DAY_MS ? 'week' : 'earlier';
}
