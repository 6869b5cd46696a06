import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { LonghandError } from '../../contract/errors.ts';
import type { ReadableDb } from './db.ts';
import { corrupt } from './errors.ts';

/** The check made at start: `database-corrupt` or, for a sound file, null. It never rejects. */
export type Integrity = { result: Promise<LonghandError | null>; stop(): void };

export const SOUND: Integrity = { result: Promise.resolve(null), stop() {} };

/**
 * Up to this size the check is over before the store opens: 64 MB took about 0.1 s from the page cache. Beyond, it runs
 * in a thread of its own while the app is already used; 220 MB (50,000 messages) took 0.3 s.
 */
const FOREGROUND_BYTES = 64 * 1024 * 1024;

// Table by table, because a plain `quick_check` also walks the full-text index, which took four times as long as all
// the rest and holds nothing that could not be made again.
export const FIND_PROBLEMS = /* sql */ `
  SELECT t.name || ': ' || q.quick_check FROM pragma_table_list AS t CROSS JOIN pragma_quick_check(t.name) AS q
  WHERE t.schema = 'main' AND t.type IN ('table', 'shadow') AND q.quick_check <> 'ok' LIMIT 10`;

// A string, so that it is the same from source and from a bundle; the library's path is resolved here, where it is known.
const WORKER = /* js */ `
  const { parentPort, workerData } = require('node:worker_threads');
  const Database = require(workerData.library);
  const db = new Database(workerData.path, { readonly: true, fileMustExist: true });
  parentPort.postMessage(db.prepare(workerData.sql).pluck().all());
  db.close();
`;

/**
 * Runs `quick_check` over the tables of the database at `path`, which `db` reads.
 * @throws LonghandError `database-corrupt`, when the file is small enough to be checked at once
 */
export function checkIntegrity(db: ReadableDb, path: string, foregroundBytes = FOREGROUND_BYTES): Integrity {
  if (statSync(path).size > foregroundBytes) return checkInThread(path);
  const problems = db.prepare<[], string>(FIND_PROBLEMS).pluck().all();
  if (problems.length > 0) throw corrupt(path, problems);
  return SOUND;
}

function checkInThread(path: string): Integrity {
  const library = createRequire(import.meta.url).resolve('better-sqlite3');
  const worker = new Worker(WORKER, { eval: true, workerData: { library, path, sql: FIND_PROBLEMS } });
  worker.unref();
  const result = new Promise<LonghandError | null>((resolve) => {
    // A thread that is ended while it sends delivers undefined.
    worker.once('message', (problems: string[] | undefined) =>
      resolve(problems !== undefined && problems.length > 0 ? corrupt(path, problems) : null),
    );
    worker.once('error', (error: Error) => resolve(corrupt(path, [error.message], error)));
    worker.once('exit', () => resolve(null)); // stopped before it knew: nothing was found
  });
  return { result, stop: () => void worker.terminate() };
}
