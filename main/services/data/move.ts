import { existsSync, lstatSync, mkdtempSync, realpathSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { z } from 'zod';
import { LonghandError } from '../../contract/errors.ts';
import type { Job } from '../../contract/jobs.ts';
import type { MovePlan, MoveRefusal } from '../../contract/system.ts';
import { freeBytes, isDiskFull } from '../../../native-models/files.ts';
import { isBelow } from '../path-rule.ts';
import { defineJob, type JobContext } from '../jobs/job-kind.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { Store } from '../store/open.ts';
import { CACHE_FOLDER } from '../system/snapshots.ts';
import { takeCensus } from '../store/verify-thread.ts';
import { contentsOf, COPIED, copyContents, DATABASE, readCopied } from './copy.ts';
import { flushFolder, writeWhole } from './flush.ts';
import { commitMove, isFree, MARKER, ORIGIN, partOf, readMove, settle, targetIn } from './place.ts';

export const MOVE_KIND = 'move-data';

/** What must stay free where the data go, for what is written there from then on. */
const RESERVED_BYTES = 64 << 20;

export type MoverOptions = {
  dataDir: string;
  store: Store;
  jobs: Jobs;
  /** Ends what writes: answers are kept as far as they got. */
  quieten(): Promise<void>;
  /** Has all processes start again, which find the data in their new place. */
  restart(): Promise<void>;
  /** For tests. */
  free?: (folder: string) => Promise<number>;
};

type Params = { id: string; target: string };

/**
 * Moves the data folder: copies it beside its new place while the app goes on, stops writing, copies the database, checks
 * all of it, and only then says in the old folder where the data are. Before that moment the old folder is what counts,
 * after it the new one; a kill in between changes nothing about that (see `followMoves`). The old files go once an
 * assistant has opened the new place: as the job is in the copy too, that assistant finishes it.
 */
export class Mover {
  readonly #options: MoverOptions;

  constructor(options: MoverOptions) {
    this.#options = options;
    options.jobs.register(
      defineJob<Params>({
        kind: MOVE_KIND,
        params: z.object({ id: z.string(), target: z.string() }),
        title: ({ target }) => `Move the data to ${target}`,
        subject: ({ target }) => target,
        resumable: true,
        isAlone: true,
        run: (context) => this.#run(context),
        discard: async ({ params }) => this.#discard(params),
      }),
    );
  }

  /** What moving to `path` would mean. @throws LonghandError `move-refused` with a reason | `disk-full` */
  async plan(path: string): Promise<MovePlan> {
    return this.#plan(checkedTarget(this.#options.dataDir, path), 0);
  }

  /** Begins, or goes on with the move to the same place. @throws as `plan`, and `move-refused` while another one runs */
  async start(path: string): Promise<Job> {
    const { jobs, dataDir } = this.#options;
    const target = checkedTarget(dataDir, path);
    const [running] = jobs.unfinished().filter(({ kind }) => kind === MOVE_KIND);
    if (running !== undefined && running.params.target !== target) throw refused('running', target);
    if (running !== undefined) return jobs.resume(running.id);
    await this.#plan(target, 0);
    return jobs.start(MOVE_KIND, { id: randomUUID(), target });
  }

  async #plan(target: string, copiedBytes: number): Promise<MovePlan> {
    const { free = freeBytes } = this.#options;
    const bytes = this.#bytes();
    const room = (await free(nearestFolder(target))) - RESERVED_BYTES;
    if (bytes - copiedBytes > room) throw full(target, bytes - copiedBytes, room);
    return { target, bytes, freeBytes: room };
  }

  async #run(context: JobContext<Params>) {
    const { dataDir } = this.#options;
    const { id } = context.params;
    if (readMove(join(dataDir, ORIGIN))?.id !== id) await this.#move(context);
    this.#removeOld(id, context.progress);
    return { folder: dataDir };
  }

  async #move({ params: { id, target }, signal, progress, checkpoint, saveCheckpoint }: JobContext<Params>) {
    const { dataDir, store, quieten, restart } = this.#options;
    const part = partOf(target);
    checkedTarget(dataDir, target);
    if (checkpoint === null) rmSync(part, { recursive: true, force: true }); // what another move began
    saveCheckpoint({ hasBegun: true });
    const { bytes: total } = await this.#plan(target, copiedBytes(part));
    const onProgress = (done: number) => progress({ stage: 'copy', done, total, unit: 'bytes' });
    try {
      await copyContents(dataDir, part, { signal, onProgress });
      progress({ stage: 'switch', done: 0, total: null, unit: '' });
      await quieten();
      store.freeze(); // what cannot be written cannot be lost
      await copyContents(dataDir, part, { signal, onProgress() {} });
      await this.#copyDatabase(join(part, DATABASE), signal);
      writeWhole(join(part, ORIGIN), `${JSON.stringify({ id, path: dataDir })}\n`);
      flushFolder(dirname(part));
      signal.throwIfAborted();
      commitMove(dataDir, { id, path: target });
    } catch (error) {
      if (readMove(join(dataDir, MARKER))?.id !== id) {
        store.thaw();
        throw isDiskFull(error) ? full(target, total, await freeBytes(nearestFolder(target))) : error;
      }
    }
    try {
      settle({ id, path: target });
    } finally {
      await restart();
    }
    // Nothing of this process counts any more; it waits for its end.
    await new Promise((_resolve, reject) => {
      if (signal.aborted) reject(signal.reason as Error);
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  }

  async #copyDatabase(copy: string, signal: AbortSignal): Promise<void> {
    const { store } = this.#options;
    await store.backup(copy, { signal });
    const [original, found] = [await takeCensus(store.path, signal), await takeCensus(copy, signal)];
    for (const more of ['-wal', '-shm']) rmSync(`${copy}${more}`, { force: true });
    const isSame = JSON.stringify(original.rows) === JSON.stringify(found.rows);
    if (isSame && found.problems.length === 0) return;
    const problems = isSame ? found.problems : ['it does not hold what the original holds'];
    throw new LonghandError('database-corrupt', `The copy ${copy} is damaged (${problems[0]}). Nothing was moved.`, {
      ...{ path: copy, problems },
    });
  }

  /** Only what was copied and is as it was then: nothing else in that folder is ours to remove. */
  #removeOld(id: string, progress: JobContext<Params>['progress']): void {
    const target = this.#options.dataDir;
    const origin = readMove(join(target, ORIGIN));
    if (origin?.id !== id || readMove(join(origin.path, MARKER))?.id !== id) return;
    progress({ stage: 'remove', done: 0, total: null, unit: '' });
    const old = origin.path;
    for (const { path, sizeBytes, mtimeMs } of readCopied(target)) {
      const found = lstatSync(join(old, path), { throwIfNoEntry: false });
      if (found?.size === sizeBytes && found.mtimeMs === mtimeMs) rmSync(join(old, path), { force: true });
    }
    for (const { path, kind } of contentsOf(old).toReversed()) {
      if (kind === 'link' && lstatSync(join(target, path), { throwIfNoEntry: false })?.isSymbolicLink())
        rmSync(join(old, path), { force: true });
      if (kind === 'folder') removeIfEmpty(join(old, path));
    }
    for (const name of ['', '-wal', '-shm']) rmSync(join(old, `${DATABASE}${name}`), { force: true });
    rmSync(join(old, CACHE_FOLDER), { force: true, recursive: true });
    for (const name of ['lock.db', 'lock.db-journal', 'lock.pid', ORIGIN, COPIED])
      rmSync(join(old, name), { force: true });
  }

  /** A copy that will not be wanted any more. One that has become the data is not touched. */
  #discard({ id, target }: Params): void {
    const { dataDir } = this.#options;
    if (dataDir === target || readMove(join(dataDir, MARKER))?.id === id) return;
    rmSync(partOf(target), { recursive: true, force: true });
  }

  #bytes(): number {
    const { dataDir, store } = this.#options;
    const database = ['', '-wal'].map((more) => statSync(`${store.path}${more}`, { throwIfNoEntry: false })?.size ?? 0);
    return [...contentsOf(dataDir).map(({ sizeBytes }) => sizeBytes), ...database].reduce((sum, size) => sum + size, 0);
  }
}

