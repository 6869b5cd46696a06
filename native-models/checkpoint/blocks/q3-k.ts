import type { CodedFormat } from './block-format.ts';
import { halfAt, twoBits } from './half.ts';

/** 32 bytes of third bits, 64 bytes of 2-bit q, 12 bytes of 6-bit group scales s, f16 d; value d * (s - 32) * (q - 4), the third bit being 4. */
export const q3_k: CodedFormat<'Q3_K'> = {
  kind: 'coded',
  type: 'Q3_K',
  ggmlId: 11,
  blockSize: 256,
  bytesPerBlock: 110,
  group: 16,
  codes: [-4, 3],
  hasMin: false,
  split(bytes, { codes, scales }) {
    for (let block = 0, at = 0; at < bytes.length; block++, at += 110) {
      const d = halfAt(bytes, at + 108);
      for (let group = 0; group < 16; group++) {
        const low = (bytes[at + 96 + (group & 7)]! >> (4 * (group >> 3))) & 15;
        const high = (bytes[at + 104 + (group & 3)]! >> (2 * (group >> 2))) & 3;
        scales[block * 16 + group] = d * ((low | (high << 4)) - 32);
      }
      for (let n = 0; n < 256; n++) {
        const third = (bytes[at + (n & 31)]! >> (n >> 5)) & 1;
        codes[block * 256 + n] = twoBits(bytes, at + 32, n) + 4 * third - 4;
      }
    }
  },
};
