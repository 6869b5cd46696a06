import type { CodedFormat } from './block-format.ts';
import { halfAt, twoBits } from './half.ts';

/** 16 bytes of two nibbles, scale s and minimum t of a group; 64 bytes of 2-bit q; f16 d, f16 e. Value d * s * q - e * t. */
export const q2_k: CodedFormat<'Q2_K'> = {
  kind: 'coded',
  type: 'Q2_K',
  ggmlId: 10,
  blockSize: 256,
  bytesPerBlock: 84,
  group: 16,
  codes: [0, 3],
  hasMin: true,
  split(bytes, { codes, scales, minima }) {
    for (let block = 0, at = 0; at < bytes.length; block++, at += 84) {
      const d = halfAt(bytes, at + 80);
      const e = halfAt(bytes, at + 82);
      for (let group = 0; group < 16; group++) {
        const pair = bytes[at + group]!;
        scales[block * 16 + group] = d * (pair & 15);
        minima[block * 16 + group] = -(e * (pair >> 4));
      }
      for (let n = 0; n < 256; n++) codes[block * 256 + n] = twoBits(bytes, at + 16, n);
    }
  },
};
