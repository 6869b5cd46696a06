import type { GGML_TYPE_IDS, GgufFile, GgufTensor, MetadataValue } from './gguf-writer.ts';

export type TinyType = 'F32' | 'F16' | 'BF16' | 'Q4_0' | 'Q4_1' | 'Q8_0';

export type TinyOptions = {
  architecture?: 'qwen2' | 'llama';
  layers?: number;
  heads?: number;
  kvHeads?: number;
  headDim?: number;
  intermediateSize?: number;
  tiedEmbeddings?: boolean;
  /** Storage type of every 2-D tensor; norms and biases stay F32 as in published files. */
  type?: TinyType;
  seed?: number;
  metadata?: Readonly<Record<string, MetadataValue>>;
};

/** The 256 byte tokens of a GPT-2 style vocabulary, in byte order. */
export const byteTokens: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const printable = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  if (printable) return String.fromCodePoint(byte);
  const shift = byte <= 32 ? byte : byte <= 160 ? byte - 127 + 33 : 67;
  return String.fromCodePoint(256 + shift);
});

const specials = ['<|endoftext|>', '<|im_start|>', '<|im_end|>', '<tool_call>'] as const;
const merged = ['he', 'll', 'hell', 'hello', 'Ġw', 'or', 'Ġwor', 'ld'] as const;
const merges = ['h e', 'l l', 'he ll', 'hell o', 'Ġ w', 'o r', 'Ġw or', 'l d'];

export const chatMl =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/**
 * A GGUF of a tiny random model with a working tokenizer: bytes 0-255, eight merges, four special tokens.
 * Defaults: qwen2, 2 layers, hidden 64 (4 heads of 16, 2 KV heads), intermediate 96, vocabulary 272 rows.
 */
export function tinyCheckpoint(options: TinyOptions = {}): GgufFile & { tensors: GgufTensor[] } {
  const { architecture = 'qwen2', layers = 2, heads = 4, kvHeads = 2, headDim = 16 } = options;
  const { intermediateSize = 96, tiedEmbeddings = true, type = 'F32', seed = 1 } = options;
  const hidden = heads * headDim;
  const real = [...byteTokens, ...merged, ...specials];
  const tokens = [...real, ...Array.from({ length: 4 }, (_, i) => `[PAD${real.length + i}]`)];
  const types = tokens.map((token) => {
    if (token === '<tool_call>') return 4;
    if (token.startsWith('<|')) return 3;
    return token.startsWith('[PAD') ? 5 : 1;
  });

  const random = mulberry32(seed);
  const tensors: GgufTensor[] = [];
  const matrix = (name: string, rows: number, columns: number) => {
    const values = Float32Array.from({ length: rows * columns }, () => (random() - 0.5) * (2 / Math.sqrt(columns)));
    tensors.push({ name, type, shape: [rows, columns], data: encodeValues(type, values) });
  };
  const vector = (name: string, length: number, around: number) => {
    const values = Float32Array.from({ length }, () => around + (random() - 0.5) * 0.2);
    tensors.push({ name, type: 'F32', shape: [length], data: encodeValues('F32', values) });
  };

  matrix('token_embd.weight', tokens.length, hidden);
  for (let layer = 0; layer < layers; layer++) {
    const prefix = `blk.${layer}.`;
    vector(`${prefix}attn_norm.weight`, hidden, 1);
    for (const [part, rows] of [
      ['q', hidden],
      ['k', kvHeads * headDim],
      ['v', kvHeads * headDim],
    ] as const) {
      matrix(`${prefix}attn_${part}.weight`, rows, hidden);
      if (architecture === 'qwen2') vector(`${prefix}attn_${part}.bias`, rows, 0);
    }
    matrix(`${prefix}attn_output.weight`, hidden, hidden);
    vector(`${prefix}ffn_norm.weight`, hidden, 1);
    matrix(`${prefix}ffn_gate.weight`, intermediateSize, hidden);
    matrix(`${prefix}ffn_up.weight`, intermediateSize, hidden);
    matrix(`${prefix}ffn_down.weight`, hidden, intermediateSize);
  }
  vector('output_norm.weight', hidden, 1);
  if (!tiedEmbeddings) matrix('output.weight', tokens.length, hidden);

  return {
    metadata: {
      'general.architecture': architecture,
      'general.name': 'Tiny',
      'general.license': 'apache-2.0',
      [`${architecture}.block_count`]: layers,
      [`${architecture}.context_length`]: 512,
      [`${architecture}.embedding_length`]: hidden,
      [`${architecture}.feed_forward_length`]: intermediateSize,
      [`${architecture}.attention.head_count`]: heads,
      [`${architecture}.attention.head_count_kv`]: kvHeads,
      [`${architecture}.attention.layer_norm_rms_epsilon`]: { type: 'f32', value: 1e-6 },
      [`${architecture}.rope.freq_base`]: { type: 'f32', value: 10_000 },
      'tokenizer.ggml.model': 'gpt2',
      'tokenizer.ggml.pre': architecture === 'qwen2' ? 'qwen2' : 'smollm',
      'tokenizer.ggml.tokens': tokens,
      'tokenizer.ggml.token_type': types,
      'tokenizer.ggml.merges': merges,
      'tokenizer.ggml.bos_token_id': tokens.indexOf('<|endoftext|>'),
      'tokenizer.ggml.eos_token_id': tokens.indexOf('<|im_end|>'),
      'tokenizer.ggml.add_bos_token': false,
      'tokenizer.chat_template': chatMl,
      ...options.metadata,
    },
    tensors,
  };
}

