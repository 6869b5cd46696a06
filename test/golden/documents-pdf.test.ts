import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { compareWords, extractAll, fixture, sample, wordsOf } from '../support/extractions.ts';
import { isSamePlace, placedWords, referenceWords } from '../support/pdf-words.ts';
import { tinyPdf } from '../support/tiny-pdf.ts';

describe('a PDF', () => {
  it.each(['columns', 'report-zh', 'vertical'])('%s has the words that pdftotext finds in it', async (name) => {
    const { text } = await extractAll(fixture(`pdf/${name}.pdf`));
    const { recall, precision, words } = compareWords(
      text,
      await readFile(fixture(`pdf/${name}.reference.txt`), 'utf8'),
    );
    expect(words).toBeGreaterThan(100);
    expect(recall).toBeGreaterThan(0.99);
    expect(precision).toBeGreaterThan(0.99);
  });

  it.each(['columns', 'report-zh'])('%s has its words where pdftotext has them', async (name) => {
    const { parts } = await extractAll(fixture(`pdf/${name}.pdf`));
    const reference = referenceWords(await readFile(fixture(`pdf/${name}.bbox.html`), 'utf8'));
    const boxes = placedWords(parts.slice(0, reference.length)).filter(({ text }) => wordsOf(text).length > 0);
    const lost = sample(boxes, 200).filter((box) => !reference[box.page]!.some((word) => isSamePlace(box, word)));
    expect(lost).toEqual([]);
  });

  it('of two columns is read one column after the other, with words joined that a line end divides', async () => {
    const { text } = await extractAll(fixture('pdf/columns.pdf'));
    const source = await readFile('resources/alice.txt', 'utf8');
    const found = wordsOf(text).join(' ');
    // Sentences of the book, most of which go over line ends and some over the end of a column.
    const sentences = source
      .slice(0, 24_000)
      .split(/(?<=[.!?]) +|\n\n/)
      .map((sentence) => wordsOf(sentence))
      .filter((words) => words.length >= 12);
    const kept = sentences.filter((words) => found.includes(words.slice(0, 12).join(' ')));
    expect(sentences.length).toBeGreaterThan(60);
    expect(kept.length / sentences.length).toBeGreaterThan(0.9);
  });

  it('sets its headers and footers apart, and nothing else', async () => {
    const { parts } = await extractAll(fixture('pdf/columns.pdf'));
    for (const [index, { text, blocks }] of parts.entries()) {
      const notes = blocks.filter(({ kind }) => kind === 'note').map(({ start, end }) => text.slice(start, end));
      expect(notes).toEqual(['Readings of the Greenstone library', `Page ${index + 1}`]);
    }
  });

  it('has an outline of its headings, a title, rows of a table and items of a list', async () => {
    const { outline, title, parts } = await extractAll(fixture('pdf/report-zh.pdf'));
    expect(title).toBe('青石镇图书馆年度报告');
    const heading = ({ part, offset, title: words }: (typeof outline)[number]) =>
      parts[part]!.text.slice(offset, offset + words.length);
    expect(outline.map(heading)).toEqual(['青石镇图书馆年度报告', '修缮与开放', '读者意见']);
    const { text, blocks } = parts[0]!;
    const of = (wanted: string) =>
      blocks.filter(({ kind }) => kind === wanted).map(({ start, end }) => text.slice(start, end));
    expect(of('row')[1]).toBe('林秋水\t馆长室\t0001\t2009');
    expect(of('item')).toHaveLength(3);
  });

  it('in vertical writing is read from the right column to the left one', async () => {
    const { text } = await extractAll(fixture('pdf/vertical.pdf'));
    const source = (await readFile(fixture('texts/zh-hant.txt'), 'utf8')).replace(/\s/g, '');
    expect(text.replace(/\s/g, '')).toBe(source);
  });

  it.each([
    [undefined, 'missing'],
    ['no', 'wrong'],
  ])('that is locked and given the password %s says what is the matter', async (password, state) => {
    const reading = extractAll(fixture('pdf/locked.pdf'), password === undefined ? {} : { password });
    await expect(reading).rejects.toMatchObject({ code: 'document-encrypted', details: { password: state } });
  });

  it('has what a form was filled with and comments as notes, and nothing of empty fields', async () => {
    const { parts } = await extractAll(fixture('pdf/form.pdf'));
    const notes = parts[0]!.blocks.filter(({ kind }) => kind === 'note');
    expect(notes.map(({ start, end }) => parts[0]!.text.slice(start, end))).toEqual([
      'Ask again in May.',
      'Reader: Zhou Ming',
      'card: GS-40172',
      'Lends books: ✓',
      'Branch: North',
    ]);
  });

  it('that is locked is read with its password', async () => {
    const { text } = await extractAll(fixture('pdf/locked.pdf'), { password: 'reader' });
    expect(text).toContain('林秋水');
  });

  it('does not take an empty page for a picture, whatever is set on it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'longhand-pdf-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const path = join(folder, 'blank.pdf');
    await writeFile(path, tinyPdf([[], ['Words on the second page.']]));
    const { parts, notes } = await extractAll(path);
    expect(parts.map(({ text, recognised }) => [text, recognised])).toEqual([
      ['', false],
      ['Words on the second page.', false],
    ]);
    expect(notes).toEqual([]);
  });
});
