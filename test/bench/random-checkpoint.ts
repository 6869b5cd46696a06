/**
 * Writes a GGUF file of the shape of a model of the catalogue with random weights: for speed and memory only, its answers
 * mean nothing. Scales differ from block to block, so that no recipe finds an easier file than a real one. Written as a
 * stream: memory stays small whatever the size.
 *
 *     node test/bench/random-checkpoint.ts FILE [NAME] [Q4_0|Q8_0|F16]     (qwen2.5-0.5b-instruct in Q4_0 unless told)
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { expectedTensors, findArchitecture } from '../../native-models/architectures/index.ts';
import { catalog } from '../../native-models/catalog/index.ts';
import type { ModelConfig } from '../../native-models/checkpoint/checkpoint.ts';
import { paperTensor } from '../../native-models/plan/paper-checkpoint.ts';
import { layOutGguf, type MetadataValue } from '../support/gguf-writer.ts';
import { byteTokens, chatMl } from '../support/tiny-checkpoint.ts';

/** Where float16 numbers lie in a block: scales in blocks of codes, else everything. */
const TYPES = { Q4_0: { bytes: 18 }, Q8_0: { bytes: 34 }, F16: { bytes: 2 } } as const;
type MatrixType = keyof typeof TYPES;
type Planned = { name: string; type: MatrixType | 'F32'; shape: readonly number[] };

const POOL_BLOCKS = 1 << 18;
const ALIGNMENT = 32;

const [file, name = 'qwen2.5-0.5b-instruct', type = 'Q4_0'] = process.argv.slice(2);
const entry = catalog.find((one) => one.name === name);
if (file === undefined || entry === undefined || !isMatrixType(type)) {
  const names = catalog.map((one) => one.name).join(', ');
  throw new Error(`usage: random-checkpoint.ts FILE [NAME] [${Object.keys(TYPES).join('|')}]; names are ${names}`);
}
let state = 1;
const pools = new Map<number, Uint8Array>();
write(file, entry.config, type);

function write(path: string, config: ModelConfig, type: MatrixType): void {
  let end = 0;
  const placed = storedTensors(config, type).map((tensor) => {
    const { byteLength } = paperTensor(tensor.name, tensor.shape, tensor.type);
    const offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
    end = offset + byteLength;
    return { ...tensor, offset, bytes: byteLength };
  });
  // The header alone is laid out in memory: a large model's data is not.
  const tensors = placed.map(({ name, type, shape, offset }) => ({
    ...{ name, type: type === 'F16' ? 1 : type, shape, offset },
    data: new Uint8Array(0),
  }));
  const { bytes: header, dataStart } = layOutGguf({ metadata: metadata(config), tensors });
  const fd = openSync(path, 'w');
  writeSync(fd, header, 0, dataStart, 0);
  for (const { name, type, shape, offset, bytes } of placed) {
    if (type === 'F32') {
      const value = name.endsWith('norm.weight') ? 1 : 0.01;
      writeSync(fd, new Uint8Array(new Float32Array(bytes / 4).fill(value).buffer), 0, bytes, dataStart + offset);
      continue;
    }
    const columns = shape.at(-1)!;
    const pool = pools.get(columns) ?? makePool(columns, type);
    pools.set(columns, pool);
    for (let done = 0; done < bytes;) {
      // Each stretch starts elsewhere in the pool, so that no two rows are alike.
      const from = (random() % (POOL_BLOCKS / 2)) * TYPES[type].bytes;
      const length = Math.min(bytes - done, pool.length - from);
      done += writeSync(fd, pool, from, length, dataStart + offset + done);
    }
  }
  closeSync(fd);
}

/** What a GGUF file of this model holds, matrices as `type`; vectors and routers are never rounded. */
function storedTensors(config: ModelConfig, type: MatrixType): Planned[] {
  const stored = new Map<string, Planned>();
  for (const { gguf, optional } of expectedTensors(config)) {
    const isPlain = gguf.shape.length === 1 || gguf.tensor.includes('ffn_gate_inp');
    if (!optional) stored.set(gguf.tensor, { name: gguf.tensor, type: isPlain ? 'F32' : type, shape: gguf.shape });
  }
  return [...stored.values()];
}

/** Every byte is a token; the rest of the vocabulary is padding. */
function metadata(config: ModelConfig): Record<string, MetadataValue> {
  const { moe, vocabSize } = config;
  const family = findArchitecture(config.architecture).ggufName;
  const padding = Array.from({ length: vocabSize - byteTokens.length }, (_, i) => `[PAD${i}]`);
  return {
    'general.architecture': family,
    'general.name': `random ${config.name}`,
    [`${family}.block_count`]: config.layers,
    [`${family}.context_length`]: config.contextLength,
    [`${family}.embedding_length`]: config.hiddenSize,
    [`${family}.feed_forward_length`]: config.intermediateSize,
    [`${family}.attention.head_count`]: config.heads,
    [`${family}.attention.head_count_kv`]: config.kvHeads,
    [`${family}.attention.layer_norm_rms_epsilon`]: { type: 'f32', value: config.rmsNormEps },
    [`${family}.rope.freq_base`]: { type: 'f32', value: config.ropeTheta },
    ...(moe && {
      [`${family}.expert_count`]: moe.experts,
      [`${family}.expert_used_count`]: moe.expertsPerToken,
      [`${family}.expert_feed_forward_length`]: moe.expertSize,
      [`${family}.expert_shared_feed_forward_length`]: moe.sharedExpertSize ?? 0,
    }),
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': family === 'llama' ? 'smollm' : 'qwen2',
    'tokenizer.ggml.tokens': [...byteTokens, ...padding],
    'tokenizer.ggml.token_type': [...byteTokens.map(() => 1), ...padding.map(() => 5)],
    'tokenizer.ggml.merges': ['a b'],
    'tokenizer.ggml.eos_token_id': 0,
    'tokenizer.chat_template': chatMl,
  };
}

/** Blocks of random codes under scales between 0.1 and 0.3 / sqrt(columns), so that activations neither grow nor die. */
function makePool(columns: number, type: MatrixType): Uint8Array {
  const { bytes } = TYPES[type];
  const pool = new Uint8Array(POOL_BLOCKS * bytes);
  const unit = (type === 'Q8_0' ? 1 / 16 : 1) / Math.sqrt(columns); // an 8-bit code is some 16 times as large
  const halves = Array.from({ length: 64 }, (_, i) => halfOf((0.1 + (0.2 * i) / 63) * unit));
  for (let at = 0; at < pool.length; at += 2) {
    const isHalf = at % bytes === 0;
    const sign = type === 'F16' ? (random() & 1) << 15 : 0;
    const bits = isHalf ? halves[random() % halves.length]! | sign : random() & 0xffff;
    pool[at] = bits & 255;
    pool[at + 1] = bits >> 8;
  }
  return pool;
}

/** The upper bits of a linear congruential generator (Numerical Recipes): the same file every time. */
function random(): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state >>> 12;
}

/** Bits of a positive float16. */
function halfOf(value: number): number {
  if (value < 2 ** -14) return Math.round(value * 2 ** 24);
  const exponent = Math.floor(Math.log2(value));
  return ((exponent + 15) << 10) | Math.round((value / 2 ** exponent - 1) * 1023);
}

function isMatrixType(name: string): name is MatrixType {
  return Object.hasOwn(TYPES, name);
}
