import {
  allocateCodes,
  blockFormat,
  type CodedFormat,
  type Codes,
  type TensorType,
} from '../checkpoint/blocks/index.ts';
import type { BlockFormat, QuantBlock } from './packed.ts';

/** The stored type's own codes, where it has some that `format` holds without a loss. */
export function exactFormat(type: TensorType, format: BlockFormat): CodedFormat<TensorType> | null {
  const stored = blockFormat(type);
  if (stored.kind !== 'coded' || stored.group % format.block !== 0) return null;
  const fits = format.kind !== 'int4' || fitsNibble(stored);
  return fits && (format.hasMin || !stored.hasMin) ? stored : null;
}

/** Whether sixteen codes are enough. Those from 0 on are moved down by eight, for which a minimum must make up. */
export function fitsNibble({ codes: [low, high] }: CodedFormat): boolean {
  return high - low < 16;
}

/** Codes of stored rows as they are, in the blocks of `format`, which are as long as the stored groups or a part of them. */
export function exactCodes(stored: CodedFormat, bytes: Uint8Array, format: BlockFormat, out: Codes): void {
  const { group, codes: range } = stored;
  const repeats = group / format.block;
  const split = repeats === 1 ? out : { ...allocateCodes(out.codes.length, group), codes: out.codes };
  stored.split(bytes, split);
  for (let block = 0; repeats > 1 && block < out.scales.length; block++) {
    out.scales[block] = split.scales[Math.floor(block / repeats)]!;
    out.minima[block] = split.minima[Math.floor(block / repeats)]!;
  }
  if (format.kind !== 'int4' || range[1] < 8) return;
  // d * q + m = d * (q - 8) + (m + 8 d).
  for (let i = 0; i < out.codes.length; i++) out.codes[i]! -= 8;
  for (let i = 0; i < out.scales.length; i++) out.minima[i]! += 8 * out.scales[i]!;
}

/**
 * Symmetric codes of `bits` in blocks of `size` that come near the values. The value of largest magnitude is put on the
 * code -2^(bits-1), which the negative side has and the positive side lacks (the rule of Q4_0, ggml-quants), and a little
 * to both sides of it; with the codes that this gives, the scale of least squares is sum(v q) / sum(q q). The best is kept.
 */
export function nearestCodes(
  values: Float32Array,
  { bits, size }: { bits: 4 | 8; size: QuantBlock },
  out: Codes,
): void {
  const rounding = bits === 4 ? FOUR_BITS : EIGHT_BITS;
  const block = new Float64Array(size);
  for (let b = 0, at = 0; at < values.length; b++, at += size) {
    const { inverse, scale } = bestScale(values, at, block, rounding);
    for (let i = 0; i < size; i++) out.codes[at + i] = rounding.levels[(block[i]! * inverse + rounding.offset) | 0]!;
    out.scales[b] = scale;
    out.minima[b] = 0;
  }
}

/**
 * Rounds x to the codes from `low` to `-low - 1`: levels[(x + offset) | 0]. A table, since branches that clamp would be
 * taken by chance; in float64, which spares a conversion. Together they make the search two to three times faster.
 */
type Rounding = { levels: Float64Array; offset: number; targets: readonly number[] };

function rounding(bits: 4 | 8): Rounding {
  const low = -(2 ** (bits - 1));
  const levels = Float64Array.from({ length: 1 - 4 * low }, (_, i) => Math.min(-low - 1, Math.max(low, i + 2 * low)));
  // In 8 bits the first is as good as another.
  const targets = bits === 4 ? [low, 1.1 * low, 0.95 * low, 0.9 * low] : [low];
  return { levels, offset: 0.5 - 2 * low, targets };
}

const FOUR_BITS = rounding(4);
const EIGHT_BITS = rounding(8);

/** Copies the values from `at` on into `block`; by which factor to round them to codes, and the scale of those codes. */
function bestScale(values: Float32Array, at: number, block: Float64Array, { levels, offset, targets }: Rounding) {
  const size = block.length;
  let [extreme, largest] = [0, 0];
  for (let i = 0; i < size; i++) {
    const value = values[at + i]!;
    block[i] = value;
    if (Math.abs(value) > largest) [extreme, largest] = [value, Math.abs(value)];
  }
  const best = { inverse: 0, scale: 0, explained: -1 };
  if (extreme === 0) return best;
  for (const target of targets) {
    const inverse = target / extreme;
    let [vq, qq] = [0, 0];
    for (let i = 0; i < size; i++) {
      const value = block[i]!;
      const q = levels[(value * inverse + offset) | 0]!;
      vq += value * q;
      qq += q * q;
    }
    // The squared error is sum(v v) - vq^2 / qq.
    const explained = (vq * vq) / qq;
    if (explained <= best.explained) continue;
    best.inverse = inverse;
    best.scale = Math.fround(vq / qq);
    best.explained = explained;
  }
  return best;
}
