import type { Part } from '../../main/contract/extraction.ts';

type Edges = { left: number; top: number; right: number; bottom: number };
/** A word of `pdftotext -bbox`; in Chinese, a line of them. */
export type ReferenceWord = Edges & { text: string };
export type PlacedWord = Edges & { page: number; text: string };

/** Words that `pdftotext -bbox` has found, page by page. */
export function referenceWords(html: string): ReferenceWord[][] {
  const word = /<word xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.-]+)" yMax="([\d.-]+)">(.*?)<\/word>/g;
  const pages = html.split('<page ').slice(1);
  return pages.map((page) =>
    [...page.matchAll(word)].map(([, left, top, right, bottom, text]) => ({
      text: unescape(text!),
      left: Number(left),
      top: Number(top),
      right: Number(right),
      bottom: Number(bottom),
    })),
  );
}

/** Words of the parts with their boxes; `page` by number, from 0. */
export function placedWords(parts: readonly Part[]): PlacedWord[] {
  return parts.flatMap(({ text, boxes }, page) =>
    Array.from({ length: boxes.length / 6 }, (_, index) => {
      const [start = 0, end = 0, left = 0, top = 0, width = 0, height = 0] = boxes.slice(index * 6, index * 6 + 6);
      return { page, text: text.slice(start, end), left, top, right: left + width, bottom: top + height };
    }),
  );
}

/**
 * Whether pdftotext has the word there: its middle inside, the heights together for half of what either covers, and where the
 * words are the same, not letters of a line, the ends within 1.5 points. How far a line reaches up and down is a matter of
 * taste: pdftotext goes by the font's descriptor, which may cut letters off, the reader by the font itself.
 */
export function isSamePlace(box: PlacedWord, reference: ReferenceWord): boolean {
  const x = (box.left + box.right) / 2;
  const y = (box.top + box.bottom) / 2;
  const isInside = x > reference.left && x < reference.right && y > reference.top && y < reference.bottom;
  if (!isInside || overlap(box, reference) < 0.5 || !reference.text.includes(box.text)) return false;
  return (
    reference.text !== box.text ||
    (Math.abs(box.left - reference.left) < 1.5 && Math.abs(box.right - reference.right) < 1.5)
  );
}

/** Of the heights that two boxes cover, the share that both do: intersection over union. */
function overlap(one: Edges, other: Edges): number {
  const common = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
  return common / (Math.max(one.bottom, other.bottom) - Math.min(one.top, other.top));
}

function unescape(text: string): string {
  const signs: [string, string][] = [
    ['&lt;', '<'],
    ['&gt;', '>'],
    ['&quot;', '"'],
    ['&apos;', "'"],
    ['&amp;', '&'],
  ];
  return signs.reduce((plain, [escaped, sign]) => plain.replaceAll(escaped, sign), text);
}
