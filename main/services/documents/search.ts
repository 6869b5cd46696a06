import type { DocumentHit, WordsOnly } from '../../contract/documents.ts';
import type { Indexer } from './indexing.ts';
import { isClose } from '../store/closeness.ts';
import type { PassageSearcher } from '../store/passage-search-thread.ts';

export type SearchOptions = {
  documentIds?: readonly string[] | undefined;
  limit: number;
  /** The last word may be unfinished: somebody is typing. */
  typed?: boolean | undefined;
  signal?: AbortSignal | undefined;
};
export type SearchResult = { hits: DocumentHit[]; wordsOnly: WordsOnly | null };
/** `isClose`: whether any of the passages may be about the question. */
export type SourcesFound = { hits: DocumentHit[]; isClose: boolean };

/** Search over documents, by words and by meaning. */
export class DocumentSearch {
  readonly #searcher: PassageSearcher;
  readonly #indexer: Indexer;

  constructor({ searcher, indexer }: { searcher: PassageSearcher; indexer: Indexer }) {
    this.#searcher = searcher;
    this.#indexer = indexer;
  }

  /**
   * Loads what searches by meaning keep in memory, where a search is likely to come, so that the first is not the one that
   * waits for it: some 43 MB for 100,000 passages, which nobody pays who never asks.
   */
  warm(): void {
    const embedderId = this.#indexer.embedderId();
    if (embedderId === null) return;
    const meaning = { embedderId, vector: new Float32Array(0) };
    // What keeps it from being read will be said by a search that somebody asked for.
    this.#searcher.find({ query: '', meaning, documentIds: null, limit: 1 }).catch(() => undefined);
  }

  /** The passages that answer `query` best. @throws LonghandError, or the reason of `signal` */
  async find(query: string, { documentIds, limit, typed = false, signal }: SearchOptions): Promise<SearchResult> {
    const { meaning, wordsOnly } = await this.#meaning(query, signal);
    const asked = { query, typed, meaning, documentIds: documentIds ?? null, limit };
    const { hits } = await this.#searcher.find(asked, { signal });
    return { hits, wordsOnly };
  }

  /** The same for a question that is to be answered from them. @throws LonghandError, or the reason of `signal` */
  async sources(query: string, { documentIds, limit, signal }: SearchOptions): Promise<SourcesFound> {
    const { meaning } = await this.#meaning(query, signal);
    const asked = { query, meaning, documentIds: documentIds ?? null, limit, judged: true };
    const { hits, closeness } = await this.#searcher.find(asked, { signal });
    return { hits, isClose: isClose(closeness!, meaning?.unrelatedBelow ?? null) };
  }

  async #meaning(query: string, signal: AbortSignal | undefined) {
    const found = await this.#indexer.meaning(query, signal);
    return typeof found === 'string' ? { meaning: null, wordsOnly: found } : { meaning: found, wordsOnly: null };
  }
}
