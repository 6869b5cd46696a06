import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { recommendedSampling } from './catalog/sampling.ts';
import { ropeFrequencies } from './attention/rope.ts';
import { findArchitecture } from './architectures/index.ts';
import { openCheckpoint, type Checkpoint } from './checkpoint/index.ts';
import { freeBytes, hashFile, isDiskFull } from './files.ts';
import { GraphBuilder } from './graph/graph.ts';
import { WEIGHTS_FILE } from './graph/weights.ts';
import { COMPILER_VERSION, GRAPH_FILE, MANIFEST_FILE, TOKENIZER_FILE, type Manifest } from './manifest.ts';
import type { Recipe } from './quantize/packed.ts';
import { Tokenizer } from './text/tokenizer.ts';
import { writeTokenizerSource } from './text/tokenizer-source.ts';

export type CompileProgress = { stage: 'hash' | 'weights'; done: number; total: number };
export type CompileOptions = {
  name: string;
  recipe: Recipe;
  signal?: AbortSignal;
  /** Bytes of the checkpoint: read for its hash, then read again and packed. */
  onProgress?: (progress: CompileProgress) => void;
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
 * @throws CheckpointError, DiskFullError, or `signal.reason` when stopped
 */
export async function compile(path: string, folder: string, options: CompileOptions): Promise<Manifest> {
  const checkpoint = await openCheckpoint(path);
  const partial = `${folder}.partial`;
  let neededBytes = 0;
  try {
    // What would keep the model from being used is found before anything is written.
    Tokenizer.fromSource(checkpoint.tokenizer);
    ropeFrequencies(checkpoint.config);
    const graph = new GraphBuilder(checkpoint, options.recipe);
    findArchitecture(checkpoint.config.architecture).build(graph);
    const encoded = graph.encode();
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    neededBytes = graph.weights.sizeBytes + encoded.byteLength;
    await checkSpace(partial, neededBytes);
    const sha256 = await hashFile(path, {
      signal: options.signal,
      onProgress: (done) => options.onProgress?.({ stage: 'hash', done, total: checkpoint.sizeBytes }),
    });
    const errors = await writeWeights(join(partial, WEIGHTS_FILE), graph, options);
    await writeFile(join(partial, GRAPH_FILE), encoded, { flush: true });
    await writeFile(join(partial, TOKENIZER_FILE), writeTokenizerSource(checkpoint.tokenizer), { flush: true });
    const manifest = describe(checkpoint, graph, encoded.byteLength, sha256, errors, options);
    await writeFile(join(partial, MANIFEST_FILE), JSON.stringify(manifest, null, 2), { flush: true });
    await syncFolder(partial);
    options.signal?.throwIfAborted();
    await rename(partial, folder);
    await syncFolder(dirname(folder));
    return manifest;
  } catch (error) {
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
  graphBytes: number,
  sha256: string,
  quantizationErrors: Record<string, number>,
  { name, recipe }: CompileOptions,
): Manifest {
  const { config, path, sizeBytes } = checkpoint;
  const parameters = countParameters(checkpoint);
  return {
    format: 1,
    compilerVersion: COMPILER_VERSION,
    name,
    architecture: config.architecture,
    recipe,
    license: config.license,
    parameters,
    sampling: recommendedSampling(config, parameters),
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
    quantizationErrors,
    createdMs: Date.now(),
  };
}

async function writeWeights(file: string, graph: GraphBuilder, { signal, onProgress }: CompileOptions) {
  const fd = openSync(file, 'w');
  try {
    const write = (bytes: Uint8Array, position: number) => {
      for (let at = 0; at < bytes.byteLength;) at += writeSync(fd, bytes, at, bytes.byteLength - at, position + at);
    };
    const errors = await graph.weights.write(write, {
      signal,
      onProgress: ({ done, total }) => onProgress?.({ stage: 'weights', done, total }),
    });
    fsyncSync(fd);
    return errors;
  } finally {
    closeSync(fd);
  }
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
