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

describe('a workbook', () => {
  it('has the values of LibreOffice, computed ones and dates too, as tables with their types', async () => {
    const { rows, parts, text } = await extractAll(fixture('office/stock.xlsx'));
    expect(compareWords(text, await reference('stock.xlsx.reference.txt'))).toMatchObject({ recall: 1, precision: 1 });
    expect(parts.map(({ kind, label }) => [kind, label])).toEqual([
      ['sheet', 'Stock'],
      ['sheet', '中文'],
    ]);
    expect(rows[0]).toMatchObject({
      table: 0,
      part: 0,
      name: 'Stock',
      columns: ['Title', 'Bought', 'Price', 'On loan', 'Copies'],
      firstRow: 2,
    });
    expect(rows[0]!.rows).toEqual([
      ['The Rabbit-Hole', '2023-04-01', 12.5, 1, 3],
      ['Pool of Tears', '2024-02-29', 8.75, 0, 1],
      [],
      ['A Caucus-Race', '2019-12-31', 19, 1, 12],
      ['Sum', null, 40.25, null, 16],
    ]);
    expect(rows[1]).toMatchObject({
      table: 1,
      part: 1,
      name: '中文',
      rows: [
        ['红楼梦', '曹雪芹', 4],
        ['西游记', '吴承恩', 3],
      ],
    });
  });

  it('has each of 200 random cells where the source has it', async () => {
    const { parts } = await extractAll(fixture('office/figures.xlsx'));
    const source = (await readFile(fixture('texts/figures.csv'), 'utf8')).replace('"1,204"', '1204').trim().split('\n');
    const { text, blocks } = parts[0]!;
    const found = sample(
      source.flatMap((line, row) => line.split(',').map((cell, column) => ({ cell, row, column }))),
      200,
    ).filter(({ cell, row, column }) => {
      const block = blocks.find((candidate) => candidate.cell === `A${row + 1}`)!;
      return wordsOf(text.slice(block.start, block.end).split('\t')[column]!).join() === wordsOf(cell).join();
    });
    expect(found).toHaveLength(200);
  });
});

describe('a talk', () => {
  it.each(['talk.pptx', 'talk-saved.pptx'])('%s has the words of its source, slide by slide', async (name) => {
    const { parts, text, title, outline } = await extractAll(fixture(`office/${name}`));
    const { recall, precision } = compareWords(text, await reference('talk.reference.txt'));
    expect(recall).toBeGreaterThan(0.99);
    expect(precision).toBeGreaterThan(0.99);
    expect(title).toBe('The Greenstone library');
    expect(parts.map(({ kind, label }) => `${kind} ${label}`)).toEqual(
      [1, 2, 3, 4, 5].map((number) => `slide ${number}`),
    );
    expect(outline.map((entry) => [entry.part, entry.title])).toEqual([
      [0, 'The Greenstone library'],
      [1, 'What we have'],
      [2, '我们的计划'],
      [3, 'Figures'],
      [4, 'What readers wish'],
    ]);
    expect(blocksOf(parts, 'row')).toEqual(['Month\tVisitors\tLoans', 'January\t3810\t2904', 'February\t2975\t2310']);
    expect(blocksOf(parts, 'note')).toContain('先感谢捐款的读者。');
    expect(blocksOf(parts, 'item').at(-1)).toBe('2. Then Sundays');
  });

  it('of 60 slides has each of 200 spans on the slide where LibreOffice has it', async () => {
    const { parts, text } = await extractAll(fixture('office/readings.pptx'));
    const other = await reference('readings.reference.txt');
    const { recall, precision } = compareWords(text, other);
    expect(recall).toBeGreaterThan(0.99);
    expect(precision).toBeGreaterThan(0.99);
    const slides = other.split('\f').map((slide) => wordsOf(slide).join(' '));
    const spans = parts.flatMap((part, slide) =>
      part.blocks.map(({ start, end }) => ({ slide, words: wordsOf(part.text.slice(start, end)) })),
    );
    const found = sample(spans, 200).filter(({ slide, words }) => {
      const at = Math.max(0, words.length - 8) >> 1;
      return slides[slide]!.includes(words.slice(at, at + 8).join(' '));
    });
    expect(found).toHaveLength(200);
  });
});
