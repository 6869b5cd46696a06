import type { CodedFormat } from './block-format.ts';
import { nibble, splitScales } from './k-scales.ts';

/** As Q4_K, with 32 bytes of fifth bits before the nibbles. */
export const q5_k: CodedFormat<'Q5_K'> = {
  kind: 'coded',
  type: 'Q5_K',
  ggmlId: 13,
  blockSize: 256,
  bytesPerBlock: 176,
  group: 32,
  codes: [0, 31],
  hasMin: true,
  split(bytes, { codes, scales, minima }) {
    for (let block = 0, at = 0; at < bytes.length; block++, at += 176) {
      splitScales(bytes, at, block * 8, { scales, minima });
      for (let n = 0; n < 256; n++) {
        const fifth = (bytes[at + 16 + (n & 31)]! >> (n >> 5)) & 1;
        codes[block * 256 + n] = nibble(bytes, at + 48, n) | (fifth << 4);
      }
    }
  },
};
