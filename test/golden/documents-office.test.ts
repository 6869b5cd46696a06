import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { Part, TextBlock } from '../../main/contract/extraction.ts';
import { compareWords, extractAll, fixture, sample, wordsOf } from '../support/extractions.ts';

const reference = (name: string) => readFile(fixture(`office/${name}`), 'utf8');

/** Texts of the blocks of a kind. */
function blocksOf(parts: readonly Part[], kind: TextBlock['kind']): string[] {
  return parts.flatMap(({ text, blocks }) =>
    blocks.filter((block) => block.kind === kind).map(({ start, end }) => text.slice(start, end)),
  );
}

describe('a text of an office', () => {
  it.each([
    ['report-en.docx', 'report-en.docx.reference.txt'],
    ['report-en.docx', 'report-en.docx.pandoc.txt'],
    ['report-en.odt', 'report-en.odt.reference.txt'],
    ['report-en.odt', 'report-en.odt.pandoc.txt'],
    ['report-zh.docx', 'report-zh.docx.reference.txt'],
    ['report-zh.odt', 'report-zh.odt.reference.txt'],
    ['pandoc.docx', 'pandoc.docx.pandoc.txt'],
  ])('%s has the words of %s', async (name, other) => {
    const { text } = await extractAll(fixture(`office/${name}`));
    const { recall, precision, words } = compareWords(text, await reference(other));
    expect(words).toBeGreaterThan(1000);
    expect(recall).toBeGreaterThan(0.99);
    expect(precision).toBeGreaterThan(0.99);
  });

  it.each(['report-en.docx', 'report-en.odt'])(
    '%s has headings, a numbered list in two levels, a note and a table',
    async (name) => {
      const { parts, outline, title } = await extractAll(fixture(`office/${name}`));
      expect(title).toBe('Annual report of the Greenstone library');
      expect(outline.map((entry) => `${entry.level} ${entry.title}`)).toEqual([
        '1 Annual report of the Greenstone library',
        '2 Rooms and hours',
        '2 Figures',
        '2 What readers wish',
        '2 A reading',
      ]);
      const [open, foreign, english] = blocksOf(parts, 'item');
      expect([open, foreign, english]).toEqual([
        '1. Open on Saturdays until ten',
        '2. Buy foreign books',
        '2.1. three hundred in English',
      ]);
      expect(blocksOf(parts, 'note')).toContain('[1] The accounts were audited in May by two readers.');
      expect(blocksOf(parts, 'paragraph').some((text) => text.endsWith('well meant.[1]'))).toBe(true);
      expect(blocksOf(parts, 'row').at(-1)).toBe('December\t3253\t2718\t1204\ttrue');
    },
  );

  it.each(['report-en.docx', 'report-en.odt', 'report-zh.docx', 'report-zh.odt'])(
    '%s has each of 200 spans in the paragraph that LibreOffice has it in',
    async (name) => {
      const { parts } = await extractAll(fixture(`office/${name}`));
      const paragraphs = (await reference(`${name}.reference.txt`))
        .split(/\r?\n/)
        .map((line) => wordsOf(line).join(' '));
      // Rows are paragraphs of cells there; notes stand at the end.
      const blocks = ['heading', 'paragraph', 'item'].flatMap((kind) => blocksOf(parts, kind as TextBlock['kind']));
      const found = sample(blocks, 200).filter((block) => {
        const words = wordsOf(block.replace(/\[1\]$/, ''));
        const at = Math.max(0, words.length - 8) >> 1;
        return paragraphs.some((paragraph) => paragraph.includes(words.slice(at, at + 8).join(' ')));
      });
      expect(found).toHaveLength(200);
    },
  );
});
