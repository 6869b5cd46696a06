import type { SearchHit } from '../../main/contract/chat.ts';
import type { Connection } from '../app/connection.ts';

const DEBOUNCE_MS = 120;

export type HitGroup = { conversationId: string; title: string; hits: SearchHit[] };

/** The search over all conversations. An answer that a newer query has overtaken is dropped. */
export class Search {
  #query = $state('');
  hits = $state.raw<SearchHit[]>([]);
  /** The query that `hits` belong to; null while there is none. */
  answered = $state.raw<string | null>(null);
  readonly active = $derived(this.#query.trim() !== '');
  readonly groups = $derived(groupByConversation(this.hits));
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #connection: Connection;
  readonly #onProblem: (error: unknown) => void;

  constructor(connection: Connection, onProblem: (error: unknown) => void = () => {}) {
    this.#connection = connection;
    this.#onProblem = onProblem;
  }

  get query(): string {
    return this.#query;
  }

  set query(query: string) {
    this.#query = query;
    clearTimeout(this.#timer);
    if (!this.active) {
      this.hits = [];
      this.answered = null;
    } else this.#timer = setTimeout(() => void this.#run(query.trim()), DEBOUNCE_MS);
  }

  clear = () => (this.query = '');

  async #run(query: string): Promise<void> {
    try {
      const hits = await this.#connection.call((client) => client.chat.search({ query }));
      if (query !== this.#query.trim()) return;
      this.hits = hits;
      this.answered = query;
    } catch (error) {
      this.#onProblem(error);
    }
  }
}

/** Hits of one conversation together, in the order of their best hit. */
export function groupByConversation(hits: SearchHit[]): HitGroup[] {
  const groups = new Map<string, HitGroup>();
  for (const hit of hits) {
    const { conversationId, title } = hit;
    const group = groups.get(conversationId) ?? { conversationId, title, hits: [] };
    group.hits.push(hit);
    groups.set(conversationId, group);
  }
  return [...groups.values()];
}

/** A snippet cut at its marks: [text, isMarked] in order. Offsets are UTF-16 units, as the contract has them. */
export function cutAtMarks({ snippet, marks }: Pick<SearchHit, 'snippet' | 'marks'>): [string, boolean][] {
  const pieces: [string, boolean][] = [];
  let at = 0;
  for (const [start, end] of marks) {
    if (start > at) pieces.push([snippet.slice(at, start), false]);
    pieces.push([snippet.slice(Math.max(at, start), end), true]);
    at = Math.max(at, end);
  }
  if (at < snippet.length) pieces.push([snippet.slice(at), false]);
  return pieces;
}
