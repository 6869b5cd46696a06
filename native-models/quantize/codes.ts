import { halfToFloat, type TensorType } from '../checkpoint/blocks/index.ts';
import { QUANT_BLOCK, type QuantBlock } from './packed.ts';

/**
 * Rows taken apart into blocks: value = codes * scale + min. `codes` are signed, one a value.
 * Arrays are as long as the rows given; `minima` is zero where the source has none.
 */
export type BlockCodes = { codes: Int8Array; scales: Float32Array; minima: Float32Array };

export function allocateCodes(values: number, block: QuantBlock): BlockCodes {
  const blocks = values / block;
  return { codes: new Int8Array(values), scales: new Float32Array(blocks), minima: new Float32Array(blocks) };
}

/** Codes of a stored row range that lose nothing; only for the types of `hasExactCodes`. */
export function exactCodes(type: TensorType, bytes: Uint8Array, out: BlockCodes): void {
  switch (type) {
    case 'Q4_0':
      return nibbles(bytes, 2, out);
    case 'Q4_1':
      return nibbles(bytes, 4, out);
    case 'Q8_0':
      return bytesOf(bytes, out);
    default:
      throw new Error(`${type} has no exact block codes`);
  }
}

export function hasExactCodes(type: TensorType): boolean {
  return type === 'Q4_0' || type === 'Q4_1' || type === 'Q8_0';
}

/**
 * Symmetric codes of `bits` in blocks of `size` that come near the values. The value of largest magnitude is put on the
 * code -2^(bits-1), which the negative side has and the positive side lacks (the rule of Q4_0, ggml-quants), and a little
 * to both sides of it; with the codes that this gives, the scale of least squares is sum(v q) / sum(q q). The best is kept.
 */
export function nearestCodes(
  values: Float32Array,
  { bits, size }: { bits: 4 | 8; size: QuantBlock },
  out: BlockCodes,
): void {
  const low = -(2 ** (bits - 1));
  // In 8 bits the first is as good as another.
  const targets = bits === 4 ? [low, 1.1 * low, 0.95 * low, 0.9 * low] : [low];
  for (let block = 0, at = 0; at < values.length; block++, at += size) {
    const { inverse, scale } = bestScale(values, at, at + size, low, targets);
    for (let i = at; i < at + size; i++) {
      out.codes[i] = nearestCode(values[i]! * inverse, low);
    }
    out.scales[block] = scale;
    out.minima[block] = 0;
  }
}

/** By which factor to round `values[from..to)` to codes, and the scale of those codes. */
function bestScale(values: Float32Array, from: number, to: number, low: number, targets: readonly number[]) {
  let extreme = 0;
  for (let i = from; i < to; i++) if (Math.abs(values[i]!) > Math.abs(extreme)) extreme = values[i]!;
  if (extreme === 0) return { inverse: 0, scale: 0 };
  let best = { inverse: 0, scale: 0, explained: -1 };
  for (const target of targets) {
    const inverse = target / extreme;
    let [vq, qq] = [0, 0];
    for (let i = from; i < to; i++) {
      const q = nearestCode(values[i]! * inverse, low);
      vq += values[i]! * q;
      qq += q * q;
    }
    // The squared error is sum(v v) - vq^2 / qq.
    const explained = (vq * vq) / qq;
    if (explained > best.explained) best = { inverse, scale: Math.fround(vq / qq), explained };
  }
  return best;
}

/** Rounds to the codes from `low` to `-low - 1`. Truncation of what is above zero is some three times faster than `Math.round`. */
function nearestCode(x: number, low: number): number {
  const q = ((x + (0.5 - 2 * low)) | 0) + 2 * low;
  return q < low ? low : q >= -low ? -low - 1 : q;
}

/** Q4_0 (header of 2 bytes: d) and Q4_1 (4 bytes: d, m). d * q + m = d * (q - 8) + (m + 8 d). */
function nibbles(bytes: Uint8Array, header: 2 | 4, { codes, scales, minima }: BlockCodes): void {
  const stride = header + QUANT_BLOCK / 2;
  for (let block = 0, at = 0, to = 0; at < bytes.length; block++, at += stride, to += QUANT_BLOCK) {
    const d = half(bytes, at);
    scales[block] = d;
    minima[block] = header === 4 ? half(bytes, at + 2) + 8 * d : 0;
    for (let i = 0; i < 16; i++) {
      const pair = bytes[at + header + i]!;
      codes[to + i] = (pair & 15) - 8;
      codes[to + 16 + i] = (pair >> 4) - 8;
    }
  }
}

function bytesOf(bytes: Uint8Array, { codes, scales, minima }: BlockCodes): void {
  for (let block = 0, at = 0, to = 0; at < bytes.length; block++, at += 34, to += QUANT_BLOCK) {
    scales[block] = half(bytes, at);
    minima[block] = 0;
    for (let i = 0; i < QUANT_BLOCK; i++) codes[to + i] = (bytes[at + 2 + i]! << 24) >> 24;
  }
}

function half(bytes: Uint8Array, at: number): number {
  return halfToFloat[bytes[at]! | (bytes[at + 1]! << 8)]!;
}
