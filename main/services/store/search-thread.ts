import { setImmediate } from 'node:timers/promises';
import { parentPort, Worker, workerData, type MessagePort } from 'node:worker_threads';
import type { SearchHit } from '../../contract/chat.ts';
import { LonghandError, toStoredError, type StoredError } from '../../contract/errors.ts';
import { openStoreReader } from './open.ts';

type SearchRequest = { id: number; query: string; limit: number };
type SearchReply = { id: number; hits: SearchHit[] } | { id: number; error: StoredError };
type Purpose = { search: string };

const MARK = 'longhand-search';
const purpose = (workerData as Partial<Record<typeof MARK, Purpose>> | null)?.[MARK];

/**
 * True in the thread of a search. The thread runs this very file or, from a bundle, whatever file it was put into: an
 * entry that may be that file does nothing there.
 */
export const isSearchThread = purpose !== undefined;
if (purpose !== undefined && parentPort !== null) serve(parentPort, purpose.search);

export type Searcher = ReturnType<typeof openSearcher>;

type Waiting = { resolve(hits: SearchHit[]): void; reject(error: Error): void; stopWaiting(): void };

/**
 * Searches the store at `path` in a thread with a connection of its own, so that tokens and calls never wait for it.
 * The thread starts with the first search. A search that was stopped before its turn came is not made.
 */
export function openSearcher(path: string) {
  let worker: Worker | null = null;
  let lastId = 0;
  const waiting = new Map<number, Waiting>();

  const fail = (error: Error) => {
    worker = null;
    for (const { reject, stopWaiting } of waiting.values()) {
      stopWaiting();
      reject(error);
    }
    waiting.clear();
  };

  const start = (): Worker => {
    const started = new Worker(new URL(import.meta.url), { workerData: { [MARK]: { search: path } } });
    started.unref();
    started.on('message', (reply: SearchReply | undefined) => {
      if (reply === undefined) return; // ended while it sent
      const call = waiting.get(reply.id);
      waiting.delete(reply.id);
      call?.stopWaiting();
      if (waiting.size === 0) started.unref();
      if ('hits' in reply) call?.resolve(reply.hits);
      else call?.reject(new LonghandError(reply.error.code, reply.error.message, reply.error.details));
    });
    started.on('error', (error) =>
      fail(new LonghandError('internal', toStoredError(error).message, {}, { cause: error })),
    );
    started.on('exit', () => {
      if (worker === started) fail(new LonghandError('internal', 'The search was ended.'));
    });
    return started;
  };

  return {
    /** As `find` of the store. @throws LonghandError, or the reason of `signal` */
    find(query: string, { limit = 50, signal }: { limit?: number; signal?: AbortSignal | undefined } = {}) {
      return new Promise<SearchHit[]>((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason as Error);
        const thread = (worker ??= start());
        const id = ++lastId;
        const onAbort = () => {
          waiting.delete(id);
          thread.postMessage({ drop: id });
          reject(signal?.reason as Error);
        };
        signal?.addEventListener('abort', onAbort, { once: true });
        waiting.set(id, { resolve, reject, stopWaiting: () => signal?.removeEventListener('abort', onAbort) });
        thread.ref();
        thread.postMessage({ id, query, limit } satisfies SearchRequest);
      });
    },

    async close(): Promise<void> {
      const ended = worker;
      fail(new LonghandError('cancelled', 'Longhand was closed.'));
      await ended?.terminate();
    },
  };
}

/**
 * One search after another, on a connection that can only read. Between two it looks whether the next is still wanted,
 * for whoever types makes a search of every letter.
 */
function serve(port: MessagePort, path: string): void {
  const store = openStoreReader(path);
  const queue: SearchRequest[] = [];
  let isWorking = false;

  const answer = ({ id, query, limit }: SearchRequest): SearchReply => {
    try {
      return { id, hits: store.search.find(query, { limit }) };
    } catch (error) {
      return { id, error: toStoredError(error) };
    }
  };
  const work = async () => {
    isWorking = true;
    for (;;) {
      await setImmediate(); // lets what was dropped meanwhile be heard of
      const request = queue.shift();
      if (request === undefined) break;
      port.postMessage(answer(request));
    }
    isWorking = false;
  };
  port.on('message', (message: SearchRequest | { drop: number }) => {
    if ('drop' in message) {
      const at = queue.findIndex(({ id }) => id === message.drop);
      if (at !== -1) queue.splice(at, 1);
      return;
    }
    queue.push(message);
    if (!isWorking) void work();
  });
}
