import { bf16 } from './bf16.ts';
import { allocateCodes, type BlockFormat } from './block-format.ts';
import { f16 } from './f16.ts';
import { f32 } from './f32.ts';
import { groupedFormats } from './grouped.ts';
import { iq4_nl } from './iq4-nl.ts';
import { q2_k } from './q2-k.ts';
import { q3_k } from './q3-k.ts';
import { q4_0 } from './q4-0.ts';
import { q4_1 } from './q4-1.ts';
import { q4_k } from './q4-k.ts';
import { q5_0 } from './q5-0.ts';
import { q5_1 } from './q5-1.ts';
import { q5_k } from './q5-k.ts';
import { q6_k } from './q6-k.ts';
import { q8_0 } from './q8-0.ts';

export { allocateCodes, type BlockFormat, type CodedFormat, type Codes } from './block-format.ts';
export { halfToFloat } from './half.ts';

/** Every tensor type that can be read. */
export const blockFormats = [
  f32,
  f16,
  bf16,
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  q8_0,
  iq4_nl,
  q2_k,
  q3_k,
  q4_k,
  q5_k,
  q6_k,
  ...groupedFormats,
] as const;

export type TensorType = (typeof blockFormats)[number]['type'];

const byType: ReadonlyMap<string, BlockFormat<TensorType>> = new Map(blockFormats.map((f) => [f.type, f]));

/** Block size and bytes of a tensor type. */
export function blockFormat(type: TensorType): BlockFormat<TensorType> {
  const format = byType.get(type);
  if (!format) throw new Error(`No block format ${type}`);
  return format;
}

/**
 * Values of stored rows as float32, equal bit for bit to the `gguf` Python package's `dequantize`.
 * `bytes` holds whole blocks and `out` one element per value: lengths that disagree throw, as a fault of the caller.
 */
export function dequantize(type: TensorType, bytes: Uint8Array, out: Float32Array): void {
  const format = blockFormat(type);
  const blocks = bytes.length / format.bytesPerBlock;
  if (!Number.isInteger(blocks) || out.length !== blocks * format.blockSize) {
    throw new Error(`${bytes.length} bytes of ${type} do not hold ${out.length} values`);
  }
  if (format.kind === 'plain') return format.read(bytes, out);
  const { group, hasMin } = format;
  const split = allocateCodes(out.length, group);
  format.split(bytes, split);
  for (let g = 0, at = 0; at < out.length; g++) {
    const [scale, minimum] = [split.scales[g]!, split.minima[g]!];
    // A sum with nothing would turn -0 into 0. Each product is exact in float32, so a double rounds once, as float32 does.
    if (hasMin) for (const end = at + group; at < end; at++) out[at] = split.codes[at]! * scale + minimum;
    else for (const end = at + group; at < end; at++) out[at] = split.codes[at]! * scale;
  }
}
