import { createHash } from 'node:crypto';
import { mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { recommendedSampling } from './catalog/sampling.ts';
import { ropeFrequencies } from './attention/rope.ts';
import { KV_PAGE, kvTypes, mapKvTypes } from './attention/kv-type.ts';
import { buildGraphs } from './architectures/build-graph.ts';
import { openCheckpoint, type Checkpoint } from './checkpoint/index.ts';
import { CompileJournal, JOURNAL_FILE } from './compile-journal.ts';
import { freeBytes, hashFile, isDiskFull } from './files.ts';
import type { GraphBuilder } from './graph/graph.ts';
import { WEIGHTS_FILE, type WeightPlan } from './graph/weights.ts';
import { COMPILER_VERSION, GRAPH_FILES, MANIFEST_FILE, TOKENIZER_FILE, type Manifest } from './manifest.ts';
import { graphCosts, weightsPerToken } from './plan/graph-costs.ts';
import type { PackError } from './quantize/pack.ts';
import type { Recipe } from './quantize/packed.ts';
import { Tokenizer } from './text/tokenizer.ts';
import { writeTokenizerSource } from './text/tokenizer-source.ts';
import { writeWeights, type Packers } from './write-weights.ts';

export type CompileProgress = { stage: 'hash' | 'weights'; done: number; total: number };
export type CompileOptions = {
  name: string;
  recipe: Recipe;
  /** Path of what the checkpoint is an adapter of, if it is one. */
  base?: string | undefined;
  signal?: AbortSignal;
  /** Bytes of the checkpoint: read for its hash, then read again and packed. */
  onProgress?: (progress: CompileProgress) => void;
  /** Tokens of a page of the KV cache, where not as usual. */
  kvPage?: number;
  /** Bytes of the checkpoint between two records of what is done. */
  recordBytes?: number;
  /** Packs in other threads; without them, in this one. */
  openPackers?: (what: { path: string; base?: string | undefined; recipe: Recipe; weightsFile: string }) => Packers;
};

/** The disk is too small for the compiled model: both figures in bytes. */
export class DiskFullError extends Error {
  readonly neededBytes: number;
  readonly freeBytes: number;
  constructor(neededBytes: number, freeBytes: number, options?: ErrorOptions) {
    super(`${neededBytes} bytes needed, ${freeBytes} free`, options);
    this.neededBytes = neededBytes;
    this.freeBytes = freeBytes;
  }
}

/**
 * Compiles the checkpoint at `path` into `folder`: graph, weights, tokenizer and manifest. The folder exists whole or
 * not at all: all is written to `<folder>.partial`, synced and renamed. Memory is bounded by a few slices of weights.
 * A stop, or a crash, leaves the partial folder, and compiling the same again goes on in it; a failure removes it.
 * @throws CheckpointError, DiskFullError, or `signal.reason` when stopped
 */
export async function compile(path: string, folder: string, options: CompileOptions): Promise<Manifest> {
  const { recipe, signal, base } = options;
  const checkpoint = await openCheckpoint(path, { base });
  const partial = `${folder}.partial`;
  let neededBytes = 0;
  try {
    // What would keep the model from being used is found before anything is written.
    Tokenizer.fromSource(checkpoint.tokenizer);
    ropeFrequencies(checkpoint.config);
    const { graph, encoded } = buildGraphs(checkpoint, recipe, options.kvPage);
    const graphBytes = mapKvTypes((type) => encoded[type].byteLength);
    const journal = CompileJournal.open(partial, await identify(checkpoint, recipe));
    if (journal.done.size === 0) await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    const weightsFile = join(partial, WEIGHTS_FILE);
    const sizeBytes = graph.weights.sizeBytes + kvTypes.reduce((sum, type) => sum + graphBytes[type], 0);
    neededBytes = sizeBytes - (journal.done.size === 0 ? 0 : (await stat(weightsFile)).blocks * 512);
    await checkSpace(partial, neededBytes);
    const sha256 = journal.sha256 ?? (await hashCheckpoint(checkpoint, options));
    journal.begin(sha256);
    const errors = await pack(graph.weights, { path, weightsFile, journal }, options);
    for (const type of kvTypes) await writeFile(join(partial, GRAPH_FILES[type]), encoded[type], { flush: true });
    await writeFile(join(partial, TOKENIZER_FILE), writeTokenizerSource(checkpoint.tokenizer), { flush: true });
    const manifest = describe(checkpoint, graph, graphBytes, sha256, errors, options);
    await writeFile(join(partial, MANIFEST_FILE), JSON.stringify(manifest, null, 2), { flush: true });
    await rm(join(partial, JOURNAL_FILE));
    await syncFolder(partial);
    signal?.throwIfAborted();
    await rename(partial, folder);
    await syncFolder(dirname(folder));
    return manifest;
  } catch (error) {
    if (signal?.aborted) throw error;
    const free = await freeBytes(dirname(folder));
    await rm(partial, { recursive: true, force: true });
    if (isDiskFull(error)) throw new DiskFullError(neededBytes, free, { cause: error });
    throw error;
  } finally {
    await checkpoint.close();
  }
}

/** Values in the checkpoint's matrices and vectors. */
export function countParameters(checkpoint: Checkpoint): number {
  let count = 0;
  for (const { shape } of checkpoint.tensors.values()) count += shape.reduce((product, size) => product * size, 1);
  return count;
}

function describe(
  checkpoint: Checkpoint,
  graph: GraphBuilder,
  graphBytes: Manifest['graphBytes'],
  sha256: string,
  errors: readonly PackError[],
  { name, recipe, kvPage = KV_PAGE }: CompileOptions,
): Manifest {
  const { config, path, sizeBytes } = checkpoint;
  const parameters = countParameters(checkpoint);
  const { each, all } = relativeErrors(graph.weights, errors);
  return {
    format: 1,
    compilerVersion: COMPILER_VERSION,
    name,
    architecture: config.architecture,
    recipe,
    license: config.license,
    parameters,
    sampling: recommendedSampling(config, parameters),
    weightsPerToken: weightsPerToken(graphCosts(graph.spec)),
    contextTokens: config.contextLength,
    layers: config.layers,
    heads: config.heads,
    kvHeads: config.kvHeads,
    headDim: config.headDim,
    hiddenSize: config.hiddenSize,
    vocabSize: config.vocabSize,
    ropeTheta: config.ropeTheta,
    ropeScaling: config.ropeScaling,
    source: { name: basename(path), sizeBytes, sha256 },
    weightsBytes: graph.weights.sizeBytes,
    graphBytes,
    kvPage,
    dualChunk: config.dualChunk,
    quantizationErrors: each,
    quantizationError: all,
    createdMs: Date.now(),
  };
}

/** What tells whether an unfinished folder is of the same making: the files as they are now, the recipe, the compiler. */
async function identify({ path, files = [path] }: Checkpoint, recipe: Recipe): Promise<string> {
  const states = await Promise.all(files.map((file) => stat(file)));
  return JSON.stringify([COMPILER_VERSION, recipe, ...states.map(({ size, mtimeMs, ino }) => [size, mtimeMs, ino])]);
}

/** SHA-256 of the checkpoint: of its file or, where there are several, of their hashes in order. */
async function hashCheckpoint(checkpoint: Checkpoint, { signal, onProgress }: CompileOptions): Promise<string> {
  const { path, files = [path], sizeBytes: total } = checkpoint;
  const hashes: string[] = [];
  let before = 0;
  for (const file of files) {
    let last = 0;
    const report = (done: number) => onProgress?.({ stage: 'hash', done: before + (last = done), total });
    hashes.push(await hashFile(file, { signal, onProgress: report }));
    before += last;
  }
  return hashes.length === 1 ? hashes[0]! : createHash('sha256').update(hashes.join()).digest('hex');
}

async function pack(
  plan: WeightPlan,
  { path, weightsFile, journal }: { path: string; weightsFile: string; journal: CompileJournal },
  { base, recipe, signal, onProgress, openPackers, recordBytes }: CompileOptions,
): Promise<PackError[]> {
  if (journal.done.size === 0) await writeFile(weightsFile, '');
  const packers = openPackers?.({ path, base, recipe, weightsFile });
  try {
    return await writeWeights(
      { plan, file: weightsFile, journal, packers: packers?.steps },
      { signal, recordBytes, onProgress: ({ done, total }) => onProgress?.({ stage: 'weights', done, total }) },
    );
  } finally {
    await packers?.close();
  }
}

/** Relative RMS error of each matrix that was packed anew, and of all matrices together. */
function relativeErrors(plan: WeightPlan, errors: readonly PackError[]) {
  const relative = ({ squaredError, squaredValue }: PackError) => Math.sqrt(squaredError / squaredValue);
  const all = { squaredError: 0, squaredValue: 0 };
  const each: Record<string, number> = {};
  for (const [step, { label }] of plan.steps.entries()) {
    const error = errors[step]!;
    all.squaredError += error.squaredError;
    all.squaredValue += error.squaredValue;
    if (error.squaredError > 0) each[label] = relative(error);
  }
  return { each, all: all.squaredError > 0 ? relative(all) : 0 };
}

async function checkSpace(folder: string, neededBytes: number): Promise<void> {
  const free = await freeBytes(folder);
  if (free < neededBytes) throw new DiskFullError(neededBytes, free);
}

/** A rename is only on the disk once the folder that holds it is. Windows has no such call. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
