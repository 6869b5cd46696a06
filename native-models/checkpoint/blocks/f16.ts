import type { PlainFormat } from './block-format.ts';
import { halfToFloat } from './half.ts';

export const f16: PlainFormat<'F16'> = {
  kind: 'plain',
  type: 'F16',
  ggmlId: 1,
  blockSize: 1,
  bytesPerBlock: 2,
  read(bytes, out) {
    for (let i = 0; i < out.length; i++) out[i] = halfToFloat[bytes[2 * i]! | (bytes[2 * i + 1]! << 8)]!;
  },
};
