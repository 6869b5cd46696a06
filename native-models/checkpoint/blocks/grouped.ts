import type { CodedFormat } from './block-format.ts';
import { halfAt } from './half.ts';

/**
 * Linear layers of GPTQ and AWQ, repacked by row as they are read (their own files have no such type). A block: f16 scale,
 * u8 zero point, u8 unused, then unsigned codes q (in four bits two a byte, the low nibble first); value
 * (q - zero) * scale. In the symmetric types (S) every zero point is the middle, so that no minimum is needed.
 */
function grouped<Type extends string>(type: Type, bits: 4 | 8, group: 32 | 64 | 128): CodedFormat<Type> {
  const bytesPerBlock = 4 + (group * bits) / 8;
  const middle = 2 ** (bits - 1);
  const isSymmetric = type.startsWith('S');
  return {
    kind: 'coded',
    type,
    ggmlId: null,
    blockSize: group,
    bytesPerBlock,
    group,
    codes: [-middle, middle - 1],
    hasMin: !isSymmetric,
    split(bytes, { codes, scales, minima }) {
      for (let block = 0, at = 0; at < bytes.length; block++, at += bytesPerBlock) {
        const scale = halfAt(bytes, at);
        scales[block] = scale;
        if (!isSymmetric) minima[block] = (middle - bytes[at + 2]!) * scale;
        const to = block * group;
        if (bits === 8) {
          for (let i = 0; i < group; i++) codes[to + i] = bytes[at + 4 + i]! - middle;
        } else {
          for (let i = 0; i < group; i += 2) {
            const pair = bytes[at + 4 + (i >> 1)]!;
            codes[to + i] = (pair & 15) - middle;
            codes[to + i + 1] = (pair >> 4) - middle;
          }
        }
      }
    },
  };
}

export const groupedFormats = [
  grouped('S4_32', 4, 32),
  grouped('S4_64', 4, 64),
  grouped('S4_128', 4, 128),
  grouped('S8_32', 8, 32),
  grouped('S8_64', 8, 64),
  grouped('S8_128', 8, 128),
  grouped('U4_32', 4, 32),
  grouped('U4_64', 4, 64),
  grouped('U4_128', 4, 128),
  grouped('U8_32', 8, 32),
  grouped('U8_64', 8, 64),
  grouped('U8_128', 8, 128),
] as const;
