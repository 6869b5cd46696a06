import type { BlockFormat } from './block-format.ts';
import { halfToFloat } from './half.ts';

/** f16 d, f16 m, then 16 bytes; value d * q + m, nibbles as in Q4_0. */
export const q4_1: BlockFormat<'Q4_1'> = {
  type: 'Q4_1',
  ggmlId: 3,
  blockSize: 32,
  bytesPerBlock: 20,
  dequantize(bytes, out) {
    for (let from = 0, to = 0; to < out.length; from += 20, to += 32) {
      const d = halfToFloat[bytes[from]! | (bytes[from + 1]! << 8)]!;
      const m = halfToFloat[bytes[from + 2]! | (bytes[from + 3]! << 8)]!;
      for (let i = 0; i < 16; i++) {
        const pair = bytes[from + 4 + i]!;
        // The double sum is exact for half-precision d and m, so it rounds once, as float32 arithmetic does.
        out[to + i] = d * (pair & 15) + m;
        out[to + 16 + i] = d * (pair >> 4) + m;
      }
    }
  },
};
