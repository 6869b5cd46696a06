import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LonghandError } from '../contract/errors.ts';
import type { LoadedModel } from '../contract/engine.ts';
import { ropeFrequencies, ropeTables, type RopeFrequencies } from '../../native-models/attention/rope.ts';
import { WEIGHTS_FILE } from '../../native-models/graph/weights.ts';
import {
  GRAPH_FILE,
  MANIFEST_FILE,
  parseManifest,
  TOKENIZER_FILE,
  type Manifest,
} from '../../native-models/manifest.ts';
import { parseTokenizerSource, type TokenizerSource } from '../../native-models/text/tokenizer-source.ts';
import { Tokenizer } from '../../native-models/text/tokenizer.ts';
import { Encoder } from './encoder.ts';
import { bytesPerToken, KvSequence, type CacheShape } from './kv-cache.ts';
import { pinnedFloat32, pinnedInt32, pinnedInt64, RuntimeSession, type Binding } from './runtime/session.ts';

type BoundSequence = {
  binding: Binding;
  ids: Int32Array;
  cached: BigInt64Array;
  rows: Int32Array;
  logits: Float32Array;
};

/** A compiled model in memory: text in and out, and the step from tokens to logits over a cache. */
export class Model {
  readonly manifest: Manifest;
  readonly tokenizer: Tokenizer;
  readonly tokenizerSource: TokenizerSource;
  readonly encoder: Encoder;
  readonly info: LoadedModel;
  readonly shape: CacheShape;
  readonly #session: RuntimeSession;
  readonly #frequencies: RopeFrequencies;
  readonly #bound = new Map<KvSequence, BoundSequence>();
  #rope = { cos: pinnedFloat32(0), sin: pinnedFloat32(0), positions: 0 };

  private constructor(
    session: RuntimeSession,
    manifest: Manifest,
    source: TokenizerSource,
    tokenizer: Tokenizer,
    frequencies: RopeFrequencies,
    info: LoadedModel,
  ) {
    this.#session = session;
    this.manifest = manifest;
    this.tokenizerSource = source;
    this.tokenizer = tokenizer;
    this.encoder = new Encoder(source, tokenizer);
    this.info = info;
    this.shape = { ...manifest, contextTokens: info.contextTokens };
    this.#frequencies = frequencies;
  }

  /**
   * Opens a compiled folder.
   * @param contextTokens a smaller limit than the model's own, if wanted
   * @throws LonghandError `model-not-found`, `model-damaged`, `runtime-failed`
   */
  static async load(
    folder: string,
    options: { contextTokens?: number | null | undefined; threads: number; profilePrefix?: string },
  ): Promise<Model> {
    const started = performance.now();
    const manifest = parseManifest(await readPart(folder, MANIFEST_FILE, 'model-not-found'));
    await checkSize(folder, WEIGHTS_FILE, manifest.weightsBytes);
    await checkSize(folder, GRAPH_FILE, manifest.graphBytes);
    const source = parseTokenizerSource(await readPart(folder, TOKENIZER_FILE, 'model-damaged'));
    // What can fail does so before the session holds memory.
    const tokenizer = Tokenizer.fromSource(source);
    const frequencies = ropeFrequencies(manifest);
    const session = RuntimeSession.open(join(folder, GRAPH_FILE), options);
    const info: LoadedModel = {
      name: manifest.name,
      folder,
      contextTokens: Math.min(options.contextTokens ?? Infinity, manifest.contextTokens),
      architecture: manifest.architecture,
      recipe: manifest.recipe,
      sampling: manifest.sampling,
      weightBytes: manifest.weightsBytes,
      kvBytesPerToken: bytesPerToken(manifest),
      threads: options.threads,
      loadMs: 0,
    };
    const model = new Model(session, manifest, source, tokenizer, frequencies, info);
    info.loadMs = performance.now() - started;
    return model;
  }

  newSequence(): KvSequence {
    return new KvSequence(this.shape);
  }

