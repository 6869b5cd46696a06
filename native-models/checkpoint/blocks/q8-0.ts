import type { BlockFormat } from './block-format.ts';
import { halfToFloat } from './half.ts';

/** f16 d, then 32 signed bytes; value d * q. */
export const q8_0: BlockFormat<'Q8_0'> = {
  type: 'Q8_0',
  ggmlId: 8,
  blockSize: 32,
  bytesPerBlock: 34,
  dequantize(bytes, out) {
    for (let from = 0, to = 0; to < out.length; from += 34, to += 32) {
      const d = halfToFloat[bytes[from]! | (bytes[from + 1]! << 8)]!;
      for (let i = 0; i < 32; i++) out[to + i] = d * ((bytes[from + 2 + i]! << 24) >> 24);
    }
  },
};