/** Stores `values` in a tensor type. The rounding is simple, good enough for fixtures. */
export function encodeValues(type: TinyType, values: Float32Array): Uint8Array {
  switch (type) {
    case 'F32':
      return new Uint8Array(values.slice().buffer);
    case 'F16':
      return new Uint8Array(Uint16Array.from(values, toHalf).buffer);
    case 'BF16':
      return new Uint8Array(Uint16Array.from(new Uint32Array(values.slice().buffer), (bits) => bits >>> 16).buffer);
    case 'Q8_0':
      return encodeBlocks(values, 34, (block, _out, view) => {
        const scale = Math.max(...block.map(Math.abs)) / 127;
        view.setUint16(0, toHalf(scale), true);
        block.forEach((value, i) => view.setInt8(2 + i, scale ? Math.round(value / scale) : 0));
      });
    case 'Q4_0':
      return encodeBlocks(values, 18, (block, out, view) => {
        const extreme = block.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a));
        const scale = extreme / -8;
        view.setUint16(0, toHalf(scale), true);
        packNibbles(out.subarray(2), block, (value) => (scale ? Math.trunc(value / scale + 8.5) : 8));
      });
    case 'Q4_1':
      return encodeBlocks(values, 20, (block, out, view) => {
        const minimum = Math.min(...block);
        const scale = (Math.max(...block) - minimum) / 15;
        view.setUint16(0, toHalf(scale), true);
        view.setUint16(2, toHalf(minimum), true);
        packNibbles(out.subarray(4), block, (value) => (scale ? Math.round((value - minimum) / scale) : 0));
      });
  }
}

/** Names of the types that `encodeValues` writes. */
export const tinyTypes = ['F32', 'F16', 'BF16', 'Q4_0', 'Q4_1', 'Q8_0'] as const satisfies readonly (TinyType &
  keyof typeof GGML_TYPE_IDS)[];

/** A small seeded generator of numbers in [0, 1). */
export function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

type BlockEncoder = (block: number[], out: Uint8Array, view: DataView) => void;

function encodeBlocks(values: Float32Array, bytesPerBlock: number, encode: BlockEncoder): Uint8Array {
  const result = new Uint8Array((values.length / 32) * bytesPerBlock);
  for (let block = 0; block < values.length / 32; block++) {
    const out = result.subarray(block * bytesPerBlock, (block + 1) * bytesPerBlock);
    encode(
      [...values.subarray(block * 32, block * 32 + 32)],
      out,
      new DataView(out.buffer, out.byteOffset, out.length),
    );
  }
  return result;
}

function packNibbles(out: Uint8Array, block: number[], quantise: (value: number) => number): void {
  const nibble = (index: number) => Math.min(15, Math.max(0, quantise(block[index] ?? 0)));
  for (let i = 0; i < 16; i++) out[i] = nibble(i) | (nibble(i + 16) << 4);
}

/** Nearest half-precision bits of a finite number that fits, ties away from zero. */
function toHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size === 0) return sign;
  const exponent = Math.max(-14, Math.floor(Math.log2(size)));
  const mantissa = Math.round((size / 2 ** exponent) * 1024); // 1024..2048, less for subnormals
  return sign | (mantissa < 1024 ? mantissa : ((exponent + 15) << 10) + (mantissa - 1024));
}
