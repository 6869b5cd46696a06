import Database from 'better-sqlite3';

declare const canRead: unique symbol;
declare const canWrite: unique symbol;

/** A connection that queries may use. The brand keeps a reader from being handed to a function that writes. */
export type ReadableDb = Database.Database & { readonly [canRead]: true };

/** The one connection that may write. There is exactly one per data folder, in the assistant's process. */
export type WritableDb = ReadableDb & { readonly [canWrite]: true };

/** The name of a table or a column as SQL takes it, where it cannot be a parameter. */
export const quotedName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** How long a statement waits for another connection (a reader finishing, a backup tool) before it gives up. */
const BUSY_TIMEOUT_MS = 5000;

/** Opens `path` (or ':memory:') for writing, creating the file. Says nothing about the schema in it. */
export function openWritable(path: string): WritableDb {
  const db = new Database(path, { timeout: BUSY_TIMEOUT_MS }) as WritableDb;
  try {
    db.pragma('journal_mode = WAL');
    // better-sqlite3 compiles NORMAL in as the default of WAL, so what we rely on is said aloud. See `durably`.
    db.pragma('synchronous = NORMAL');
    db.pragma('foreign_keys = ON');
    // Deleted text is overwritten with zeros. FTS5 has a switch of its own, set where its table is created.
    db.pragma('secure_delete = ON');
    // macOS only: a plain fsync there stops at the drive's cache. Elsewhere this changes nothing.
    db.pragma('fullfsync = ON');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Opens an existing database for queries only: SQLite itself refuses a write through it. */
export function openReadable(path: string): ReadableDb {
  return new Database(path, { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT_MS }) as ReadableDb;
}

/**
 * Runs `action` as one transaction that is on the disk when this returns: what every user action ends with.
 * Inside another `durably` it becomes part of the outer transaction, and its own failure undoes only its own part.
 *
 * Tokens are committed without it: a commit at NORMAL survives the death of the process and cost 13 µs, one at FULL
 * survives a power cut and cost 4 ms (median; ext4 on a virtual disk). Switching `synchronous` around the transaction
 * cost 3 µs and measured the same as a second connection at FULL, which would also make the first reload its cache.
 */
export function durably<T>(db: WritableDb, action: () => T): T {
  if (db.inTransaction) return db.transaction(action)();
  db.exec('PRAGMA synchronous = FULL');
  try {
    return db.transaction(action).immediate();
  } finally {
    db.exec('PRAGMA synchronous = NORMAL');
  }
}

/** Runs `read` against one state of the database, which a writer on another connection cannot change in between. */
export function atOnce<T>(db: ReadableDb, read: () => T): T {
  return db.inTransaction ? read() : db.transaction(read)();
}

/**
 * Moves the write-ahead log into the database file and empties it. Only then have deleted bytes left the disk.
 * Returns false when a reader still needed the log; the next call, or closing, finishes the work.
 */
export function checkpoint(db: WritableDb): boolean {
  db.pragma('busy_timeout = 100'); // tokens and calls wait behind this one
  try {
    const [row] = db.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[];
    return row?.busy === 0;
  } finally {
    db.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
  }
}

/** JSON text for a column, or null. */
export function toJson(value: unknown): string | null {
  return value === undefined || value === null ? null : JSON.stringify(value);
}

/** The object in a JSON column. We wrote it, so its shape is believed. */
export function fromJson(text: string | null): Record<string, unknown> | null {
  return text === null ? null : (JSON.parse(text) as Record<string, unknown>);
}
