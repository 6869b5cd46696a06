import type { Part } from '../../../contract/extraction.ts';
import { textOfPage } from '../pdf/blocks.ts';
import type { Line } from '../pdf/lines.ts';

/** Text of recognised lines, with its boxes in units of which a pixel is `scale`. */
export function recognisedText(lines: readonly Line[], scale: number): Pick<Part, 'text' | 'blocks' | 'boxes'> {
  const sizes = lines.map(({ size }) => size).sort((a, b) => a - b);
  const habits = { bodySize: sizes[sizes.length >> 1] ?? 1, hyphenated: new Set<string>() };
  const { text, blocks, boxes } = textOfPage(lines, () => false, habits);
  return {
    text,
    blocks,
    boxes: boxes.map((value, index) => (index % 6 < 2 ? value : Math.round(value * scale * 100) / 100)),
  };
}
