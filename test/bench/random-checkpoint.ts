/**
 * Writes a GGUF file of the shape of a Qwen2.5 model with random weights: for speed and memory only, its answers mean
 * nothing. Scales differ from block to block, so that no recipe finds an easier file than a real one.
 *
 *     node test/bench/random-checkpoint.ts FILE [SIZE] [Q4_0|Q8_0]        (0.5B in Q4_0 unless told)
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { layOutGguf, type GgufTensor } from '../support/gguf-writer.ts';
import { byteTokens, chatMl } from '../support/tiny-checkpoint.ts';

type Shape = { layers: number; hidden: number; heads: number; kvHeads: number; feedForward: number; isTied: boolean };
type Planned = { name: string; type: 'F32' | 'Q4_0' | 'Q8_0'; shape: readonly number[]; value?: number };

// prettier-ignore
const SHAPES: Readonly<Record<string, Shape>> = {
  '0.5B': { layers: 24, hidden: 896, heads: 14, kvHeads: 2, feedForward: 4864, isTied: true },
  '1.5B': { layers: 28, hidden: 1536, heads: 12, kvHeads: 2, feedForward: 8960, isTied: true },
  '3B': { layers: 36, hidden: 2048, heads: 16, kvHeads: 2, feedForward: 11_008, isTied: true },
  '7B': { layers: 28, hidden: 3584, heads: 28, kvHeads: 4, feedForward: 18_944, isTied: false },
  '14B': { layers: 48, hidden: 5120, heads: 40, kvHeads: 8, feedForward: 13_824, isTied: false },
  '32B': { layers: 64, hidden: 5120, heads: 40, kvHeads: 8, feedForward: 27_648, isTied: false },
  '72B': { layers: 80, hidden: 8192, heads: 64, kvHeads: 8, feedForward: 29_568, isTied: false },
};
const BLOCK_BYTES = { Q4_0: 18, Q8_0: 34 } as const;
const POOL_BLOCKS = 1 << 18;
const ALIGNMENT = 32;

const [file, size = '0.5B', type = 'Q4_0'] = process.argv.slice(2);
const shape = SHAPES[size];
if (file === undefined || shape === undefined || (type !== 'Q4_0' && type !== 'Q8_0')) {
  throw new Error(`usage: random-checkpoint.ts FILE [${Object.keys(SHAPES).join('|')}] [Q4_0|Q8_0]`);
}
let state = 1;
const pools = new Map<number, Uint8Array>();
write(file, shape, type);

function write(path: string, shape: Shape, type: 'Q4_0' | 'Q8_0'): void {
  const vocabulary = shape.isTied ? 151_936 : 152_064;
  let end = 0;
  const placed = plan(shape, vocabulary, type).map((tensor) => {
    const values = tensor.shape.reduce((product, length) => product * length, 1);
    const bytes = tensor.type === 'F32' ? values * 4 : (values / 32) * BLOCK_BYTES[tensor.type];
    const offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
    end = offset + bytes;
    return { ...tensor, offset, bytes };
  });
  // The header alone is laid out in memory: a large model's data is not.
  const tensors = placed.map(({ name, type, shape, offset }): GgufTensor => {
    return { name, type, shape, offset, data: new Uint8Array(0) };
  });
  const { bytes: header, dataStart } = layOutGguf({ metadata: metadata(shape, vocabulary), tensors });
  const fd = openSync(path, 'w');
  writeSync(fd, header, 0, dataStart, 0);
  for (const { type, shape, value = 0, offset, bytes } of placed) {
    if (type === 'F32') {
      writeSync(fd, new Uint8Array(new Float32Array(bytes / 4).fill(value).buffer), 0, bytes, dataStart + offset);
      continue;
    }
    const columns = shape[1]!;
    const pool = pools.get(columns) ?? makePool(columns, type);
    pools.set(columns, pool);
    for (let done = 0; done < bytes;) {
      // Each stretch starts elsewhere in the pool, so that no two rows are alike.
      const from = (random() % (POOL_BLOCKS / 2)) * BLOCK_BYTES[type];
      const length = Math.min(bytes - done, pool.length - from);
      done += writeSync(fd, pool, from, length, dataStart + offset + done);
    }
  }
  closeSync(fd);
}

function plan(shape: Shape, vocabulary: number, type: 'Q4_0' | 'Q8_0'): Planned[] {
  const { layers, hidden, heads, kvHeads, feedForward, isTied } = shape;
  const kvWidth = (hidden / heads) * kvHeads;
  const matrix = (name: string, rows: number, columns: number): Planned => ({ name, type, shape: [rows, columns] });
  const vector = (name: string, length: number, value: number): Planned => {
    return { name, type: 'F32', shape: [length], value };
  };
  const tensors = [matrix('token_embd.weight', vocabulary, hidden), vector('output_norm.weight', hidden, 1)];
  if (!isTied) tensors.push(matrix('output.weight', vocabulary, hidden));
  for (let layer = 0; layer < layers; layer++) {
    const at = `blk.${layer}`;
    tensors.push(vector(`${at}.attn_norm.weight`, hidden, 1), vector(`${at}.ffn_norm.weight`, hidden, 1));
    for (const [name, rows] of Object.entries({ attn_q: hidden, attn_k: kvWidth, attn_v: kvWidth })) {
      tensors.push(matrix(`${at}.${name}.weight`, rows, hidden), vector(`${at}.${name}.bias`, rows, 0.01));
    }
    tensors.push(matrix(`${at}.attn_output.weight`, hidden, hidden));
    tensors.push(matrix(`${at}.ffn_gate.weight`, feedForward, hidden));
    tensors.push(matrix(`${at}.ffn_up.weight`, feedForward, hidden));
    tensors.push(matrix(`${at}.ffn_down.weight`, hidden, feedForward));
  }
  return tensors;
}

/** Every byte is a token; the rest of the vocabulary is padding. */
function metadata({ layers, hidden, heads, kvHeads, feedForward }: Shape, vocabulary: number) {
  const padding = Array.from({ length: vocabulary - byteTokens.length }, (_, i) => `[PAD${i}]`);
  return {
    'general.architecture': 'qwen2',
    'general.name': `random ${size}`,
    'qwen2.block_count': layers,
    'qwen2.context_length': 32_768,
    'qwen2.embedding_length': hidden,
    'qwen2.feed_forward_length': feedForward,
    'qwen2.attention.head_count': heads,
    'qwen2.attention.head_count_kv': kvHeads,
    'qwen2.attention.layer_norm_rms_epsilon': { type: 'f32', value: 1e-6 },
    'qwen2.rope.freq_base': { type: 'f32', value: 1e6 },
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': 'qwen2',
    'tokenizer.ggml.tokens': [...byteTokens, ...padding],
    'tokenizer.ggml.token_type': [...byteTokens.map(() => 1), ...padding.map(() => 5)],
    'tokenizer.ggml.merges': ['a b'],
    'tokenizer.ggml.eos_token_id': 0,
    'tokenizer.chat_template': chatMl,
  } as const;
}

/** Blocks of random codes under scales between 0.1 and 0.3 / sqrt(columns), so that activations neither grow nor die. */
function makePool(columns: number, type: 'Q4_0' | 'Q8_0'): Uint8Array {
  const bytes = BLOCK_BYTES[type];
  const pool = new Uint8Array(POOL_BLOCKS * bytes);
  const unit = (type === 'Q4_0' ? 1 : 1 / 16) / Math.sqrt(columns); // an 8-bit code is some 16 times as large
  const halves = Array.from({ length: 64 }, (_, i) => halfOf((0.1 + (0.2 * i) / 63) * unit));
  for (let at = 0; at < pool.length; at += 2) {
    const bits = at % bytes === 0 ? halves[random() % halves.length]! : random() & 0xffff;
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
