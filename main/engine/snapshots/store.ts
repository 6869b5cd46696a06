import { join } from 'node:path';
import type { FrozenSequence, KvSequence } from '../kv-cache.ts';
import { sharedLength } from '../shared-length.ts';
import { disk as realDisk, flushFolder, type Disk } from './disk.ts';
import { SnapshotFinder, type CacheOf } from './finder.ts';
import { nodeBytes, SnapshotDamaged, writeNode } from './format.ts';
import { SnapshotLock } from './lock.ts';
import { SnapshotOwners } from './owners.ts';
import { nodesOf, type NewNode } from './pages.ts';
import { nameOf, parseName, SnapshotTree, type SnapshotNode } from './tree.ts';

/** While a long sequence is written, what is there by then is noted every so many pages. */
const NOTE_EVERY_PAGES = 8;
/** A disk brings several files to safety in the time of one; the threads that do it are also those that models run on. */
const WRITTEN_AT_ONCE = 2;
/** Where another process writes, it is looked so often whether it still does. */
const LOOK_AGAIN_MS = 20_000;

/** 'read': another process writes there, or nobody can. */
export type SnapshotMode = 'off' | 'read' | 'write';
export type SnapshotOptions = {
  budgetBytes: number;
  log?: (line: string) => void;
  /** For tests. */
  disk?: Disk;
  now?: () => number;
};
export type SaveOptions = {
  /** Also the page that is being filled. */
  tail: boolean;
  signal?: AbortSignal | undefined;
};

/**
 * KV caches on the disk: a file for each page, so that what sequences have in common is there once, and a longer one adds
 * only what is new. Nothing here is trusted: a file that is not what its name promises is thrown away, and whatever goes
 * wrong with the disk costs no more than what would have been saved. One process writes; others read.
 */
export class SnapshotStore {
  readonly folder: string;
  readonly #disk: Disk;
  readonly #log: (line: string) => void;
  readonly #now: () => number;
  #budgetBytes: number;
  #mode: SnapshotMode = 'off';
  #lock: SnapshotLock | null = null;
  #lookedMs = 0;
  #tree!: SnapshotTree;
  #finder!: SnapshotFinder;
  #owners!: SnapshotOwners;
  /** Writers follow one another. */
  #writing: Promise<unknown> = Promise.resolve();
  #saving: { owner: string; stop: AbortController } | null = null;

  private constructor(folder: string, options: SnapshotOptions) {
    const { budgetBytes, log = () => {}, disk = realDisk, now = Date.now } = options;
    this.folder = folder;
    this.#disk = disk;
    this.#log = log;
    this.#now = now;
    this.#budgetBytes = budgetBytes;
    this.#forgetNames();
  }

  /** Never rejects: without a folder that can be read it knows nothing, and saves nothing. */
  static async open(folder: string, options: SnapshotOptions): Promise<SnapshotStore> {
    const store = new SnapshotStore(folder, options);
    await store.#open();
    return store;
  }

  get mode(): SnapshotMode {
    return this.#mode;
  }

  get bytes(): number {
    return this.#tree.bytes;
  }

  get owners(): string[] {
    return this.#owners.names;
  }

