import type { BlockFormat } from './block-format.ts';
import { halfToFloat } from './half.ts';

export const f16: BlockFormat<'F16'> = {
  type: 'F16',
  ggmlId: 1,
  blockSize: 1,
  bytesPerBlock: 2,
  dequantize(bytes, out) {
    for (let i = 0; i < out.length; i++) out[i] = halfToFloat[bytes[2 * i]! | (bytes[2 * i + 1]! << 8)]!;
  },
};
