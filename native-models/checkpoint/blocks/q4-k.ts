import type { CodedFormat } from './block-format.ts';
import { nibble, splitScales } from './k-scales.ts';

/** f16 d, f16 e, 12 bytes of 6-bit group scales s and minima t, 128 bytes of nibbles q; value d * s * q - e * t. */
export const q4_k: CodedFormat<'Q4_K'> = {
  kind: 'coded',
  type: 'Q4_K',
  ggmlId: 12,
  blockSize: 256,
  bytesPerBlock: 144,
  group: 32,
  codes: [0, 15],
  hasMin: true,
  split(bytes, { codes, scales, minima }) {
    for (let block = 0, at = 0; at < bytes.length; block++, at += 144) {
      splitScales(bytes, at, block * 8, { scales, minima });
      for (let n = 0; n < 256; n++) codes[block * 256 + n] = nibble(bytes, at + 16, n);
    }
  },
};
