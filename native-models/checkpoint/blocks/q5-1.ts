import type { CodedFormat } from './block-format.ts';
import { halfAt, wordAt } from './half.ts';

/** f16 d, f16 m, u32 of fifth bits (bit n for element n), then nibbles as in Q4_0; value d * q + m. */
export const q5_1: CodedFormat<'Q5_1'> = {
  kind: 'coded',
  type: 'Q5_1',
  ggmlId: 7,
  blockSize: 32,
  bytesPerBlock: 24,
  group: 32,
  codes: [0, 31],
  hasMin: true,
  split(bytes, { codes, scales, minima }) {
    for (let block = 0, at = 0; at < bytes.length; block++, at += 24) {
      scales[block] = halfAt(bytes, at);
      minima[block] = halfAt(bytes, at + 2);
      const high = wordAt(bytes, at + 4);
      for (let i = 0, to = block * 32; i < 16; i++, to++) {
        const pair = bytes[at + 8 + i]!;
        codes[to] = (pair & 15) | (((high >> i) & 1) << 4);
        codes[to + 16] = (pair >> 4) | (((high >> (i + 16)) & 1) << 4);
      }
    }
  },
};
