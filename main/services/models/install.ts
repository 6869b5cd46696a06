import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { totalmem } from 'node:os';
import { basename, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { z } from 'zod';
import { LonghandError, type ErrorCode } from '../../contract/errors.ts';
import type { Job } from '../../contract/jobs.ts';
import type { HubModel } from '../../contract/models.ts';
import { recipe as recipeSchema, type CheckpointSummary, type RecipeName } from '../../contract/reader.ts';
import type { Reader } from '../../reader/client.ts';
import { needsAcknowledgement, STARTER } from '../../../native-models/catalog/index.ts';
import { recommendedRecipe } from '../../../native-models/quantize/packed.ts';
import { whereNow } from '../data/place.ts';
import { defineJob, type JobContext } from '../jobs/job-kind.ts';
import { isActive, isOver, type Jobs } from '../jobs/jobs.ts';
import { fetchedCheckpoint } from './fetch-checkpoint.ts';
import { Fetcher, unacknowledged, type FetcherNetwork } from './fetcher.ts';
import { Incoming } from './incoming.ts';
import { INSTALL_KINDS, type Models } from './models.ts';
import type { Planner } from './planner.ts';
import { isCurrent, isWhole, type Manifest, type Shelf } from './shelf.ts';

export type InstallerOptions = {
  dataDir: string;
  env: NodeJS.ProcessEnv;
  jobs: Jobs;
  shelf: Shelf;
  models: Models;
  reader: Reader;
  planner: Planner;
  memoryBytes?: number | undefined;
  network?: FetcherNetwork | undefined;
};

type Step = Pick<JobContext<never>, 'id' | 'signal' | 'checkpoint' | 'saveCheckpoint' | 'progress'>;

/** What a job keeps of the folder that it makes: its name on the shelf, and that of the model. */
const begunSchema = z.object({ folder: z.string(), name: z.string() });

const JUNK: readonly ErrorCode[] = ['not-a-checkpoint', 'checkpoint-unreadable'];
/** Faults of the file itself, which would be there again. */
const FILE_FAULTS: readonly ErrorCode[] = [
  ...JUNK,
  'unsupported-checkpoint',
  'adapter-needs-base',
  'bad-chat-template',
  'not-found',
];

/** Brings models onto the shelf: checkpoints of the user's, and those of the catalogue. */
export class Installer {
  readonly #options: InstallerOptions;
  readonly #downloads: string;
  readonly #fetcher: Fetcher;
  readonly #incoming: Incoming;

  constructor(options: InstallerOptions) {
    const { env, planner, memoryBytes = totalmem(), network = {} } = options;
    this.#options = options;
    this.#downloads = join(options.dataDir, 'downloads');
    this.#fetcher = new Fetcher({ folder: this.#downloads, env, planner, memoryBytes, network });
    this.#incoming = new Incoming(options.dataDir);
    this.#registerJobs();
    options.jobs.onChange((job) => {
      if (job.kind === 'import' && isOver(job) && !canBeTriedAgain(job)) this.#forgetCopy(job);
    });
  }

  /** At start: removes what no unfinished job will need any more, of half made models and of copies that a page sent. */
  sweep(): void {
    const { jobs, shelf } = this.#options;
    const unfinished = jobs.unfinished();
    shelf.sweep(unfinished.flatMap(({ checkpoint }) => begunSchema.safeParse(checkpoint).data?.folder ?? []));
    const imports = unfinished.filter((job) => job.kind === 'import');
    this.#incoming.sweep(imports.map((job) => this.#here(job.params.path)));
  }

  /** Compiles a file of the user's, which is never changed. @throws LonghandError `not-found` | `invalid-input` | `model-not-found` */
  import(input: { path: string; base?: string; name?: string; recipe?: RecipeName }): Job {
    const { path, base } = input;
    if (!isAbsolute(path)) throw new LonghandError('invalid-input', `${path} is not a whole path.`, { path });
    if (!existsSync(path)) throw new LonghandError('not-found', `There is no file ${path}.`, { path });
    const params = base === undefined ? input : { ...input, base: this.#basePath(base) };
    this.#forgetFailed(path);
    return this.#options.jobs.start('import', params);
  }

  /**
   * Fetches and compiles what `name` means; the job that already does so, if there is one.
   * @throws LonghandError `model-not-found` | `invalid-input` | `license-not-acknowledged`
   */
  pull(name: string, { acknowledged = false }: { acknowledged?: boolean } = {}): Job {
    const { jobs } = this.#options;
    for (const one of this.#fetcher.wanted(name)) {
      if (one.kind === 'entry' && !acknowledged && needsAcknowledgement(one.entry.license))
        throw unacknowledged(one.entry.name, one.entry.license);
    }
    const running = jobs.unfinished().find((job) => job.kind === 'pull' && job.params.name === name);
    if (running !== undefined) return jobs.resume(running.id);
    this.#forgetFailed();
    return jobs.start('pull', { name, acknowledged });
  }

  /**
   * Does `run` with the path of an adapter's base, `base` being a path or a name of what was fetched. An adapter that names
   * a base which was fetched gets that one, unless it comes with its own.
   * @throws LonghandError `not-found` | `model-not-found`, or those of `run`
   */
  async withBase<T>(base: string | undefined, run: (path: string | undefined) => Promise<T>): Promise<T> {
    const path = base === undefined ? undefined : this.#basePath(base);
    try {
      return await run(path);
    } catch (error) {
      const isWanted = error instanceof LonghandError && error.code === 'adapter-needs-base';
      const fetched = isWanted ? this.#fetched(String(error.details.base)) : null;
      if (fetched === null) throw error;
      return run(fetched);
    }
  }

  /** What a repository of the hub holds. @throws LonghandError `invalid-input` | `not-at-hub` | `offline` | `download-failed` */
  look(name: string, signal: AbortSignal = new AbortController().signal): Promise<HubModel> {
    return this.#fetcher.look(name, signal);
  }

  /**
   * At start: sees to it that there is a model to answer with. In order: one that is installed, compiled anew if another
   * version of the compiler made it; LONGHAND_MODEL; the starter, if LONGHAND_FETCH lets us.
   */
  ensureModel(): void {
    const { jobs, shelf, env, models } = this.#options;
    if (jobs.unfinished().some((job) => INSTALL_KINDS.includes(job.kind) && isActive(job))) return;
    const { model } = models.status();
    const chosen = model === null ? null : shelf.find(model.name);
    if (chosen !== null) {
      const { name, recipe, source } = chosen.manifest;
      const kept = this.#kept(source.name);
      if (!isCurrent(chosen) && kept !== null) jobs.start('import', { path: kept, name, recipe });
    } else if (env.LONGHAND_MODEL) {
      jobs.start('import', { path: resolve(env.LONGHAND_MODEL) });
    } else if (env.LONGHAND_FETCH === 'starter') {
      this.pull(STARTER);
    }
  }

  /** Removes a model and, if it was fetched, the file it was made of. */
  async remove(name: string): Promise<void> {
    const { manifest } = await this.#options.models.remove(name);
    const kept = this.#kept(manifest.source.name);
    const isShared = this.#options.shelf.list().some((model) => isMadeOf(model.manifest, manifest.source));
    if (kept !== null && !isShared) this.#removeKept(kept);
  }

  /** With another installation nobody is offered the failed one any more. */
  #forgetFailed(except?: string): void {
    const { jobs } = this.#options;
    for (const job of jobs.list()) {
      if (job.kind === 'import' && job.state === 'failed' && jobs.params(job.id).path !== except) this.#forgetCopy(job);
    }
  }

  #forgetCopy({ id }: Job): void {
    this.#incoming.remove(this.#here(this.#options.jobs.params(id).path));
  }

  /** Of a file in the data folder, which may have moved since. */
  #here(path: unknown): string {
    return whereNow(this.#options.dataDir, String(path));
  }

  #registerJobs(): void {
    const { jobs } = this.#options;
    jobs.register(
      defineJob({
        kind: 'import',
        params: z.object({
          path: z.string(),
          base: z.string().optional(),
          name: z.string().optional(),
          recipe: recipeSchema.optional(),
        }),
        title: ({ path, name }) => `Compile ${name ?? basename(path)}`,
        subject: ({ path, name }) => name ?? basename(path),
        resumable: true,
        run: ({ params, ...step }) => this.#compile(this.#here(params.path), params, step),
        discard: async (job) => this.#discardBegun(job),
      }),
    );
    jobs.register(
      defineJob({
        kind: 'pull',
        params: z.object({ name: z.string(), acknowledged: z.boolean().default(false) }),
        title: ({ name }) => (name === STARTER ? 'Install the starter model' : `Install ${name}`),
        subject: ({ name }) => (name === STARTER ? null : name),
        resumable: true,
        run: ({ params, ...step }) => this.#pull(params, step),
        discard: async ({ params, ...job }) => {
          this.#discardBegun(job);
          this.#fetcher.discard(this.#fetcher.wanted(params.name));
        },
      }),
    );
  }

  async #pull({ name, acknowledged }: { name: string; acknowledged: boolean }, step: Step) {
    const { shelf } = this.#options;
    const wanted = this.#fetcher.wanted(name);
    const installed = wanted
      .map((one) => (one.kind === 'entry' && one.source === null ? shelf.find(one.entry.name) : null))
      .find((model) => model && isCurrent(model) && isWhole(model));
    if (installed) return { name: installed.manifest.name, folder: installed.folder };

    step.progress({ stage: 'find', done: 0, total: null, unit: '' });
    // Where nothing answers, a checkpoint that was fetched before still does.
    const fetched = this.#fetcher.kept(wanted) ?? (await this.#fetcher.fetch(wanted, acknowledged, step));
    try {
      return await this.#compile(fetched.path, fetched, step);
    } catch (error) {
      // A portal that wants a login answers with its page in place of the file, and nothing had told the file's hash.
      if (error instanceof LonghandError && JUNK.includes(error.code)) this.#removeKept(fetched.path);
      throw error;
    }
  }

  async #compile(
    path: string,
    wish: { base?: string | undefined; name?: string | undefined; recipe?: RecipeName | undefined },
    step: Step,
  ) {
    const { signal, progress, saveCheckpoint } = step;
    const { reader, shelf, models } = this.#options;
    progress({ stage: 'inspect', done: 0, total: null, unit: '' });
    const { summary, base } = await this.withBase(wish.base, async (base) => {
      return { base, summary: await reader.inspect(path, { base, signal }) };
    });
    const recipe = wish.recipe ?? recommendedRecipe(summary.parameters);
    const begun = this.#begun(step);
    const name = begun?.name ?? wish.name ?? this.#freeName(summary, recipe);
    const folder = begun?.folder ?? shelf.newFolder(name);
    if (begun === null) saveCheckpoint({ folder: basename(folder), name });
    try {
      for await (const event of reader.compile({ path, base, folder, name, recipe }, { signal })) {
        if (event.type === 'progress') {
          const { stage, done, total, unit } = event;
          progress({ stage: stage === 'hash' ? 'check' : 'compile', done, total, unit });
        }
      }
    } catch (error) {
      const canGoOn = signal.aborted || (error instanceof LonghandError && error.code === 'reader-stopped');
      if (!canGoOn) this.#release(folder, step);
      throw error;
    }
    signal.throwIfAborted();
    models.installed(folder);
    return { name, folder };
  }

  /** What an earlier run of this job began to make, unless it is gone or another job's by now. */
  #begun({ id, checkpoint }: Pick<Step, 'id' | 'checkpoint'>): { folder: string; name: string } | null {
    const { jobs, shelf } = this.#options;
    const begun = begunSchema.safeParse(checkpoint).data;
    if (begun === undefined) return null;
    const isOthers = jobs.unfinished().some((job) => job.id !== id && job.checkpoint?.folder === begun.folder);
    const folder = isOthers ? null : shelf.unfinishedFolder(begun.folder);
    return folder === null ? null : { folder, name: begun.name };
  }

  #discardBegun(job: Pick<Step, 'id' | 'checkpoint'>): void {
    const begun = this.#begun(job);
    if (begun !== null) this.#options.shelf.release(begun.folder);
  }

  /** Of a run that failed nothing is kept: the next one begins in a folder of its own. */
  #release(folder: string, { saveCheckpoint }: Step): void {
    this.#options.shelf.release(folder);
    saveCheckpoint({});
  }

  /** Where the base of an adapter lies that is called by a path, or by a name as `use` or `pull` take it. */
  #basePath(base: string): string {
    if (isAbsolute(base)) {
      if (existsSync(base)) return base;
      throw new LonghandError('not-found', `There is no file ${base}.`, { path: base });
    }
    const source = this.#options.shelf.find(base)?.manifest.source;
    const path = (source && this.#kept(source.name)) ?? this.#fetched(base);
    if (path !== null) return path;
    const reason = source
      ? `An adapter is merged into what ${base} was compiled from, and ${source.name} is not kept here`
      : `There is no model ${base} here`;
    throw new LonghandError('model-not-found', `${reason}. Give the path of its file or folder.`, { name: base });
  }

  /** A checkpoint that was fetched whole under this name; null also for what is no such name. */
  #fetched(name: string): string | null {
    try {
      return this.#fetcher.kept(this.#fetcher.wanted(name))?.path ?? null;
    } catch {
      return null;
    }
  }

  /** The checkpoint's own name; numbered where a model of that name was made of another file or in another way. */
  #freeName(summary: CheckpointSummary, recipe: RecipeName): string {
    const source = { name: basename(summary.path), sizeBytes: summary.sizeBytes };
    for (let number = 1; ; number++) {
      const name = number === 1 ? summary.name : `${summary.name} ${number}`;
      const manifest = this.#options.shelf.find(name)?.manifest;
      if (manifest === undefined || (isMadeOf(manifest, source) && manifest.recipe === recipe)) return name;
    }
  }

  /** A checkpoint that we fetched, by the name that a manifest has of it: a file, or a folder of several. */
  #kept(sourceName: string): string | null {
    const direct = join(this.#downloads, sourceName);
    if (statSync(direct, { throwIfNoEntry: false })?.isFile()) return direct;
    const paths = names(this.#downloads).map((name) => fetchedCheckpoint(join(this.#downloads, name)));
    return paths.find((path) => path !== null && basename(path) === sourceName) ?? null;
  }

  /** Removes a fetched checkpoint with everything that came with it. */
  #removeKept(path: string): void {
    const [first] = relative(this.#downloads, path).split(sep);
    if (first !== undefined && first !== '' && first !== '..')
      rmSync(join(this.#downloads, first), { recursive: true, force: true });
  }
}

/** A copy that a page sent is kept for this: the file would have to be sent again. */
function canBeTriedAgain({ state, error }: Job): boolean {
  return state === 'failed' && error !== null && !FILE_FAULTS.includes(error.code);
}

function isMadeOf({ source }: Manifest, { name, sizeBytes }: { name: string; sizeBytes: number }): boolean {
  return source.name === name && source.sizeBytes === sizeBytes;
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // nothing was ever fetched
  }
}
