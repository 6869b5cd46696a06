import type { CodedFormat } from './block-format.ts';
import { halfAt } from './half.ts';
import { splitNibbles } from './nibbles.ts';

const LEVELS = Int8Array.from({ length: 16 }, (_, q) => q - 8);

/** f16 d, then 16 bytes; value d * (q - 8), low nibbles are elements 0-15 and high nibbles 16-31. */
export const q4_0: CodedFormat<'Q4_0'> = {
  kind: 'coded',
  type: 'Q4_0',
  ggmlId: 2,
  blockSize: 32,
  bytesPerBlock: 18,
  group: 32,
  codes: [-8, 7],
  hasMin: false,
  split(bytes, { codes, scales }) {
    for (let block = 0, at = 0; at < bytes.length; block++, at += 18) {
      scales[block] = halfAt(bytes, at);
      splitNibbles(bytes, at + 2, LEVELS, { codes, to: block * 32 });
    }
  },
};
