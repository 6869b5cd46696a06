import { stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { WatchedFolder, WatchState } from '../../contract/documents.ts';
import { LonghandError, toStoredError, type ErrorCode } from '../../contract/errors.ts';
import type { FileLook, StoredFolder, WatchedFile } from '../store/watched-folders.ts';
import type { Store } from '../store/open.ts';
import type { FollowedFile } from './documents.ts';
import { FileChanged, filesBelow, isSameLook, lookAt } from './files-in.ts';
import { FolderEyes } from './folder-eyes.ts';

export type Pace = {
  /** Changes come in bursts: so long after the first of them a folder is looked at. */
  gatherMs: number;
  /** A file that was written to is taken, and one that is gone is dropped, when it was so for so long. */
  settleMs: number;
  /** So often a folder is looked at unasked, since some disks tell of nothing; and where none tells. */
  lookMs: number;
  blindMs: number;
};

export type FollowerOptions = {
  store: Store;
  dataDir: string;
  pace: Pace;
  /** Takes in a file. @returns the ids of its documents */
  follow(file: FollowedFile, signal: AbortSignal): Promise<string[]>;
  /** These are documents of the folder from now on. */
  followed(documentIds: readonly string[]): void;
  /** No file of the folder holds these documents any more. */
  left(documentIds: readonly string[]): Promise<void>;
  changed(): void;
  log(line: string): void;
};

/** More files than that in one folder are a mistake, such as a home folder. */
export const MOST_WATCHED = 10_000;
/** Of the time, a tenth is spent on looking at most. */
const REST = 9;
/** A folder in which much is taken in tells of it so often. */
const TELL_EVERY_MS = 500;
/** Why an archive is passed over like a file that is no document. */
const NO_ARCHIVE: readonly ErrorCode[] = [
  'document-unreadable',
  'document-encrypted',
  'document-too-large',
  'unsupported-document',
];
/** What is no document is not copied only to find that out. */
const MOST_FILE_BYTES = 1 << 30;

type Found = { files: Map<string, FileLook>; unreadable: string[] };
type Pending = { look: FileLook | null; sinceMs: number };

/** Counts what a folder holds. @throws LonghandError `not-found` | `folder-too-large`, or `signal.reason` */
export async function survey(folder: string, signal?: AbortSignal): Promise<{ files: number }> {
  const found = await stat(folder).catch(() => null);
  if (found?.isDirectory() !== true) {
    throw new LonghandError('not-found', `There is no folder ${folder}.`, { path: folder });
  }
  let files = 0;
  for await (const _ of filesBelow(folder, { signal })) if (++files > MOST_WATCHED) throw tooMany(folder);
  return { files };
}

/**
 * Keeps the documents of one folder what its files are. Whatever happens to a file, it is found by looking at all of them and
 * comparing sizes and times with what was stored, so what happened while nobody watched is found in the same way.
 */
export class FolderFollower {
  readonly folder: StoredFolder;
  readonly #options: FollowerOptions;
  readonly #stop = new AbortController();
  readonly #eyes: FolderEyes;
  /** Files that were seen otherwise than they are stored, by path; null: gone. */
  readonly #pending = new Map<string, Pending>();
  /** Files that can't be read, by path, as they were seen. */
  readonly #closed = new Map<string, FileLook>();
  #state: WatchState = 'looking';
  #error: WatchedFolder['error'] = null;
  #found = { files: 0, sizeBytes: 0, unreadable: 0 };
  #wake: () => void = () => {};
  #hasChanged = false;
  #toldMs = 0;
  /** What it took to go through all of it last. */
  #findMs = 0;
  readonly #done: Promise<void>;

  constructor(folder: StoredFolder, options: FollowerOptions) {
    this.folder = folder;
    this.#options = options;
    this.#eyes = new FolderEyes(folder.path, () => {
      this.#hasChanged = true;
      this.#wake();
    });
    this.#done = this.#run();
  }

  show(): Omit<WatchedFolder, 'passedOver' | 'name'> {
    const { id, path, addedMs } = this.folder;
    const { files, sizeBytes, unreadable } = this.#found;
    const waiting = this.#pending.size;
    return {
      ...{ id, path, addedMs, state: this.#state, files, sizeBytes, waiting, error: this.#error },
      unreadable: unreadable + this.#closed.size,
    };
  }

  /** Settles when nothing is done with the folder any more. */
  async close(): Promise<void> {
    this.#stop.abort(new LonghandError('cancelled', 'The folder is not watched any more.'));
    this.#wake();
    this.#eyes.close();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { pace, log } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#hasChanged = false;
      try {
        await this.#look();
      } catch (error) {
        if (signal.aborted) return;
        this.#error = toStoredError(error);
        log(`${this.folder.path} could not be followed: ${this.#error.message}`);
      }
      this.#tell();
      const rest = REST * this.#findMs;
      if (!this.#hasChanged) await this.#sleep(this.#nextMs());
      if (this.#hasChanged) await this.#sleep(Math.max(pace.gatherMs, rest), { anyway: true });
    }
  }

  #nextMs(): number {
    const { pace } = this.#options;
    if (this.#error === null && this.#pending.size > 0) return pace.settleMs;
    return this.#state === 'watched' && !this.#eyes.blind ? pace.lookMs : pace.blindMs;
  }

  /** Until `ms` are over, the folder has changed (unless `anyway`), or the end. */
  async #sleep(ms: number, { anyway = false } = {}): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    timer.unref();
    this.#wake = () => {
      if (!anyway || this.#stop.signal.aborted) resolve();
    };
    if (this.#stop.signal.aborted) resolve();
    await promise;
    clearTimeout(timer);
  }

  /** Compares what is there with what is stored, and takes in what has settled. */
  async #look(): Promise<void> {
    const { store } = this.#options;
    const stored = store.watchedFolders.files(this.folder.id);
    const found = await this.#find();
    this.#error = null;
    if (found === null) return;
    const hasDocuments = [...stored.values()].some(({ documentIds }) => documentIds.length > 0);
    if (found.files.size === 0 && found.unreadable.length === 0 && hasDocuments) {
      // A disk that was taken away may leave an empty folder behind, and nobody empties one without a reason to say so.
      this.#state = 'empty';
      this.#pending.clear();
      return;
    }
    const nowMs = performance.now();
    const isHidden = (path: string) => found.unreadable.some((shut) => path === shut || path.startsWith(`${shut}/`));
    const changed = [...found.files].filter(([path, look]) => !isSameLook(look, stored.get(path) ?? null));
    const gone = [...stored.keys()].filter((path) => !found.files.has(path) && !isHidden(path));
    const waits = new Set([...changed.map(([path]) => path), ...gone]);
    for (const path of this.#pending.keys()) if (!waits.has(path)) this.#pending.delete(path);
    for (const [path, look] of this.#closed)
      if (!isSameLook(found.files.get(path) ?? null, look)) this.#closed.delete(path);
    const settled = changed.filter(([path, look]) => this.#hasSettled(path, look, nowMs));
    const lost = gone.filter((path) => this.#hasSettled(path, null, nowMs)).map((path) => stored.get(path)!);
    this.#tell();
    await this.#takeIn(settled, stored, lost);
    await this.#drop(lost);
    this.#state = 'watched';
  }

  /** Null where it can't be told what is in the folder; then its state says why, and all stays as it is. */
  async #find(): Promise<Found | null> {
    const { path: root } = this.folder;
    const startedMs = performance.now();
    const found: Found = { files: new Map(), unreadable: [] };
    this.#eyes.begin();
    try {
      const walk = {
        signal: this.#stop.signal,
        except: this.#options.dataDir,
        onFolder: this.#eyes.onFolder,
        onUnreadable: (path: string) => void found.unreadable.push(this.#below(path)),
      };
      for await (const path of filesBelow(root, walk)) {
        const below = this.#below(path);
        try {
          const look = await lookAt(path);
          if (look !== null) found.files.set(below, look);
        } catch {
          found.unreadable.push(below); // there, but who may read the folder may not go into it
        }
        if (found.files.size > MOST_WATCHED) throw tooMany(root);
      }
    } catch (error) {
      this.#stop.signal.throwIfAborted();
      this.#state = whyNot(error);
      this.#pending.clear();
      return null;
    }
    this.#eyes.end();
    this.#findMs = performance.now() - startedMs;
    const sizes = [...found.files.values()].map(({ sizeBytes }) => sizeBytes);
    const sizeBytes = sizes.reduce((sum, bytes) => sum + bytes, 0);
    this.#found = { files: sizes.length, sizeBytes, unreadable: found.unreadable.length };
    return found;
  }

  /** Whether a file was seen so for long enough. */
  #hasSettled(path: string, look: FileLook | null, nowMs: number): boolean {
    const before = this.#pending.get(path);
    if (before === undefined || !isSameLook(before.look, look)) {
      this.#pending.set(path, { look, sinceMs: nowMs });
      return false;
    }
    return nowMs - before.sinceMs >= this.#options.pace.settleMs;
  }

  async #takeIn(
    settled: readonly [string, FileLook][],
    stored: ReadonlyMap<string, WatchedFile>,
    lost: readonly WatchedFile[],
  ): Promise<void> {
    const { store, followed, left } = this.#options;
    const { id: folderId } = this.folder;
    const formerly = lost.flatMap(({ documentIds }) => documentIds);
    for (const [path, look] of settled) {
      this.#stop.signal.throwIfAborted();
      const documentIds = await this.#documentsOf(path, look, formerly);
      if (documentIds === null) continue;
      const before = stored.get(path)?.documentIds ?? [];
      store.watchedFolders.putFile(folderId, path, look, documentIds);
      this.#pending.delete(path);
      this.#closed.delete(path);
      followed(documentIds);
      await left(before);
      this.#tell(TELL_EVERY_MS);
    }
  }

  /** Null where the file can't be taken in now. @throws LonghandError `disk-full` | `reader-stopped`, or `signal.reason` */
  async #documentsOf(path: string, look: FileLook, formerly: readonly string[]): Promise<string[] | null> {
    if (look.sizeBytes > MOST_FILE_BYTES) return [];
    const { path: origin } = this.folder;
    const whole = join(origin, ...path.split('/'));
    try {
      return await this.#options.follow({ path: whole, origin, look, formerly }, this.#stop.signal);
    } catch (error) {
      this.#stop.signal.throwIfAborted();
      if (error instanceof FileChanged) {
        this.#pending.delete(path); // it has to settle again
        return null;
      }
      if (error instanceof LonghandError) {
        if (error.code === 'not-found') return null; // the next look finds it gone
        if (NO_ARCHIVE.includes(error.code)) return [];
        throw error;
      }
      // In use by another program, or not to be read by this user: tried again with the next look that comes anyway.
      this.#closed.set(path, look);
      this.#pending.delete(path);
      return null;
    }
  }

  async #drop(lost: readonly WatchedFile[]): Promise<void> {
    const { store, left } = this.#options;
    for (const { path, documentIds } of lost) {
      this.#stop.signal.throwIfAborted();
      store.watchedFolders.removeFile(this.folder.id, path);
      this.#pending.delete(path);
      await left(documentIds);
      this.#tell(TELL_EVERY_MS);
    }
  }

  #tell(everyMs = 0): void {
    const nowMs = performance.now();
    if (nowMs - this.#toldMs < everyMs) return;
    this.#toldMs = nowMs;
    this.#options.changed();
  }

  #below(path: string): string {
    return relative(this.folder.path, path).split(sep).join('/');
  }
}

function tooMany(path: string): LonghandError {
  const message = `${path} holds more than ${MOST_WATCHED.toLocaleString('en')} files, too many to be watched. Choose a folder in it.`;
  return new LonghandError('folder-too-large', message, { path, limit: MOST_WATCHED });
}

function whyNot(error: unknown): WatchState {
  if (error instanceof LonghandError) return 'too-large';
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return code === 'ENOENT' || code === 'ENOTDIR' ? 'missing' : 'unreadable';
}
