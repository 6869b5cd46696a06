import Database from 'better-sqlite3';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LonghandError } from '../../contract/errors.ts';
import { storeError } from './errors.ts';

export type DataFolderLock = { readonly dir: string; release(): void };

/**
 * Takes the data folder for this process, creating it where needed. The lock is an open exclusive transaction on the
 * empty `lock.db`: the operating system releases it when the process ends, however it ends, so it is never stale.
 * `lock.pid` beside it only tells a second process whom it met.
 *
 * Nothing in this process may open `lock.db`, or the database, as a plain file: on POSIX systems closing any descriptor
 * of a file drops the process's locks on it.
 * @throws LonghandError `data-folder-in-use` (at once, with `pid` if known) | `data-folder-unusable` | `disk-full`
 */
export function lockDataFolder(dir: string): DataFolderLock {
  const pidFile = join(dir, 'lock.pid');
  let db: Database.Database | null = null;
  try {
    mkdirSync(dir, { recursive: true });
    db = new Database(join(dir, 'lock.db'), { timeout: 0 });
    db.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    db?.close();
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')) {
      const pid = readPid(pidFile);
      const holder = pid === null ? 'another process' : `process ${pid}`;
      throw new LonghandError(
        'data-folder-in-use',
        `${dir} is in use by ${holder}.`,
        { path: dir, pid },
        { cause: error },
      );
    }
    throw storeError(error, dir);
  }
  const held = db;
  try {
    writeFileSync(pidFile, `${process.pid}\n`);
  } catch {
    // A courtesy to the second process; on a full disk the lock must still be had, or nothing could be read.
  }
  return {
    dir,
    release() {
      if (!held.open) return;
      rmSync(pidFile, { force: true });
      held.close();
    },
  };
}

function readPid(path: string): number | null {
  try {
    const pid = Number.parseInt(readFileSync(path, 'utf8'), 10);
    return pid > 0 ? pid : null;
  } catch {
    return null;
  }
}