  /** Tokens of `prompt` that are here. */
  async find(model: CacheOf, prompt: ArrayLike<number>): Promise<number> {
    return (await this.#finder.find(model, prompt)).tokens;
  }

  /** As `SnapshotFinder.restore`. @returns tokens that came from the disk */
  async restore(
    sequence: KvSequence,
    model: CacheOf,
    prompt: readonly number[],
    signal?: AbortSignal,
  ): Promise<number> {
    const { tokens, tip } = await this.#finder.restore(sequence, model, prompt, signal);
    if (tip !== null) this.#touch(tip);
    return tokens;
  }

  /**
   * Saves what is new of a sequence for `owner`. What went unused for longest is thrown away where that makes the room.
   * Never rejects.
   * @param freeze called when its turn has come; null: there is nothing to be saved any more
   * @returns tokens of it that are here now
   */
  save(
    cacheKey: string,
    owner: string,
    freeze: () => FrozenSequence | null,
    { tail, signal }: SaveOptions,
  ): Promise<number> {
    return this.#write('a cache was not saved', 0, async () => {
      const frozen = freeze();
      if (frozen === null) return 0;
      const stop = new AbortController();
      this.#saving = { owner, stop };
      const either = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);
      try {
        return await this.#save(cacheKey, owner, frozen, tail, either);
      } finally {
        this.#saving = null;
        frozen.release();
      }
    });
  }

  /** Deletes what only these owners need. */
  async forget(owners: readonly string[]): Promise<void> {
    if (this.#saving !== null && owners.includes(this.#saving.owner)) this.#saving.stop.abort();
    await this.#write('snapshots were not deleted', undefined, async () => {
      for (const owner of owners) await this.#owners.remove(owner);
      await this.#sweep();
    });
  }

  /** Deletes everything. @returns the bytes that were freed */
  async clear(): Promise<number> {
    const before = this.bytes;
    await this.forget(this.owners);
    return before - this.bytes;
  }

  /** Keeps to another budget from now on. */
  async setBudget(bytes: number): Promise<void> {
    this.#budgetBytes = bytes;
    await this.#write('snapshots were not deleted', undefined, async () => void (await this.#makeRoom(0, '')));
  }

  /** Lets what is being written come to an end. */
  async close(): Promise<void> {
    await this.#writing;
    this.#mode = 'off';
    await this.#lock?.release();
    this.#lock = null;
  }

  async #open(): Promise<void> {
    this.#lookedMs = this.#now();
    try {
      await this.#disk.mkdir(join(this.folder, 'owners'), { recursive: true, mode: 0o700 });
      this.#lock = await SnapshotLock.take(this.#disk, this.folder);
      if (this.#lock === null) this.#log('another process writes snapshots; they are only read');
    } catch (error) {
      this.#log(`snapshots are only read: ${messageOf(error)}`);
    }
    try {
      const others = await this.#list();
      this.#mode = this.#lock === null ? 'read' : 'write';
      if (this.#lock !== null) await this.#tidy(others);
    } catch (error) {
      this.#log(`there are no snapshots: ${messageOf(error)}`);
    }
  }

  #forgetNames(): void {
    const tree = new SnapshotTree();
    const onLost = (lost: SnapshotNode[], error: unknown) => this.#onLost(lost, error);
    this.#tree = tree;
    this.#finder = new SnapshotFinder({ disk: this.#disk, folder: this.folder, tree, onLost });
    this.#owners = new SnapshotOwners(this.#disk, join(this.folder, 'owners'));
  }

  /** Reads the names that are there. @returns paths of files that are none of ours, or half written */
  async #list(): Promise<string[]> {
    this.#forgetNames();
    const others: string[] = [];
    for (const name of await this.#disk.readdir(this.folder)) {
      if (name === 'lock' || name === 'owners') continue;
      const path = join(this.folder, name);
      const parsed = parseName(name);
      const stats = await this.#disk.stat(path).catch(() => null);
      if (stats === null) continue;
      if (parsed === null || !stats.isFile()) others.push(path);
      else this.#tree.add({ ...parsed, bytes: stats.size, usedMs: stats.mtimeMs, tokens: null });
    }
    this.#tree.spreadUse();
    return [...others, ...(await this.#owners.read()).map((name) => join(this.folder, 'owners', name))];
  }

  async #tidy(others: readonly string[]): Promise<void> {
    for (const path of others) await this.#disk.rm(path, { force: true, recursive: true });
    await this.#sweep();
    await this.#makeRoom(0, '');
  }

  /** Nodes that cannot be read are no longer needed, and damaged ones go from the disk. */
  #onLost(lost: readonly SnapshotNode[], error: unknown): void {
    this.#log(`a snapshot is not used: ${messageOf(error)}`);
    void this.#write('a damaged snapshot was not deleted', undefined, async () => {
      await this.#retreat(lost);
      if (!(error instanceof SnapshotDamaged)) return;
      // Another sequence may have written one anew meanwhile.
      for (const node of lost) if (this.#tree.get(node.id) === undefined) await this.#remove(node);
    });
  }

  async #save(
    cacheKey: string,
    owner: string,
    frozen: FrozenSequence,
    withTail: boolean,
    signal: AbortSignal,
  ): Promise<number> {
    const nodes = nodesOf(cacheKey, frozen, withTail);
    let [saved, noted] = [0, 0];
    const tip = () => nodes[saved - 1]!.id;
    try {
      while (saved < nodes.length) {
        signal.throwIfAborted();
        const next = nodes.slice(saved, saved + WRITTEN_AT_ONCE);
        const added = await this.#addAll(next, signal);
        saved += added;
        if (added < next.length) break; // there is no room for more
        if (saved - noted < NOTE_EVERY_PAGES) continue;
        await this.#note(owner, tip());
        noted = saved;
      }
    } finally {
      // What was written counts, whatever ended this; but an owner that is being forgotten is not noted again.
      if (saved > 0 && this.#saving?.stop.signal.aborted !== true) await this.#note(owner, tip());
      await this.#sweep();
    }
    return nodes.slice(0, saved).reduce((sum, { info }) => sum + info.tokens.length, 0);
  }

  /** Writes those of the nodes, each behind the one before, that are not there. @returns how many there is room for */
  async #addAll(nodes: readonly NewNode[], signal: AbortSignal): Promise<number> {
    let fitting = 0;
    for (const { id, info, sections } of nodes) {
      const bytes = this.#tree.get(id) === undefined ? nodeBytes(info, sections()) : 0;
      const others = nodes.slice(0, fitting).reduce((sum, one) => sum + one.bytes, 0);
      if (bytes > 0 && !(await this.#makeRoom(others + bytes, nodes[0]!.info.parent))) break;
      nodes[fitting]!.bytes = bytes;
      fitting++;
    }
    const missing = nodes.slice(0, fitting).filter(({ bytes }) => bytes > 0);
    const written = await Promise.allSettled(missing.map((node) => this.#add(node, signal)));
    const failed = written.findIndex(({ status }) => status === 'rejected');
    if (failed === -1) return fitting;
    throw (written[failed] as PromiseRejectedResult).reason;
  }

  async #add({ id, info, sections }: NewNode, signal: AbortSignal): Promise<void> {
    const node = { id, parent: info.parent, kind: info.kind };
    const path = this.#path(node);
    const part = `${path}.part`;
    try {
      const bytes = await writeNode(this.#disk, part, info, sections(), signal);
      await this.#disk.rename(part, path);
      this.#tree.add({ ...node, bytes, usedMs: this.#now(), tokens: info.tokens });
    } catch (error) {
      await this.#disk.rm(part, { force: true }).catch(() => {});
      throw error;
    }
  }

  /**
   * Notes that a sequence of `owner` ends at the node `tip`, in the place of shorter ones: those that lie on the way, and
   * pages that were being filled then and have gone on as it does.
   */
  async #note(owner: string, tip: string): Promise<void> {
    await flushFolder(this.#disk, this.folder);
    const way = [...this.#tree.path(tip)];
    const isShorter = (id: string) => {
      const node = this.#tree.get(id);
      if (node === undefined || way.includes(node)) return true;
      const next = way.find(({ parent }) => parent === node.parent);
      if (node.kind !== 'tail' || node.tokens === null || !next?.tokens) return false;
      return sharedLength(node.tokens, next.tokens) === node.tokens.length;
    };
    const others = this.#owners.tipsOf(owner).filter((id) => !isShorter(id));
    // Nor does a shorter sequence push out a longer one.
    const isKnown = others.some((id) => [...this.#tree.path(id)].some((node) => node.id === tip));
    await this.#owners.set(owner, isKnown ? others : [...others, tip]);
    this.#touch(tip);
  }

  #touch(tip: string): void {
    const now = this.#now();
    this.#tree.touch(tip, now);
    const node = this.#tree.get(tip);
    if (node === undefined || this.#mode !== 'write') return;
    this.#disk.utimes(this.#path(node), now / 1000, now / 1000).catch(() => {}); // gone meanwhile
  }

  /** Deletes what no owner needs. */
  async #sweep(): Promise<void> {
    for (const node of this.#tree.unreachable(this.#owners.tips)) await this.#remove(node);
  }

  /** Deletes what went unused for longest until `bytes` fit, but never `kept`. False: they cannot. */
  async #makeRoom(bytes: number, kept: string): Promise<boolean> {
    const removed: SnapshotNode[] = [];
    try {
      while (this.#tree.bytes + bytes > this.#budgetBytes) {
        const node = this.#tree.leastUsed(kept);
        if (node === null) return false;
        await this.#remove(node);
        removed.push(node);
      }
      return true;
    } finally {
      await this.#retreat(removed);
    }
  }

  /** Lets owners whose tips are among `gone` stand on what is left before them. */
  async #retreat(gone: readonly SnapshotNode[]): Promise<void> {
    if (gone.length === 0) return;
    const parents = new Map(gone.map(({ id, parent }) => [id, parent]));
    for (const owner of this.#owners.names) {
      const tips = this.#owners.tipsOf(owner);
      if (!tips.some((tip) => parents.has(tip))) continue;
      const left = tips.map((tip) => {
        let at = tip;
        for (let before = parents.get(at); before !== undefined; before = parents.get(at)) at = before;
        return at;
      });
      const kept = [...new Set(left)].filter((tip) => this.#tree.get(tip) !== undefined);
      if (kept.length > 0) await this.#owners.set(owner, kept);
      else await this.#owners.remove(owner);
    }
  }

  async #remove(node: SnapshotNode): Promise<void> {
    await this.#disk.rm(this.#path(node), { force: true });
    this.#tree.remove(node);
  }

  #path(node: Pick<SnapshotNode, 'parent' | 'id' | 'kind'>): string {
    return join(this.folder, nameOf(node));
  }

  /** Runs `work` after earlier ones if this process may write. Faults of the disk are logged, and give `otherwise`. */
  #write<T>(fault: string, otherwise: T, work: () => Promise<T>): Promise<T> {
    const run = async () => {
      if (this.#mode === 'read' && this.#now() - this.#lookedMs > LOOK_AGAIN_MS) await this.#open();
      if (this.#mode !== 'write') return otherwise;
      try {
        return await work();
      } catch (error) {
        if (!isAbort(error)) this.#log(`${fault}: ${messageOf(error)}`);
        return otherwise;
      }
    };
    const done = this.#writing.then(run);
    this.#writing = done;
    return done;
  }
}

const isAbort = (error: unknown) => error instanceof Error && ['AbortError', 'TimeoutError'].includes(error.name);
const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
