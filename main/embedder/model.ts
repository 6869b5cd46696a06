import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { LonghandError } from '../contract/errors.ts';
import { embedderManifest, type EmbedderManifest } from '../contract/embedder.ts';
import { pinnedFloat32, pinnedInt64, RuntimeSession } from '../engine/runtime/session.ts';
import { readSignature, type Signature } from '../../native-models/graph/signature.ts';

export const MODEL_FILE = 'model.onnx';
export const TOKENIZER_FILE = 'tokenizer.json';
export const MANIFEST_FILE = 'embedder.json';

const INT64 = 7;
const FLOAT32 = 1;
/** Padded tokens of one run: so a question that comes meanwhile gets its share soon. */
const BATCH_TOKENS = 2048;

type Encoded = { index: number; ids: number[] };

/** An embedding model: a transformer's encoder in ONNX with the tokenizer beside it. */
export class EmbeddingModel {
  readonly name: string;
  readonly dimensions: number;
  readonly #manifest: EmbedderManifest;
  readonly #session: RuntimeSession;
  readonly #tokenizer: Tokenizer;
  readonly #output: string;
  readonly #takesTypes: boolean;
  readonly #special: { first: number[]; last: number[] };

  /** @throws LonghandError `model-damaged` | `runtime-failed` */
  static async load(folder: string, threads: number): Promise<EmbeddingModel> {
    try {
      const manifest = embedderManifest.parse(JSON.parse(await readFile(join(folder, MANIFEST_FILE), 'utf8')));
      const tokenizer = await openTokenizer(join(folder, TOKENIZER_FILE));
      const bytes = await readFile(join(folder, MODEL_FILE));
      const signature = readSignature(bytes);
      return new EmbeddingModel(manifest, tokenizer, signature, () => RuntimeSession.open(bytes, { threads }));
    } catch (error) {
      if (error instanceof LonghandError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      const message = `The embedding model in ${folder} cannot be used: ${reason}`;
      throw new LonghandError('model-damaged', message, { folder, reason }, { cause: error });
    }
  }

  private constructor(
    manifest: EmbedderManifest,
    tokenizer: Tokenizer,
    { inputs, outputs }: Signature,
    open: () => RuntimeSession,
  ) {
    const [output] = outputs.filter(({ elementType, shape }) => elementType === FLOAT32 && shape.length === 3);
    const dimensions = output?.shape[2] ?? null;
    if (output === undefined || dimensions === null) throw new Error('it has no output of a vector for each token');
    const names = inputs.filter(({ elementType }) => elementType === INT64).map(({ name }) => name);
    for (const needed of ['input_ids', 'attention_mask']) {
      if (!names.includes(needed)) throw new Error(`it has no input ${needed}`);
    }
    const unknown = inputs.find(({ name }) => !['input_ids', 'attention_mask', 'token_type_ids'].includes(name));
    if (unknown !== undefined) throw new Error(`it wants an input ${unknown.name}`);
    this.name = manifest.name;
    this.dimensions = dimensions;
    this.#manifest = manifest;
    this.#tokenizer = tokenizer;
    this.#output = output.name;
    this.#takesTypes = names.includes('token_type_ids');
    this.#special = specialTokens(tokenizer);
    this.#session = open();
  }

  /** One vector of length 1 after the other, in the order of the texts. What is longer than the model reads is cut. */
  async embed(texts: readonly string[], as: 'query' | 'passage', signal?: AbortSignal): Promise<Float32Array> {
    const prefix = this.#manifest.prefixes[as];
    const encoded = texts.map((text, index): Encoded => ({ index, ids: this.#encode(prefix + text) }));
    const vectors = new Float32Array(texts.length * this.dimensions);
    for (const batch of batches(encoded)) {
      signal?.throwIfAborted();
      await this.#run(batch, vectors, signal);
    }
    return vectors;
  }

  release(): void {
    this.#session.release();
  }

  #encode(text: string): number[] {
    const { first, last } = this.#special;
    const ids = this.#tokenizer.encode(text, { add_special_tokens: false }).ids;
    return [...first, ...ids.slice(0, this.#manifest.maxTokens - first.length - last.length), ...last];
  }

  async #run(batch: readonly Encoded[], vectors: Float32Array, signal?: AbortSignal): Promise<void> {
    const length = Math.max(...batch.map(({ ids }) => ids.length));
    const shape = [batch.length, length];
    const [ids, mask] = [pinnedInt64(batch.length * length), pinnedInt64(batch.length * length)];
    for (const [row, one] of batch.entries()) {
      for (const [column, id] of one.ids.entries()) {
        ids[row * length + column] = BigInt(id);
        mask[row * length + column] = 1n;
      }
    }
    const states = pinnedFloat32(batch.length * length * this.dimensions);
    const binding = this.#session.bind();
    try {
      binding.input('input_ids', { data: ids, shape });
      binding.input('attention_mask', { data: mask, shape });
      if (this.#takesTypes) binding.input('token_type_ids', { data: pinnedInt64(batch.length * length), shape });
      binding.output(this.#output, { data: states, shape: [...shape, this.dimensions] });
      await binding.run(signal);
    } finally {
      binding.release();
    }
    for (const [row, one] of batch.entries()) {
      const tokens = this.#manifest.pooling === 'first' ? 1 : one.ids.length;
      const at = row * length * this.dimensions;
      const pooled = vectors.subarray(one.index * this.dimensions, (one.index + 1) * this.dimensions);
      poolTokens(states.subarray(at, at + tokens * this.dimensions), pooled);
    }
  }
}

/** What the tokenizer's own settings of padding and length say is for others' use: we pad and cut ourselves. */
async function openTokenizer(path: string): Promise<Tokenizer> {
  const json = JSON.parse(await readFile(path, 'utf8')) as object;
  return new Tokenizer({ ...json, truncation: null, padding: null }, {});
}

/** What a sequence begins and ends with, seen from an empty one: `[CLS] [SEP]`, `<s> </s>`. */
function specialTokens(tokenizer: Tokenizer): { first: number[]; last: number[] } {
  const { ids } = tokenizer.encode('', { add_special_tokens: true });
  return { first: ids.slice(0, 1), last: ids.slice(1) };
}

/** Texts of about the same length together, since all of a batch are padded to the longest. */
function batches(encoded: readonly Encoded[]): Encoded[][] {
  const found: Encoded[][] = [];
  let open: Encoded[] = [];
  for (const one of encoded.toSorted((a, b) => a.ids.length - b.ids.length)) {
    if (open.length > 0 && (open.length + 1) * one.ids.length > BATCH_TOKENS) {
      found.push(open);
      open = [];
    }
    open.push(one);
  }
  return open.length === 0 ? found : [...found, open];
}

/** The mean of the tokens' vectors, brought to length 1. */
function poolTokens(states: Float32Array, into: Float32Array): void {
  for (let at = 0; at < states.length; at++) into[at % into.length]! += states[at]!;
  let square = 0;
  for (const value of into) square += value * value;
  const scale = square === 0 ? 0 : 1 / Math.sqrt(square);
  for (let at = 0; at < into.length; at++) into[at]! *= scale;
}
