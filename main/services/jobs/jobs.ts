import type { Progress } from '../../contract/common.ts';
import { LonghandError, toStoredError } from '../../contract/errors.ts';
import type { Job, JobState } from '../../contract/jobs.ts';
import { Feed } from '../events/feed.ts';
import type { Store } from '../store/open.ts';
import type { StoredJob } from '../store/jobs.ts';
import type { JobKind } from './job-kind.ts';
import { Speed } from './speed.ts';

/** How often progress is stored and shown: the eye does not want more, and each is a commit. */
const PROGRESS_EVERY_MS = 250;

type StopReason = 'paused' | 'cancelled' | 'shutdown';
type Run = {
  kind: string;
  controller: AbortController;
  speed: Speed;
  stopReason: StopReason | null;
  ended: Promise<void>;
};

const ACTIVE: readonly JobState[] = ['queued', 'running', 'paused', 'interrupted'];
const FINAL: readonly JobState[] = ['done', 'failed', 'cancelled'];

/** Whether nothing more comes of it, unless a failed one is tried again. */
export const isOver = (job: { state: JobState }): boolean => FINAL.includes(job.state);

export const isActive = (job: { state: JobState }): boolean => ACTIVE.includes(job.state);

/**
 * Long work of every kind: kept in the store, one at a time of each kind, paused, cancelled and resumed in one way.
 * A job that ran when the app ended runs again at the next start, if its kind can.
 */
export class Jobs {
  readonly #store: Store;
  readonly #log: (line: string) => void;
  readonly #now: () => number;
  readonly #kinds = new Map<string, JobKind>();
  readonly #runs = new Map<string, Run>();
  readonly #feed = new Feed<Job>();
  readonly #listeners = new Set<(job: Job) => void>();
  #closing = false;

  constructor(store: Store, options: { log?: (line: string) => void; now?: () => number } = {}) {
    this.#store = store;
    this.#log = options.log ?? (() => {});
    this.#now = options.now ?? (() => performance.now());
  }

