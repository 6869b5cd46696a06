import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { compareWords, extractAll, fixture, sample, wordsOf } from '../support/extractions.ts';

/** Recognising a page takes ten seconds on a machine with nothing else to do. */
const PATIENCE_MS = 300_000;

describe('a scan', () => {
  it.each([
    ['report-en.pdf', 'report-en.reference.txt'],
    ['report-zh.pdf', 'report-zh.reference.txt'],
    ['report-zh.jpg', 'report-zh.reference.txt'],
  ])(
    '%s is read with at most one word in twenty wrong, and says that it was recognised',
    async (name, reference) => {
      const { text, parts, notes } = await extractAll(fixture(`scans/${name}`));
      const { recall, precision, words } = compareWords(text, await readFile(fixture(`scans/${reference}`), 'utf8'));
      expect(words).toBeGreaterThan(300);
      expect(recall).toBeGreaterThan(0.95);
      expect(precision).toBeGreaterThan(0.95);
      expect(parts[0]!.recognised).toBe(true);
      expect(notes).toEqual([{ code: 'text-recognised', details: { pages: [1] } }]);
    },
    PATIENCE_MS,
  );

  it(
    'has its letters within one of where the page has them that it is a picture of',
    async () => {
      const { parts } = await extractAll(fixture('scans/report-zh.pdf'));
      const original = (await extractAll(fixture('pdf/report-zh.pdf'))).parts[0]!;
      const boxes = boxesOf(parts[0]!).filter(({ text }) => wordsOf(text).length > 0);
      const found = sample(boxes, 200).filter(({ text, x, y }) =>
        boxesOf(original).some((word) => word.text === text && Math.abs(word.x - x) < 12 && Math.abs(word.y - y) < 8),
      );
      expect(found.length).toBeGreaterThan(180);
    },
    PATIENCE_MS,
  );

  it('is said to be one where recognising is not wished for', async () => {
    const { text, notes } = await extractAll(fixture('scans/report-zh.pdf'), { recognise: false });
    expect(text).toBe('');
    expect(notes).toEqual([{ code: 'no-text-layer', details: { pages: [1] } }]);
  });
});

type Place = { text: string; x: number; y: number };

/** Words of a part with the middles of their boxes. */
function boxesOf({ text, boxes }: { text: string; boxes: readonly number[] }): Place[] {
  return Array.from({ length: boxes.length / 6 }, (_, index) => {
    const [start = 0, end = 0, left = 0, top = 0, width = 0, height = 0] = boxes.slice(index * 6, index * 6 + 6);
    return { text: text.slice(start, end), x: left + width / 2, y: top + height / 2 };
  });
}
