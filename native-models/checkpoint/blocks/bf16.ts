import type { PlainFormat } from './block-format.ts';

/** The upper half of a float32. */
export const bf16: PlainFormat<'BF16'> = {
  kind: 'plain',
  type: 'BF16',
  ggmlId: 30,
  blockSize: 1,
  bytesPerBlock: 2,
  read(bytes, out) {
    const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
    for (let i = 0; i < bits.length; i++) bits[i] = (bytes[2 * i]! << 16) | (bytes[2 * i + 1]! << 24);
  },
};
