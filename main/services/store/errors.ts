import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { LonghandError } from '../../contract/errors.ts';
import { newestBackup } from './backup.ts';

/** Below this a failed write is put down to a full disk: SQLite reports some of them as plain I/O errors. */
const FULL_BELOW_BYTES = 1024 * 1024;

/**
 * What went wrong at the data folder or the database at `path`, as an error that a user can act on.
 * Anything that is not about the disk or the file (a bug, a broken constraint) is returned as it came.
 */
export function storeError(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || error instanceof LonghandError || !('code' in error)) return error;
  const code = String(error.code);
  const starts = (...prefixes: string[]) => prefixes.some((prefix) => code.startsWith(prefix));
  const free = freeBytes(path);

  if (
    starts('SQLITE_FULL', 'ENOSPC', 'EDQUOT') ||
    (starts('SQLITE_IOERR') && free !== null && free < FULL_BELOW_BYTES)
  ) {
    return new LonghandError('disk-full', `The disk is full at ${path}.`, { path, freeBytes: free }, { cause: error });
  }
  if (starts('SQLITE_CORRUPT', 'SQLITE_NOTADB')) return corrupt(path, [error.message], error);
  if (starts('SQLITE_BUSY', 'SQLITE_LOCKED')) {
    const message = `Another program is using ${path}.`;
    return new LonghandError('data-folder-in-use', message, { path, pid: null }, { cause: error });
  }
  if (starts('SQLITE_READONLY', 'EROFS', 'EACCES', 'EPERM')) return unusable(path, 'read-only', error);
  if (starts('SQLITE_CANTOPEN', 'SQLITE_IOERR', 'SQLITE_PERM', 'EIO', 'ENOTDIR', 'EEXIST')) {
    return unusable(path, isWritable(path) ? code : 'read-only', error);
  }
  return error;
}

/** `database-corrupt`, with what SQLite found and the newest backup. The file itself is left as it is. */
export function corrupt(path: string, problems: string[], cause?: unknown): LonghandError {
  const backup = newestBackup(dirname(path));
  const hint = backup === null ? 'There is no backup.' : `The newest backup is ${backup}.`;
  const message = `The database ${path} is damaged (${problems[0]}). It was left as it is. ${hint}`;
  return new LonghandError('database-corrupt', message, { path, problems, newestBackup: backup }, { cause });
}

function unusable(path: string, reason: string, cause: unknown): LonghandError {
  const message = reason === 'read-only' ? `${path} cannot be written to.` : `${path} cannot be used (${reason}).`;
  return new LonghandError('data-folder-unusable', message, { path, reason }, { cause });
}

function isWritable(path: string): boolean {
  try {
    accessSync(existsSync(path) ? path : dirname(path), constants.W_OK);
    accessSync(dirname(path), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function freeBytes(path: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(existsSync(path) ? path : dirname(path));
    return bavail * bsize;
  } catch {
    return null;
  }
}
