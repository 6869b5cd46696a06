import type { SearchHit } from '../../contract/chat.ts';
import { defineThread } from '../../contract/thread.ts';
import { openStoreReader } from './open.ts';

type SearchRequest = { query: string; limit: number };

/** On a connection that can only read. */
const thread = defineThread('search', import.meta.url, (path: string, atEnd) => {
  const store = openStoreReader(path);
  atEnd(store.close);
  return ({ query, limit }: SearchRequest): SearchHit[] => store.search.find(query, { limit });
});

export type Searcher = ReturnType<typeof openSearcher>;

/**
 * Searches the store at `path` in a thread with a connection of its own, so that tokens and calls never wait for it.
 * A search that was stopped before its turn came is not made.
 */
export function openSearcher(path: string) {
  const { call, close } = thread.open(path);
  return {
    /** As `find` of the store. @throws LonghandError, or the reason of `signal` */
    find: (query: string, { limit = 50, signal }: { limit?: number; signal?: AbortSignal | undefined } = {}) =>
      call({ query, limit }, { signal }),
    close,
  };
}
