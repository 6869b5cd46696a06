import type { CodedFormat } from './block-format.ts';
import { halfAt } from './half.ts';
import { splitNibbles } from './nibbles.ts';

/** Closer together around zero, where most weights are (ggml-common, kvalues_iq4nl). */
const LEVELS = Int8Array.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);

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
      splitNibbles(bytes, at + 2, LEVELS, { codes, to: block * 32 });
    }
  },
};
