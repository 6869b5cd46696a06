import type { Collection } from '../../main/contract/collections.ts';
import type { DocumentHit, WordsOnly } from '../../main/contract/documents.ts';
import type { Connection } from '../app/connection.ts';

const DEBOUNCE_MS = 120;
const MOST = 60;
const BEFORE = 60;
const LENGTH = 260;

export type HitsOfDocument = { documentId: string; name: string; hits: DocumentHit[] };

/** The search inside all documents, or those of a tag, as one types. An answer that a newer query has overtaken is dropped. */
export class DocumentSearch {
  #query = $state('');
  #tag = $state<string | null>(null);
  hits = $state.raw<DocumentHit[]>([]);
  /** Why nothing was looked for by its meaning; null where it was. */
  wordsOnly = $state.raw<WordsOnly | null>(null);
  /** The query that `hits` belong to; null while there is none. */
  answered = $state.raw<string | null>(null);
  readonly active = $derived(this.#query.trim() !== '');
  readonly groups = $derived(groupByDocument(this.hits));
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;
  readonly #connection: Connection;
  readonly #onProblem: (error: unknown) => void;

  constructor(connection: Connection, onProblem: (error: unknown) => void = () => {}) {
    this.#connection = connection;
    this.#onProblem = onProblem;
  }

  /** Only documents that carry it are looked through; null: all. */
  get tag(): string | null {
    return this.#tag;
  }

  set tag(tag: string | null) {
    this.#tag = tag;
    this.query = this.#query;
  }

  get query(): string {
    return this.#query;
  }

  set query(query: string) {
    this.#query = query;
    clearTimeout(this.#timer);
    this.#asked += 1;
    if (!this.active) {
      this.hits = [];
      this.answered = null;
    } else this.#timer = setTimeout(() => void this.#run(query.trim()), DEBOUNCE_MS);
  }

  clear = () => (this.query = '');

  async #run(query: string): Promise<void> {
    const asked = this.#asked;
    const within: Collection[] = this.#tag === null ? [] : [{ kind: 'tag', id: this.#tag }];
    try {
      const found = await this.#connection.call((client) =>
        client.documents.search({ query, within, limit: MOST, typed: true }),
      );
      if (asked !== this.#asked) return;
      this.hits = found.hits;
      this.wordsOnly = found.wordsOnly;
      this.answered = query;
    } catch (error) {
      this.#onProblem(error);
    }
  }
}

/** Hits of one document together, in the order of their best hit. */
export function groupByDocument(hits: readonly DocumentHit[]): HitsOfDocument[] {
  return [...Map.groupBy(hits, ({ documentId }) => documentId)].map(([documentId, group]) => ({
    documentId,
    name: group[0]!.name,
    hits: group,
  }));
}

/** The groups as far as so many hits fill them. */
export function firstHits(groups: readonly HitsOfDocument[], count: number): HitsOfDocument[] {
  const first: HitsOfDocument[] = [];
  let left = count;
  for (const group of groups) {
    if (left <= 0) break;
    first.push({ ...group, hits: group.hits.slice(0, left) });
    left -= group.hits.length;
  }
  return first;
}

/** Some lines of a passage around its first mark, as `cutAtMarks` takes them; from its beginning where it has none. */
export function snippetOf({ text, marks }: Pick<DocumentHit, 'text' | 'marks'>): {
  snippet: string;
  marks: [number, number][];
} {
  const first = marks[0]?.[0] ?? 0;
  const near = Math.max(0, first - BEFORE);
  // At the start of a word, where one is near.
  const from = near === 0 ? 0 : Math.min(first, text.slice(near, first).search(/\s/) + 1 + near);
  const end = Math.min(text.length, from + LENGTH);
  const before = from > 0 ? '… ' : '';
  const by = before.length - from;
  return {
    snippet: `${before}${text.slice(from, end).replace(/\s/g, ' ')}${end < text.length ? ' …' : ''}`,
    marks: marks.filter(([start]) => start < end).map(([start, stop]) => [start + by, Math.min(stop, end) + by]),
  };
}

/** Where in its part the words of a hit stand, or all of it where none is marked: [start, end). */
export function rangesOf({ start, end, marks }: Pick<DocumentHit, 'start' | 'end' | 'marks'>): [number, number][] {
  return marks.length > 0 ? marks.map(([from, to]) => [start + from, start + to]) : [[start, end]];
}
