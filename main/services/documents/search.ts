import type { DocumentHit, WordsOnly } from '../../contract/documents.ts';
import type { Indexer } from './indexing.ts';
import type { PassageSearcher } from '../store/passage-search-thread.ts';

export type SearchOptions = {
  documentIds?: readonly string[] | undefined;
  limit: number;
  /** The last word may be unfinished: somebody is typing. */
  typed?: boolean | undefined;
  signal?: AbortSignal | undefined;
};
export type SearchResult = { hits: DocumentHit[]; wordsOnly: WordsOnly | null };

/** Search over documents, by words and by meaning. */
export class DocumentSearch {
  readonly #searcher: PassageSearcher;
  readonly #indexer: Indexer;

  constructor({ searcher, indexer }: { searcher: PassageSearcher; indexer: Indexer }) {
    this.#searcher = searcher;
    this.#indexer = indexer;
  }

  /** The passages that answer `query` best. @throws LonghandError, or the reason of `signal` */
  async find(query: string, { documentIds, limit, typed = false, signal }: SearchOptions): Promise<SearchResult> {
    const found = await this.#indexer.meaning(query, signal);
    const [meaning, wordsOnly] = typeof found === 'string' ? [null, found] : [found, null];
    const asked = { query, typed, meaning, documentIds: documentIds ?? null, limit };
    return { hits: await this.#searcher.find(asked, { signal }), wordsOnly };
  }
}
