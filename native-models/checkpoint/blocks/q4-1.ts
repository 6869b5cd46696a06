import type { CodedFormat } from './block-format.ts';
import { halfAt } from './half.ts';

/** f16 d, f16 m, then 16 bytes; value d * q + m, nibbles as in Q4_0. */
export const q4_1: CodedFormat<'Q4_1'> = {
  kind: 'coded',
  type: 'Q4_1',
  ggmlId: 3,
  blockSize: 32,
  bytesPerBlock: 20,
  group: 32,
  codes: [0, 15],
  hasMin: true,
  split(bytes, { codes, scales, minima }) {
    for (let block = 0, at = 0; at < bytes.length; block++, at += 20) {
      scales[block] = halfAt(bytes, at);
      minima[block] = halfAt(bytes, at + 2);
      for (let i = 0, to = block * 32; i < 16; i++, to++) {
        const pair = bytes[at + 4 + i]!;
        codes[to] = pair & 15;
        codes[to + 16] = pair >> 4;
      }
    }
  },
};
