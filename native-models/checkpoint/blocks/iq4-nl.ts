import type { CodedFormat } from './block-format.ts';
import { halfAt } from './half.ts';

/** Closer together around zero, where most weights are (ggml-common, kvalues_iq4nl). */
const LEVELS = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113] as const;

/** f16 d, then nibbles as in Q4_0, which choose from a fixed list of levels; value d * level. */
export const iq4_nl: CodedFormat<'IQ4_NL'> = {
  kind: 'coded',
  type: 'IQ4_NL',
  ggmlId: 20,
  blockSize: 32,
  bytesPerBlock: 18,
  group: 32,
  codes: [-127, 113],
  hasMin: false,
  split(bytes, { codes, scales }) {
    for (let block = 0, at = 0; at < bytes.length; block++, at += 18) {
      scales[block] = halfAt(bytes, at);
      for (let i = 0, to = block * 32; i < 16; i++, to++) {
        const pair = bytes[at + 2 + i]!;
        codes[to] = LEVELS[pair & 15]!;
        codes[to + 16] = LEVELS[pair >> 4]!;
      }
    }
  },
};
