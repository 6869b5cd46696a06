import { defineThread } from '../../contract/thread.ts';
import { openReadable } from './db.ts';
import { storeError } from './errors.ts';
import { passageSearch, type PassageQuery, type PassagesFound } from './passage-search.ts';

/** Pages of the index that a search reads again and again: in kibibytes, negative as SQLite wants it. */
const CACHE_KIB = -32_768;

/** On a connection that can only read. */
const thread = defineThread('search of passages', import.meta.url, (path: string, atEnd) => {
  try {
    const db = openReadable(path);
    atEnd(() => db.close());
    db.pragma(`cache_size = ${CACHE_KIB}`);
    const search = passageSearch(db);
    return (query: PassageQuery): PassagesFound => search.find(query);
  } catch (error) {
    throw storeError(error, path);
  }
});

export type PassageSearcher = ReturnType<typeof openPassageSearcher>;

/** Searches the documents of the store at `path` in a thread with a connection of its own: no token waits for it. */
export function openPassageSearcher(path: string) {
  const { call, close } = thread.open(path);
  return {
    /** Best first. One that was stopped before its turn came is not made. @throws LonghandError, or the reason of `signal` */
    find: (query: PassageQuery, { signal }: { signal?: AbortSignal | undefined } = {}) => call(query, { signal }),
    close,
  };
}
