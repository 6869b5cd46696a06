import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { LonghandError } from '../../contract/errors.ts';
import { attachmentReader, attachmentWriter } from './attachments.ts';
import { backupPath, newestBackup, snapshot } from './backup.ts';
import { citationWriter } from './citations.ts';
import { collectionReader } from './collections.ts';
import { conversationReader, conversationWriter } from './conversations.ts';
import { checkpoint, durably, openReadable, openWritable, type ReadableDb, type WritableDb } from './db.ts';
import { documentReader, documentWriter } from './documents.ts';
import { corrupt, storeError } from './errors.ts';
import { folderReader, folderWriter } from './folders.ts';
import { guard, type SlowCall } from './guard.ts';
import { checkIntegrity, SOUND, type Integrity } from './integrity.ts';
import { jobReader, jobWriter } from './jobs.ts';
import { lockDataFolder, type DataFolderLock } from './lock.ts';
import { messageReader, messageWriter } from './messages.ts';
import { APPLICATION_ID, isEmpty, latestVersion, migrate, schemaVersion, type Migrated } from './migrate.ts';
import type { Migration } from './migrations/migration.ts';
import { searchIndex, searchReader } from './search.ts';
import { settingsReader, settingsWriter } from './settings.ts';
import { tagReader, tagWriter } from './tags.ts';
import { vectorReader, vectorWriter } from './vectors.ts';
import { watchedFolderReader, watchedFolderWriter } from './watched-folders.ts';
import { verificationReader, verificationWriter } from './verifications.ts';

export type StoreOptions = {
  /** The lock on the folder of the database, when the caller already has it; otherwise the store takes its own. */
  lock?: DataFolderLock;
  /** Start anew though the database is gone and backups of it are there. Only after asking the user. */
  startEmpty?: boolean;
  onSlow?: (call: SlowCall) => void;
  now?: () => number;
  migrations?: readonly Migration[];
};

export type Store = ReturnType<typeof openStore>;
export type StoreReader = ReturnType<typeof openStoreReader>;

/**
 * Opens the store of record at `path`, creating it in an empty folder, or a private one in ':memory:'.
 * One process at a time: the folder is locked until `close`. An older schema is brought up to date, after a backup.
 *
 * A file that is damaged, newer than this app or somebody else's is refused and left as it is.
 * @throws LonghandError `data-folder-in-use` | `data-folder-unusable` | `disk-full` | `database-corrupt` |
 *   `database-missing` | `database-newer` | `migration-failed`
 */
export function openStore(path: string, options: StoreOptions = {}) {
  const { now = Date.now, onSlow = () => {}, migrations } = options;
  const onDisk = path !== ':memory:';
  const dir = dirname(path);
  const lock = onDisk ? (options.lock ?? lockDataFolder(dir)) : null;
  let db: WritableDb | null = null;
  let integrity = SOUND;
  let migrated: Migrated | null;
  try {
    if (onDisk) integrity = inspect(path, options);
    db = openWritable(path);
    migrated = migrate(db, { backupPath: (version) => (onDisk ? backupPath(dir, version, now()) : null), migrations });
  } catch (error) {
    integrity.stop();
    db?.close();
    if (lock !== options.lock) lock?.release();
    throw storeError(error, path);
  }
  const open = db;
  const index = searchIndex(open);
  const context = { path, onSlow };

  return {
    path,
    /** What the update at this start did; null when there was none. */
    migrated,
    /** What the check at start found: null, or `database-corrupt` some time after opening a file over 64 MB. */
    integrity: integrity.result,

    conversations: guard('conversations', conversationWriter(open, index, now), context),
    folders: guard('folders', folderWriter(open, now), context),
    messages: guard('messages', messageWriter(open, index, now), context),
    search: guard('search', searchReader(open), context),
    jobs: guard('jobs', jobWriter(open, now), context),
    verifications: guard('verifications', verificationWriter(open, now), context),
    documents: guard('documents', documentWriter(open, now), context),
    attachments: guard('attachments', attachmentWriter(open), context),
    citations: guard('citations', citationWriter(open), context),
    watchedFolders: guard('watchedFolders', watchedFolderWriter(open, now), context),
    tags: guard('tags', tagWriter(open), context),
    collections: guard('collections', collectionReader(open), context),
    vectors: guard('vectors', vectorWriter(open), context),
    settings: guard('settings', settingsWriter(open), context),

    ...guard(
      'store',
      {
        /** From now on every write fails, so that a copy stays whole; reading goes on. */
        freeze: () => void open.pragma('query_only = ON'),
        thaw: () => void open.pragma('query_only = OFF'),
        /** Empties the log into the database file; false when a reader still needs it. */
        checkpoint: () => checkpoint(open),
        close() {
          if (!open.open) return;
          integrity.stop();
          open.close();
          if (lock !== options.lock) lock?.release();
        },
      },
      context,
    ),

    /** Several calls as one user action: all of them or none, on the disk when this returns. `action` is synchronous. */
    durably<T>(action: () => T): T {
      try {
        return durably(open, action);
      } catch (error) {
        throw storeError(error, path);
      }
    },

    /** Copies everything to the file `to` while the app goes on; see `snapshot`. */
    async backup(to: string, progress: Parameters<typeof snapshot>[2] = {}): Promise<void> {
      try {
        await snapshot(open, to, progress);
      } catch (error) {
        throw storeError(error, to);
      }
    },

    /** The name for a backup made now: `<data>/backups/longhand-v<schema>-<time>.db`. */
    backupPath: () => backupPath(dir, schemaVersion(open), now()),
  };
}

