import type { Part, TextBlock } from '../../main/contract/extraction.ts';
import type { Range } from './source-pane.svelte.ts';

/** Some text, and whether it is among what is to be seen. */
export type Piece = { text: string; isMarked: boolean };

export type ReaderBlock =
  | { kind: Exclude<TextBlock['kind'], 'row'>; start: number; level: number; pieces: Piece[]; holdsMark: boolean }
  /** Rows that follow each other; `cell` is what the sheet calls the first of its cells. */
  | { kind: 'table'; start: number; rows: { start: number; cell: string; cells: Piece[][] }[]; holdsMark: boolean };

/** The text of a part as a reader sees it: its blocks in order, cut where the marked words begin and end. */
export function readerBlocks({ text, blocks }: Pick<Part, 'text' | 'blocks'>, ranges: readonly Range[]): ReaderBlock[] {
  const shown: ReaderBlock[] = [];
  for (const { kind, start, end, level, cell = '' } of blocks) {
    const holdsMark = isTouched(start, end, ranges);
    if (kind !== 'row') {
      shown.push({ kind, start, level, pieces: piecesOf(text, start, end, ranges), holdsMark });
      continue;
    }
    const row = { start, cell, cells: cellsOf(text, start, end, ranges) };
    const last = shown.at(-1);
    if (last?.kind === 'table') {
      last.rows.push(row);
      last.holdsMark ||= holdsMark;
    } else shown.push({ kind: 'table', start, rows: [row], holdsMark });
  }
  return shown;
}

/** An empty range is a place to go to: it marks nothing, and is touched by the block that it stands in. */
const isTouched = (start: number, end: number, ranges: readonly Range[]) =>
  ranges.some(([from, to]) => (from === to ? from >= start && from < end : from < end && to > start));

function cellsOf(text: string, start: number, end: number, ranges: readonly Range[]): Piece[][] {
  const cells: Piece[][] = [];
  for (let from = start; from <= end;) {
    const tab = text.indexOf('\t', from);
    const to = tab === -1 || tab >= end ? end : tab;
    cells.push(piecesOf(text, from, to, ranges));
    from = to + 1;
  }
  return cells;
}

function piecesOf(text: string, start: number, end: number, ranges: readonly Range[]): Piece[] {
  const pieces: Piece[] = [];
  let at = start;
  const add = (to: number, isMarked: boolean) => {
    if (to > at) pieces.push({ text: text.slice(at, to), isMarked });
    at = Math.max(at, to);
  };
  for (const [from, to] of ranges.toSorted((a, b) => a[0] - b[0])) {
    if (from >= end || to <= start || from === to) continue;
    add(Math.min(end, from), false);
    add(Math.min(end, to), true);
  }
  add(end, false);
  return pieces;
}
