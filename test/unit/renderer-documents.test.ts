import { describe, expect, it } from 'vitest';
import type { Citation } from '../../main/contract/citations.ts';
import type { Part } from '../../main/contract/extraction.ts';
import { extentOf, numberCitations, tally } from '../../renderer/state/answer-sources.ts';
import { cutAtMarks } from '../../renderer/state/search.svelte.ts';
import { firstHits, rangesOf, snippetOf, type HitsOfDocument } from '../../renderer/state/document-search.svelte.ts';
import { boxesOf } from '../../renderer/state/page-boxes.ts';
import { readerBlocks } from '../../renderer/state/reader-blocks.ts';
import type { Range } from '../../renderer/state/source-pane.svelte.ts';
import { tinyPage } from '../support/tiny-pdf.ts';

function citation(end: number, place: number | null, state: Citation['state'] = 'exact'): Citation {
  const span = place === null ? null : { documentId: 'd', part: 0, start: place, end: place + 5 };
  return { start: end - 5, end, state, span, part: span && { kind: 'page', label: '1' }, quote: '', doubts: [] };
}

describe('the first hits', () => {
  const group = (documentId: string, count: number): HitsOfDocument => ({
    documentId,
    name: documentId,
    hits: Array.from({ length: count }, (_, part) => ({ documentId, part }) as HitsOfDocument['hits'][number]),
  });
  const countsOf = (groups: HitsOfDocument[]) => groups.map(({ documentId, hits }) => [documentId, hits.length]);

  it('fill one document after the other, and leave out those that they do not reach', () => {
    const groups = [group('a', 3), group('b', 2), group('c', 1)];
    expect(countsOf(firstHits(groups, 0))).toEqual([]);
    expect(countsOf(firstHits(groups, 2))).toEqual([['a', 2]]);
    expect(countsOf(firstHits(groups, 3))).toEqual([['a', 3]]);
    expect(countsOf(firstHits(groups, 4))).toEqual([
      ['a', 3],
      ['b', 1],
    ]);
    expect(firstHits(groups, 9)).toEqual(groups);
  });
});

describe('numbers of citations', () => {
  it('follow the text, are shared by the same span, and are missing where nothing was found', () => {
    const cited = [citation(40, 9), citation(10, 3), citation(20, null, 'missing'), citation(60, 3)];
    expect(numberCitations(cited).map(({ number }) => number)).toEqual([2, 1, null, 1]);
  });

  it('add up to what the head of the answer says', () => {
    const cited = [citation(10, 3), citation(20, 9, 'close'), citation(30, null, 'missing'), citation(40, 3)];
    expect(tally(cited)).toEqual({ claims: 4, exact: 2, close: 1, computed: 0, missing: 1 });
  });
});

it('an answer says how many pages were searched, and how many read', () => {
  const passages = [1, 1, 7].map((part) => ({ documentId: 'a', part, start: 0, end: 9, place: null }));
  const sources = {
    way: 'search' as const,
    documents: [{ id: 'a', name: 'A' }],
    passages,
    firstMark: 1,
    citations: [],
  };
  const info = { parts: 412, partKind: 'page' } as never;
  expect(extentOf(sources, () => info)).toEqual({ searched: 412, read: 2, arePages: true });
  expect(extentOf(sources, () => null)).toEqual({ searched: 0, read: 2, arePages: false });
});

describe('a passage that a search found', () => {
  const text = `${'before '.repeat(30)}the seventh instalment of the loan${' after'.repeat(80)}`;
  const at = text.indexOf('seventh');

  it('is shown around its first mark, from the start of a word', () => {
    const pieces = cutAtMarks(snippetOf({ text, marks: [[at, at + 7]] }));
    expect(pieces[0]?.[0]).toMatch(/^… before before .* the $/);
    expect(pieces[1]).toEqual(['seventh', true]);
    expect(pieces[2]?.[0]).toMatch(/ …$/);
  });

  it('is shown from its beginning where nothing is marked', () => {
    expect(snippetOf({ text: 'short\ntext', marks: [] })).toEqual({ snippet: 'short text', marks: [] });
  });

  it('is opened on the marked words, or as a whole', () => {
    expect(rangesOf({ start: 100, end: 400, marks: [[5, 12]] })).toEqual([[105, 112]]);
    expect(rangesOf({ start: 100, end: 400, marks: [] })).toEqual([[100, 400]]);
  });
});

