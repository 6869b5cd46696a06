import type { CodedFormat } from './block-format.ts';
import { halfAt } from './half.ts';

/** f16 d, then 32 signed bytes; value d * q. */
export const q8_0: CodedFormat<'Q8_0'> = {
  kind: 'coded',
  type: 'Q8_0',
  ggmlId: 8,
  blockSize: 32,
  bytesPerBlock: 34,
  group: 32,
  codes: [-128, 127],
  hasMin: false,
  split(bytes, { codes, scales }) {
    for (let block = 0, at = 0; at < bytes.length; block++, at += 34) {
      scales[block] = halfAt(bytes, at);
      for (let i = 0; i < 32; i++) codes[block * 32 + i] = bytes[at + 2 + i]!; // the array makes them signed
    }
  },
};
