import type { CodedFormat } from './block-format.ts';
import { halfAt } from './half.ts';

/** 128 bytes of low nibbles, 64 bytes of upper bit pairs, 16 signed group scales s, f16 d; value d * s * (q - 32). */
export const q6_k: CodedFormat<'Q6_K'> = {
  kind: 'coded',
  type: 'Q6_K',
  ggmlId: 14,
  blockSize: 256,
  bytesPerBlock: 210,
  group: 16,
  codes: [-32, 31],
  hasMin: false,
  split(bytes, { codes, scales }) {
    for (let block = 0, at = 0; at < bytes.length; block++, at += 210) {
      const d = halfAt(bytes, at + 208);
      for (let group = 0; group < 16; group++) {
        scales[block * 16 + group] = d * ((bytes[at + 192 + group]! << 24) >> 24);
      }
      for (let n = 0; n < 256; n++) {
        const half = n >> 7;
        const r = n & 127;
        const low = (bytes[at + 64 * half + (r & 63)]! >> (4 * (r >> 6))) & 15;
        const high = (bytes[at + 128 + 32 * half + (r & 31)]! >> (2 * (r >> 5))) & 3;
        codes[block * 256 + n] = (low | (high << 4)) - 32;
      }
    }
  },
};
