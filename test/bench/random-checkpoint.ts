/**
 * Writes a Q4_0 GGUF file of the shape of Qwen2.5-0.5B-Instruct with random weights: for speed and memory only, its
 * answers mean nothing. Scales differ from block to block, so that no recipe finds an easier file than a real one.
 *
 *     node test/bench/random-checkpoint.ts FILE
 */
import { writeFileSync } from 'node:fs';
import { writeGguf, type GgufTensor } from '../support/gguf-writer.ts';
import { byteTokens } from '../support/tiny-checkpoint.ts';

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('usage: random-checkpoint.ts FILE');

const SHAPE = { layers: 24, hidden: 896, heads: 14, kvHeads: 2, feedForward: 4864, vocabulary: 151_936 };
const BLOCK_BYTES = 18;
const { layers, hidden, heads, kvHeads, feedForward, vocabulary } = SHAPE;
const kvWidth = (hidden / heads) * kvHeads;
let state = 1;

const tensors: GgufTensor[] = [matrix('token_embd.weight', vocabulary, hidden), ones('output_norm.weight')];
for (let layer = 0; layer < layers; layer++) {
  const at = `blk.${layer}`;
  tensors.push(ones(`${at}.attn_norm.weight`), ones(`${at}.ffn_norm.weight`));
  for (const [name, rows] of [
    ['attn_q', hidden],
    ['attn_k', kvWidth],
    ['attn_v', kvWidth],
  ] as const) {
    tensors.push(matrix(`${at}.${name}.weight`, rows, hidden), vector(`${at}.${name}.bias`, rows, 0.01));
  }
  tensors.push(matrix(`${at}.attn_output.weight`, hidden, hidden));
  tensors.push(
    matrix(`${at}.ffn_gate.weight`, feedForward, hidden),
    matrix(`${at}.ffn_up.weight`, feedForward, hidden),
  );
  tensors.push(matrix(`${at}.ffn_down.weight`, hidden, feedForward));
}

// Every byte is a token; the rest of the vocabulary is padding.
const padding = Array.from({ length: vocabulary - byteTokens.length }, (_, i) => `[PAD${i}]`);
const metadata = {
  'general.architecture': 'qwen2',
  'general.name': 'random 0.5B',
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
} as const;
writeFileSync(file, writeGguf({ metadata, tensors }));

/** Random nibbles under scales between 0.1 and 0.3 / sqrt(columns), so that activations neither grow nor die. */
function matrix(name: string, rows: number, columns: number): GgufTensor {
  const data = new Uint8Array((rows * columns * BLOCK_BYTES) / 32);
  const halves = Array.from({ length: 64 }, (_, i) => halfOf((0.1 + (0.2 * i) / 63) / Math.sqrt(columns)));
  for (let at = 0; at < data.length; at += 2) {
    const bits = at % BLOCK_BYTES === 0 ? halves[random() % halves.length]! : random() & 0xffff;
    data[at] = bits & 255;
    data[at + 1] = bits >> 8;
  }
  return { name, type: 'Q4_0', shape: [rows, columns], data };
}

function ones(name: string): GgufTensor {
  return vector(name, hidden, 1);
}

function vector(name: string, length: number, value: number): GgufTensor {
  return { name, type: 'F32', shape: [length], data: new Uint8Array(new Float32Array(length).fill(value).buffer) };
}

/** The upper bits of a linear congruential generator (Numerical Recipes): the same file every time. */
function random(): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state >>> 12;
}

/** Bits of a positive, normal float16. */
function halfOf(value: number): number {
  const exponent = Math.floor(Math.log2(value));
  return ((exponent + 15) << 10) | Math.round((value / 2 ** exponent - 1) * 1023);
}
