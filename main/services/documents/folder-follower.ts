import { stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { WatchedFolder, WatchState } from '../../contract/documents.ts';
import { LonghandError, toStoredError, type ErrorCode } from '../../contract/errors.ts';
import { MOST_WATCHED } from '../../contract/folder-rule.ts';
import type { FileLook, StoredFolder, WatchedFile } from '../store/watched-folders.ts';
import type { Store } from '../store/open.ts';
import { FileChanged, filesBelow, isSameLook, lookAt } from './files-in.ts';
import { FolderEyes } from './folder-eyes.ts';
import type { FollowedFile } from './intake.ts';

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

/** Of the time, a tenth is spent on looking at most. */
const REST = 9;
/** A folder in which much is taken in tells of it so often. */
const TELL_EVERY_MS = 500;
/** Why a file is passed over: it is no document, or an archive that cannot be unpacked. */
const NO_DOCUMENT: readonly ErrorCode[] = [
  'document-unreadable',
  'document-encrypted',
  'document-too-large',
  'unsupported-document',
];
/** What ails one file only: it is tried again with the next look that comes anyway. */
const ITS_OWN: readonly ErrorCode[] = ['reader-stopped', 'internal'];

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
    if (this.#state === 'too-large') return pace.lookMs; // nothing tells of it, and each look is a long one
    if (this.#error !== null) return pace.blindMs;
    if (this.#pending.size > 0) return pace.settleMs;
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
    if (found === null) {
      this.#error = null; // its state says why
      return;
    }
    const hasDocuments = [...stored.values()].some(({ documentIds }) => documentIds.length > 0);
    if (found.files.size === 0 && found.unreadable.length === 0 && hasDocuments) {
      // A disk that was taken away may leave an empty folder behind, and nobody empties one without a reason to say so.
      this.#state = 'empty';
      this.#error = null;
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
    // Each file for itself: what keeps one from being taken in, such as a full disk, keeps none from being dropped.
    const formerly = countsOf(lost.flatMap(({ documentIds }) => documentIds));
    const failures = [
      ...(await this.#each(settled, ([path, look]) => this.#takeIn(path, look, stored.get(path), formerly))),
      ...(await this.#each(lost, (file) => this.#drop(file))),
    ];
    this.#state = 'watched';
    if (failures.length > 0) throw failures[0];
    this.#error = null;
  }

  /** @returns what was thrown. @throws `signal.reason` */
  async #each<File>(files: readonly File[], work: (file: File) => Promise<void>): Promise<unknown[]> {
    const failures: unknown[] = [];
    for (const file of files) {
      this.#stop.signal.throwIfAborted();
      try {
        await work(file);
      } catch (error) {
        failures.push(error);
      }
      this.#tell(TELL_EVERY_MS);
    }
    this.#stop.signal.throwIfAborted();
    return failures;
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
      if (this.#state === 'too-large') this.#eyes.close();
      return null;
    } finally {
      this.#findMs = performance.now() - startedMs;
    }
    this.#eyes.end();
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

  /** @throws LonghandError, of what concerns the whole folder: `disk-full` */
  async #takeIn(
    path: string,
    look: FileLook,
    before: WatchedFile | undefined,
    formerly: ReadonlyMap<string, number>,
  ): Promise<void> {
    const { store, followed, left, follow } = this.#options;
    const { id: folderId, path: origin } = this.folder;
    const settle = (ids: readonly string[]) => store.watchedFolders.putFile(folderId, path, look, ids);
    const file = { path: join(origin, ...path.split('/')), origin, look, formerly, settle };
    try {
      followed(await follow(file, this.#stop.signal));
    } catch (error) {
      this.#stop.signal.throwIfAborted();
      if (!this.#passOver(path, look, error)) return;
      settle([]);
    }
    this.#pending.delete(path);
    this.#closed.delete(path);
    await left(before?.documentIds ?? []);
  }

  /** Whether a file that could not be taken in is none to be, for as long as it stays so. */
  #passOver(path: string, look: FileLook, error: unknown): boolean {
    if (error instanceof FileChanged) {
      this.#pending.delete(path); // it has to settle again
      return false;
    }
    if (error instanceof LonghandError) {
      if (error.code === 'not-found') return false; // the next look finds it gone
      if (NO_DOCUMENT.includes(error.code)) return true;
      if (!ITS_OWN.includes(error.code)) throw error;
      this.#options.log(`a file could not be taken in: ${error.message}`);
    }
    // In use by another program, not to be read by this user, or too much for the reader.
    this.#closed.set(path, look);
    this.#pending.delete(path);
    return false;
  }

  async #drop({ path, documentIds }: WatchedFile): Promise<void> {
    const { store, left } = this.#options;
    store.watchedFolders.removeFile(this.folder.id, path);
    this.#pending.delete(path);
    await left(documentIds);
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

function countsOf(ids: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
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
