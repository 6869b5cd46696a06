import type { CodedFormat } from './block-format.ts';
import { halfAt } from './half.ts';
import { splitNibbles } from './nibbles.ts';

const LEVELS = Int8Array.from({ length: 16 }, (_, q) => q);

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
      splitNibbles(bytes, at + 4, LEVELS, { codes, to: block * 32 });
    }
  },
};