/** The queries of a store on a connection of its own, for a thread or process beside the writer's. */
export function openStoreReader(path: string, options: { onSlow?: (call: SlowCall) => void } = {}) {
  const context = { path, onSlow: options.onSlow ?? (() => {}) };
  let db: ReadableDb;
  try {
    db = openReadable(path);
  } catch (error) {
    throw storeError(error, path);
  }
  return {
    path,
    conversations: guard('conversations', conversationReader(db), context),
    folders: guard('folders', folderReader(db), context),
    messages: guard('messages', messageReader(db), context),
    search: guard('search', searchReader(db), context),
    jobs: guard('jobs', jobReader(db), context),
    verifications: guard('verifications', verificationReader(db), context),
    documents: guard('documents', documentReader(db), context),
    attachments: guard('attachments', attachmentReader(db), context),
    watchedFolders: guard('watchedFolders', watchedFolderReader(db), context),
    tags: guard('tags', tagReader(db), context),
    collections: guard('collections', collectionReader(db), context),
    vectors: guard('vectors', vectorReader(db), context),
    settings: guard('settings', settingsReader(db), context),
    close: () => void db.close(),
  };
}

/** Decides, through a connection that cannot write, whether the file at `path` may be opened at all. */
function inspect(path: string, { startEmpty, migrations }: StoreOptions): Integrity {
  const exists = existsSync(path);
  if (!exists || statSync(path).size === 0) {
    // SQLite would make a new, empty database of either, and the user's conversations would seem to be gone.
    const backup = newestBackup(dirname(path));
    if (backup === null || startEmpty) return SOUND;
    if (exists) throw corrupt(path, ['the file is empty']);
    const message = `The database ${path} is gone. The newest backup is ${backup}.`;
    throw new LonghandError('database-missing', message, { path, newestBackup: backup });
  }

  const db = openReadable(path);
  try {
    const version = schemaVersion(db);
    const owner = db.pragma('application_id', { simple: true }) as number;
    if (isEmpty(db)) return SOUND; // made by a first start that was killed before its first transaction
    if (owner !== APPLICATION_ID) throw corrupt(path, ['it was not made by Longhand']);
    const supported = latestVersion(migrations);
    if (version > supported) {
      const message = `The database ${path} has version ${version}; this Longhand knows versions up to ${supported}.`;
      throw new LonghandError('database-newer', message, { path, version, supported });
    }
    const cut = missingBytes(db, path);
    if (cut > 0) throw corrupt(path, [`the file ends ${cut} bytes early`]);
    return checkIntegrity(db, path);
  } finally {
    db.close();
  }
}

/** SQLite reads what is missing of a last page as zeros, which may look sound. A log may hold the end of the file. */
function missingBytes(db: ReadableDb, path: string): number {
  const log = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  if (log > 0) return 0;
  const pages = db.pragma('page_count', { simple: true }) as number;
  const pageBytes = db.pragma('page_size', { simple: true }) as number;
  return pages * pageBytes - statSync(path).size;
}
