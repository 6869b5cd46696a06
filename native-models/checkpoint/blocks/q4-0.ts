import type { BlockFormat } from './block-format.ts';
import { halfToFloat } from './half.ts';

/** f16 d, then 16 bytes; value d * (q - 8), low nibbles are elements 0-15 and high nibbles 16-31. */
export const q4_0: BlockFormat<'Q4_0'> = {
  type: 'Q4_0',
  ggmlId: 2,
  blockSize: 32,
  bytesPerBlock: 18,
  dequantize(bytes, out) {
    for (let from = 0, to = 0; to < out.length; from += 18, to += 32) {
      const d = halfToFloat[bytes[from]! | (bytes[from + 1]! << 8)]!;
      for (let i = 0; i < 16; i++) {
        const pair = bytes[from + 2 + i]!;
        out[to + i] = d * ((pair & 15) - 8);
        out[to + 16 + i] = d * ((pair >> 4) - 8);
      }
    }
  },
};