/** @throws LonghandError `move-refused` */
function checkedTarget(dataDir: string, path: string): string {
  if (!isAbsolute(path)) throw refused('not-a-path', path);
  const target = targetIn(path);
  const [here, there] = [realpathSync(dataDir), realOf(target)];
  if (here === there || here === realOf(path)) throw refused('same', path);
  if (isBelow(here, there) || isBelow(there, here)) throw refused('nested', target);
  if (existsSync(target)) {
    if (!statSync(target).isDirectory()) throw refused('not-a-folder', target);
    if (!isFree(target)) throw refused('not-empty', target);
  }
  const part = partOf(target);
  if (existsSync(part) && !existsSync(join(part, COPIED)) && !isFree(part)) throw refused('not-empty', part);
  const parent = nearestFolder(dirname(target));
  if (!statSync(parent).isDirectory()) throw refused('not-a-folder', target);
  try {
    rmdirSync(mkdtempSync(join(parent, '.longhand-'))); // permissions do not tell of file systems that are read-only
  } catch (error) {
    throw refused('unwritable', target, error);
  }
  return target;
}

const REFUSALS: Record<MoveRefusal, string> = {
  'not-a-path': 'It is not a whole path.',
  same: 'The data are there already.',
  nested: 'One of the two folders lies in the other.',
  'not-a-folder': 'There is a file in its place.',
  'not-empty': 'The folder is not empty.',
  unwritable: 'The folder cannot be written.',
  running: 'Another move is not finished yet.',
};

function refused(reason: MoveRefusal, path: string, cause?: unknown): LonghandError {
  const message = `The data cannot be moved to ${path}. ${REFUSALS[reason]}`;
  return new LonghandError('move-refused', message, { path, reason }, { cause });
}

function full(path: string, neededBytes: number, room: number): LonghandError {
  const free = Math.max(0, room);
  const message = `There is not enough room at ${path}: ${(neededBytes / 1e9).toFixed(1)} GB are needed, ${(free / 1e9).toFixed(1)} GB are free.`;
  return new LonghandError('disk-full', message, { path, neededBytes, freeBytes: free });
}

/** The path with links resolved as far as it exists. */
function realOf(path: string): string {
  const there = nearestFolder(path);
  return join(realpathSync(there), relative(there, path));
}

function nearestFolder(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestFolder(dirname(path));
}

/** Of a broken-off copy. */
function copiedBytes(part: string): number {
  return readCopied(part).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Something is in it that we did not copy.
  }
}
