import type { BlockFormat } from './block-format.ts';

/** The upper half of a float32. */
export const bf16: BlockFormat<'BF16'> = {
  type: 'BF16',
  ggmlId: 30,
  blockSize: 1,
  bytesPerBlock: 2,
  dequantize(bytes, out) {
    const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
    for (let i = 0; i < bits.length; i++) bits[i] = (bytes[2 * i]! << 16) | (bytes[2 * i + 1]! << 24);
  },
};