  register<Params extends Record<string, unknown>>(kind: JobKind<Params>): void {
    if (this.#kinds.has(kind.kind)) throw new Error(`two kinds of job are called ${kind.kind}`);
    this.#kinds.set(kind.kind, kind);
  }

  /** Goes on with what the last run of the app left. Call it once, when every kind is registered. */
  resumeInterrupted(): void {
    for (const job of this.#store.jobs.unfinished()) {
      if (job.state !== 'running') continue;
      this.#setState(job.id, this.#kinds.get(job.kind)?.resumable === true ? 'queued' : 'interrupted');
    }
    for (const kind of this.#kinds.keys()) this.#startNext(kind);
  }

  /** Queues new work, which starts as soon as no other job of its kind runs. */
  start(kindName: string, params: Record<string, unknown>): Job {
    const kind = this.#kind(kindName);
    const { id } = this.#store.jobs.insert({ kind: kindName, title: kind.title(kind.params.parse(params)), params });
    this.#publish(id);
    this.#startNext(kindName);
    return this.get(id);
  }

  /** @throws LonghandError `not-found` */
  get(id: string): Job {
    return this.#show(this.#stored(id));
  }

  /** What the job was started with. @throws LonghandError `not-found` */
  params(id: string): Record<string, unknown> {
    return this.#stored(id).params;
  }

  /** Newest first. */
  list(): Job[] {
    return this.#store.jobs.list().map((job) => this.#show(job));
  }

  /** What could still go on, with params and checkpoint, oldest first. */
  unfinished(): StoredJob[] {
    return this.#store.jobs.unfinished();
  }

  /** Calls `listener` with every change of a job. */
  onChange(listener: (job: Job) => void): void {
    this.#listeners.add(listener);
  }

  /** One job until it ends, or, without `id`, all that are unfinished and every change from then on. */
  async *watch(id: string | null, signal?: AbortSignal): AsyncGenerator<Job, void> {
    const snapshot = () => (id === null ? this.unfinished().map((job) => this.#show(job)) : [this.get(id)]);
    for await (const job of this.#feed.watch(snapshot, signal)) {
      if (id !== null && job.id !== id) continue;
      yield job;
      if (id !== null && isOver(job)) return;
    }
  }

  /** Stops the work for now, keeping what it has. Settles when it has stopped. */
  async pause(id: string): Promise<Job> {
    const { state } = this.#stored(id);
    if (state === 'running') await this.#stop(id, 'paused');
    else if (state === 'queued') this.#setState(id, 'paused');
    return this.get(id);
  }

  /** Goes on with a job that was paused, interrupted or failed. */
  resume(id: string): Job {
    const { state, kind } = this.#stored(id);
    if (state === 'paused' || state === 'interrupted' || state === 'failed') {
      this.#kind(kind);
      this.#setState(id, 'queued');
      this.#startNext(kind);
    }
    return this.get(id);
  }

  /** Stops the work for good; what it left unfinished is removed. Settles when that is done. */
  async cancel(id: string): Promise<Job> {
    const job = this.#stored(id);
    if (job.state === 'running') {
      await this.#stop(id, 'cancelled');
    } else if (isActive(job) || job.state === 'failed') {
      await this.#discard(job);
      this.#setState(id, 'cancelled');
    }
    return this.get(id);
  }

  /** The app ends: jobs stop where they are and stay 'running' in the store, to go on at the next start. */
  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all([...this.#runs.keys()].map((id) => this.#stop(id, 'shutdown')));
  }

  #startNext(kindName: string): void {
    if (this.#closing) return;
    const next = this.#store.jobs.nextQueued(kindName);
    if (next === null || [...this.#runs.values()].some(({ kind }) => !this.#maySitBeside(kindName, kind))) return;
    const run: Run = {
      kind: kindName,
      controller: new AbortController(),
      speed: new Speed(),
      stopReason: null,
      ended: Promise.resolve(),
    };
    this.#runs.set(next.id, run);
    this.#setState(next.id, 'running');
    run.ended = this.#run(next, this.#kind(kindName), run);
  }

  #maySitBeside(kind: string, other: string): boolean {
    return kind !== other && ![kind, other].some((one) => this.#kinds.get(one)?.isAlone === true);
  }

  /** Never rejects: whatever happens becomes the state of the job. */
  async #run(job: StoredJob, kind: JobKind, run: Run): Promise<void> {
    const { id } = job;
    const report = this.#reporter(id, run);
    let outcome: () => void;
    try {
      const result = await kind.run({
        id,
        params: kind.params.parse(job.params),
        signal: run.controller.signal,
        checkpoint: job.checkpoint,
        saveCheckpoint: (checkpoint) => void this.#store.jobs.update(id, { checkpoint }),
        progress: report.progress,
      });
      outcome = () => this.#setState(id, 'done', { result });
    } catch (error) {
      const stored = toStoredError(error);
      if (run.stopReason === 'shutdown') outcome = () => {};
      else if (run.stopReason !== null) outcome = () => this.#setState(id, run.stopReason as JobState);
      else outcome = () => this.#setState(id, 'failed', { error: stored });
      if (run.stopReason === null && stored.code === 'internal')
        this.#log(`job ${kind.kind} failed: ${describe(error)}`);
    }
    try {
      report.flush();
      if (run.stopReason === 'cancelled') await this.#discard(this.#stored(id));
      this.#runs.delete(id);
      outcome();
    } catch (error) {
      // The disk may be full by now. The store then still says 'running', and the next start goes on from there.
      this.#log(`the end of job ${kind.kind} could not be stored: ${describe(error)}`);
    }
    this.#runs.delete(id);
    // What waits to be alone comes first, or it would never be.
    const kinds = [...this.#kinds.values()].toSorted((a, b) => Number(b.isAlone ?? false) - Number(a.isAlone ?? false));
    for (const one of kinds) this.#startNext(one.kind);
  }

  /** Stores and shows progress at most every 250 ms; a new stage at once. */
  #reporter(id: string, run: Run): { progress: (progress: Progress) => void; flush: () => void } {
    let latest: Progress | null = null;
    let shownStage: string | null = null;
    let shownMs = -Infinity;
    const flush = () => {
      if (latest === null) return;
      this.#store.jobs.update(id, latest);
      shownStage = latest.stage;
      shownMs = this.#now();
      latest = null;
      this.#publish(id);
    };
    const progress = (step: Progress) => {
      if (step.stage !== (latest?.stage ?? shownStage)) run.speed.reset();
      run.speed.add(step.done, this.#now());
      latest = step;
      if (step.stage !== shownStage || this.#now() - shownMs >= PROGRESS_EVERY_MS) flush();
    };
    return { progress, flush };
  }

  async #stop(id: string, reason: StopReason): Promise<void> {
    const run = this.#runs.get(id);
    if (run === undefined) return;
    run.stopReason ??= reason;
    run.controller.abort(new LonghandError('cancelled', 'The job was stopped.'));
    await run.ended;
  }

  async #discard(job: StoredJob): Promise<void> {
    const kind = this.#kinds.get(job.kind);
    await kind?.discard?.({ id: job.id, params: kind.params.parse(job.params), checkpoint: job.checkpoint });
  }

  #setState(id: string, state: JobState, outcome: Parameters<Store['jobs']['setState']>[2] = {}): void {
    this.#store.jobs.setState(id, state, outcome);
    this.#publish(id);
  }

  #publish(id: string): void {
    const job = this.get(id);
    this.#feed.publish(job);
    for (const listener of this.#listeners) listener(job);
  }

  #show({ params, checkpoint: _checkpoint, ...job }: StoredJob): Job {
    const estimate = this.#runs.get(job.id)?.speed.estimate(job.total) ?? { speed: null, etaMs: null };
    return { ...job, subject: this.#subject(job.kind, params), ...estimate };
  }

  /** Null for work of an older app that this one cannot read any more. */
  #subject(kindName: string, params: Record<string, unknown>): string | null {
    const kind = this.#kinds.get(kindName);
    const read = kind?.params.safeParse(params);
    return read?.success === true ? (kind?.subject?.(read.data) ?? null) : null;
  }

  #stored(id: string): StoredJob {
    const job = this.#store.jobs.get(id);
    if (job === null) throw new LonghandError('not-found', `There is no job ${id}.`, { id });
    return job;
  }

  #kind(name: string): JobKind {
    const kind = this.#kinds.get(name);
    if (kind === undefined)
      throw new LonghandError('not-found', `No work of the kind ${name} is known here.`, { kind: name });
    return kind;
  }
}

const describe = (error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : String(error));
