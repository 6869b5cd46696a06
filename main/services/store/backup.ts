import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ReadableDb } from './db.ts';

const NAME = /^longhand-v\d+-(\d{8}T\d{9}Z)\.db$/;

/** Where a backup of `dataDir` made now goes: the name tells the schema's version and the time (UTC). */
export function backupPath(dataDir: string, schemaVersion: number, nowMs: number): string {
  const time = new Date(nowMs).toISOString().replace(/[-:.]/g, '');
  return join(dataDir, 'backups', `longhand-v${schemaVersion}-${time}.db`);
}

/** The newest backup by the time in its name, or null. */
export function newestBackup(dataDir: string): string | null {
  const folder = join(dataDir, 'backups');
  let newest: { name: string; time: string } | null = null;
  for (const name of listFiles(folder)) {
    const time = NAME.exec(name)?.[1];
    if (time !== undefined && (newest === null || time > newest.time)) newest = { name, time };
  }
  return newest === null ? null : join(folder, newest.name);
}

/**
 * Writes a compacted copy to `path` before returning, which blocks: meant for the moment before a migration.
 * What was deleted is not in it. The file appears whole or not at all.
 */
export function snapshotSync(db: ReadableDb, path: string): void {
  const part = startPart(path);
  try {
    db.prepare('VACUUM INTO :part').run({ part });
    publish(part, path);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
}

/**
 * Copies the database to `path` a hundred pages at a time, so that tokens and calls go on in between; what they write
 * is in the copy as well. Progress counts pages. The file appears whole or not at all.
 * @throws `signal.reason` when stopped
 */
export async function snapshot(
  db: ReadableDb,
  path: string,
  options: { signal?: AbortSignal; onProgress?: (progress: { done: number; total: number }) => void } = {},
): Promise<void> {
  options.signal?.throwIfAborted();
  const part = startPart(path);
  try {
    await db.backup(part, {
      progress({ totalPages, remainingPages }) {
        options.signal?.throwIfAborted();
        options.onProgress?.({ done: totalPages - remainingPages, total: totalPages });
        return 100;
      },
    });
    options.signal?.throwIfAborted();
    publish(part, path);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
}

function startPart(path: string): string {
  mkdirSync(dirname(path), { recursive: true });
  const part = `${path}.part`;
  rmSync(part, { force: true }); // left by a process that was killed
  return part;
}

/** SQLite does not flush these copies itself; a rename without it could leave a name with no content after a power cut. */
function publish(part: string, path: string): void {
  flush(part, 'r+');
  renameSync(part, path);
  if (process.platform !== 'win32') flush(dirname(path), 'r'); // Windows cannot open a folder, and journals the rename
}

function flush(path: string, flags: string): void {
  const file = openSync(path, flags);
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function listFiles(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // no backup was ever made
  }
}
