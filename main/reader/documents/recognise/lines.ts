import type { Block, Line as FoundLine } from 'tesseract.js';
import { linesOf, type Line } from '../pdf/lines.ts';
import { isCjkText, type Word } from '../pdf/words.ts';

/** Of 100: below this a word is a smudge, a rule or a part of a picture. */
const LEAST = 20;
/** Heights of lines vary with the letters in them: up to this share they are those of the page's usual line. */
const SAME_HEIGHT = 0.3;

/** Lines of recognised text in reading order, made as those of a PDF are: Tesseract runs lines together over columns. */
export function linesOfBlocks(blocks: readonly Block[]): Line[] {
  const found = blocks.flatMap(({ paragraphs }) => paragraphs).flatMap(({ lines }) => lines);
  const heights = found.map(heightOf).sort((a, b) => a - b);
  const usual = heights[heights.length >> 1] ?? 1;
  const words: Word[] = [];
  for (const line of found) {
    const height = heightOf(line);
    const size = Math.abs(height - usual) < SAME_HEIGHT * usual ? usual : height;
    const v = (line.baseline.y0 + line.baseline.y1) / 2;
    for (const { text, bbox, confidence, symbols } of line.words) {
      if (confidence < LEAST || text.trim() === '') continue;
      // Chinese letters come in words of a dictionary, or one by one; their boxes tell where each stands.
      const pieces = isCjkText(text)
        ? symbols.map((symbol) => ({ text: symbol.text, bbox: symbol.bbox }))
        : [{ text, bbox }];
      for (const piece of pieces) words.push(wordOf(piece, { v, size, order: words.length }));
    }
  }
  return linesOf(words);
}

function heightOf({ bbox }: FoundLine): number {
  return Math.max(1, bbox.y1 - bbox.y0);
}

function wordOf(
  { text, bbox }: { text: string; bbox: { x0: number; y0: number; x1: number; y1: number } },
  { v, size, order }: { v: number; size: number; order: number },
): Word {
  const isCjk = isCjkText(text);
  const place = { u0: bbox.x0, u1: bbox.x1, top: bbox.y0, bottom: bbox.y1, v, size, order };
  const look = { direction: 0 as const, isBold: false, isMono: false, isTight: true };
  return { text, ...place, ...look, afterSpace: !isCjk, isCjk };
}
