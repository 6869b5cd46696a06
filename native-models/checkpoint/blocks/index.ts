import { bf16 } from './bf16.ts';
import type { BlockFormat } from './block-format.ts';
import { f16 } from './f16.ts';
import { f32 } from './f32.ts';
import { q4_0 } from './q4-0.ts';
import { q4_1 } from './q4-1.ts';
import { q8_0 } from './q8-0.ts';

export type { BlockFormat } from './block-format.ts';
export { halfToFloat } from './half.ts';

/** Every tensor type that can be read. */
export const blockFormats = [f32, f16, bf16, q4_0, q4_1, q8_0] as const;

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
  const { blockSize, bytesPerBlock, dequantize: decode } = blockFormat(type);
  const blocks = bytes.length / bytesPerBlock;
  if (!Number.isInteger(blocks) || out.length !== blocks * blockSize) {
    throw new Error(`${bytes.length} bytes of ${type} do not hold ${out.length} values`);
  }
  decode(bytes, out);
}
