import type { CodedFormat } from './block-format.ts';
import { halfAt, wordAt } from './half.ts';

/** f16 d, u32 of fifth bits (bit n for element n), then nibbles as in Q4_0; value d * (q - 16). */
export const q5_0: CodedFormat<'Q5_0'> = {
  kind: 'coded',
  type: 'Q5_0',
  ggmlId: 6,
  blockSize: 32,
  bytesPerBlock: 22,
  group: 32,
  codes: [-16, 15],
  hasMin: false,
  split(bytes, { codes, scales }) {
    for (let block = 0, at = 0; at < bytes.length; block++, at += 22) {
      scales[block] = halfAt(bytes, at);
      const high = wordAt(bytes, at + 2);
      for (let i = 0, to = block * 32; i < 16; i++, to++) {
        const pair = bytes[at + 6 + i]!;
        codes[to] = ((pair & 15) | (((high >> i) & 1) << 4)) - 16;
        codes[to + 16] = ((pair >> 4) | (((high >> (i + 16)) & 1) << 4)) - 16;
      }
    }
  },
};