describe('the boxes of words on a page', () => {
  const { text, boxes } = tinyPage(['The loan is repaid in', 'twelve instalments.']);
  const range = (words: string): Range => [text.indexOf(words), text.indexOf(words) + words.length];

  it('are one for the words of a line', () => {
    expect(boxesOf(boxes, [range('loan is repaid')])).toEqual([
      { left: 48 + 4 * 7.2, top: 55, width: expect.closeTo(14 * 7.2) as number, height: 12 },
    ]);
  });

  it('are one for each line', () => {
    const found = boxesOf(boxes, [range('in\ntwelve')]);
    expect(found.map(({ left, top }) => [left, top])).toEqual([
      [expect.closeTo(48 + 19 * 7.2), 55],
      [48, 71],
    ]);
  });

  it('keep columns apart', () => {
    const columns = [0, 4, 10, 10, 40, 12, 5, 9, 200, 10, 40, 12];
    expect(boxesOf(columns, [[0, 9]])).toHaveLength(2);
  });

  it('are none for what stands nowhere', () => {
    expect(boxesOf(boxes, [[900, 910]])).toEqual([]);
    expect(boxesOf(boxes, [])).toEqual([]);
  });
});

describe('a part for the reader', () => {
  const text = 'Terms\nThe loan is repaid.\nDate\tSum\n3 March\t120';
  const at = (words: string) => text.indexOf(words);
  const block = (kind: Part['blocks'][number]['kind'], words: string, cell?: string) => {
    const start = at(words);
    return { kind, start, end: start + words.length, level: kind === 'heading' ? 1 : 0, ...(cell ? { cell } : {}) };
  };
  const blocks = [
    block('heading', 'Terms'),
    block('paragraph', 'The loan is repaid.'),
    block('row', 'Date\tSum', 'A1'),
    block('row', '3 March\t120', 'A2'),
  ];
  const read = (...ranges: Range[]) => readerBlocks({ text, blocks }, ranges);

  it('has its blocks in order, and rows that follow each other as a table', () => {
    expect(read().map(({ kind }) => kind)).toEqual(['heading', 'paragraph', 'table']);
    const table = read()[2];
    expect(table?.kind === 'table' && table.rows.map(({ cell, cells }) => [cell, cells.length])).toEqual([
      ['A1', 2],
      ['A2', 2],
    ]);
  });

  it('marks the words of a range, over the ends of blocks and cells too', () => {
    const marked = (blocks: ReturnType<typeof read>) =>
      blocks.flatMap((one) =>
        (one.kind === 'table' ? one.rows.flatMap(({ cells }) => cells.flat()) : one.pieces)
          .filter(({ isMarked }) => isMarked)
          .map(({ text }) => text),
      );
    expect(marked(read([at('loan'), at('loan') + 4]))).toEqual(['loan']);
    expect(marked(read([at('repaid'), at('Sum') + 1]))).toEqual(['repaid.', 'Date', 'S']);
    expect(read([at('Sum'), at('Sum') + 3]).map(({ holdsMark }) => holdsMark)).toEqual([false, false, true]);
  });

  it('goes to a place without marking anything', () => {
    const blocks = read([at('The'), at('The')]);
    expect(blocks.map(({ holdsMark }) => holdsMark)).toEqual([false, true, false]);
    expect(blocks[1]?.kind === 'paragraph' && blocks[1].pieces).toEqual([
      { text: 'The loan is repaid.', isMarked: false },
    ]);
  });
});