  /**
   * Runs `ids` behind the cached tokens of `sequence` and keeps their keys and values there.
   * @param rows positions within `ids` whose logits are wanted
   * @returns float32 [rows, vocabSize], valid until the next call for the same sequence
   */
  async forward(
    sequence: KvSequence,
    ids: readonly number[],
    { rows = [ids.length - 1], signal }: { rows?: readonly number[]; signal?: AbortSignal | undefined } = {},
  ): Promise<Float32Array> {
    const bound = this.#bind(sequence, ids.length, rows.length);
    bound.ids.set(ids);
    bound.rows.set(rows);
    bound.cached[0] = BigInt(sequence.length);
    await bound.binding.run(signal);
    sequence.commit(ids);
    return bound.logits;
  }

  /** Frees what the runtime holds for a sequence that is no longer used. */
  forget(sequence: KvSequence): void {
    this.#bound.get(sequence)?.binding.release();
    this.#bound.delete(sequence);
  }

  /** Ends profiling, where `load` asked for it. @returns the path of the profile */
  endProfile(): string {
    return this.#session.endProfile();
  }

  release(): void {
    this.encoder.close();
    for (const sequence of [...this.#bound.keys()]) this.forget(sequence);
    this.#session.release();
  }

  #bind(sequence: KvSequence, tokens: number, rows: number): BoundSequence {
    const grown = sequence.reserve(sequence.length + tokens);
    let bound = this.#bound.get(sequence);
    const fresh = bound === undefined;
    if (bound === undefined) {
      const none = pinnedInt32(0);
      bound = {
        binding: this.#session.bind(),
        ids: none,
        rows: none,
        logits: pinnedFloat32(0),
        cached: pinnedInt64(1),
      };
      bound.binding.input('cached', { data: bound.cached, shape: [1] });
      this.#bound.set(sequence, bound);
    }
    const { binding } = bound;
    if (fresh || grown) this.#bindCache(binding, sequence);
    if (bound.ids.length !== tokens) {
      bound.ids = pinnedInt32(tokens);
      binding.input('ids', { data: bound.ids, shape: [1, tokens] });
    }
    if (bound.rows.length !== rows) {
      bound.rows = pinnedInt32(rows);
      bound.logits = pinnedFloat32(rows * this.manifest.vocabSize);
      binding.input('rows', { data: bound.rows, shape: [rows] });
      binding.output('logits', { data: bound.logits, shape: [1, rows, this.manifest.vocabSize] });
    }
    return bound;
  }

  #bindCache(binding: Binding, sequence: KvSequence): void {
    const { kvHeads, headDim } = this.shape;
    const bind = (name: string, buffers: readonly Float32Array[], shape: readonly number[]) =>
      buffers.forEach((data, layer) => {
        binding.input(`${name}.${layer}`, { data, shape });
        binding.output(`${name}_out.${layer}`, { data, shape });
      });
    bind('k', sequence.keys, [1, kvHeads, 1, headDim, sequence.capacity]);
    bind('v', sequence.values, [1, kvHeads, 1, sequence.capacity, headDim]);
    const { cos, sin, positions } = this.#ropeUpTo(sequence.capacity);
    binding.input('cos', { data: cos, shape: [positions, headDim / 2] });
    binding.input('sin', { data: sin, shape: [positions, headDim / 2] });
  }

  /** Tables are shared by all sequences and grow with the longest; older bindings keep their shorter ones. */
  #ropeUpTo(positions: number) {
    if (positions > this.#rope.positions) {
      this.#rope = { ...ropeTables(this.#frequencies, 0, positions), positions };
    }
    return this.#rope;
  }
}

async function readPart(folder: string, file: string, code: 'model-not-found' | 'model-damaged'): Promise<string> {
  try {
    return await readFile(join(folder, file), 'utf8');
  } catch (cause) {
    throw new LonghandError(code, `The model folder ${folder} has no readable ${file}.`, { folder, file }, { cause });
  }
}

async function checkSize(folder: string, file: string, expected: number): Promise<void> {
  const found = await stat(join(folder, file)).then(
    ({ size }) => size,
    () => null,
  );
  if (found === expected) return;
  throw new LonghandError(
    'model-damaged',
    `${file} of the model in ${folder} has ${found ?? 'no'} bytes instead of ${expected}.`,
    {
      folder,
      file,
      expected,
      found,
    },
  );
}
