import { isRightToLeft, isSpaced, type Word } from './words.ts';

/** Words on one base line of one column, in reading order. */
export type Line = {
  words: Word[];
  u0: number;
  u1: number;
  v: number;
  top: number;
  bottom: number;
  size: number;
  isBold: boolean;
  isMono: boolean;
  /** Lines of one column in a row have one number. */
  column: number;
};

/** Shares of the size. */
const SAME_LINE = 0.35;
const GUTTER = 0.9;
/** A gap of this many sizes within a line parts the cells of a table. */
export const CELL_GAP = 2;
/** A column of prose has lines of this many sizes, and so many of them; narrower ones are columns of a table. */
const COLUMN_WIDTH = 9;
const COLUMN_LINES = 3;

/**
 * Words in reading order: rows from above to below, but where a gutter runs down between columns of prose, all of the first
 * column before the second. Text that runs in another direction comes after the most of it.
 */
export function linesOf(words: readonly Word[]): Line[] {
  const directions = [0, 1, 2, 3].map((direction) => words.filter((word) => word.direction === direction));
  directions.sort((a, b) => b.length - a.length);
  const columns = { last: 0 };
  return directions.flatMap((group) => orderRows(rowsOf(group), columns));
}

type Row = { words: Word[]; v: number; size: number };

/** Words by base line; a raised or lowered smaller one, as of a footnote, belongs to the line that it touches. */
function rowsOf(words: readonly Word[]): Row[] {
  const rows: Row[] = [];
  const raised: Word[] = [];
  const sizes = words.map(({ size }) => size).sort((a, b) => a - b);
  const common = sizes[sizes.length >> 1] ?? 0;
  for (const word of [...words].sort((a, b) => a.v - b.v || a.u0 - b.u0)) {
    if (word.size < common * 0.8 && word.text.length <= 4) {
      raised.push(word);
      continue;
    }
    const row = rows.at(-1);
    if (row !== undefined && Math.abs(word.v - row.v) < SAME_LINE * Math.min(word.size, row.size)) row.words.push(word);
    else rows.push({ words: [word], v: word.v, size: word.size });
  }
  for (const word of raised) {
    const middle = (word.top + word.bottom) / 2;
    const row = rows.find(({ words: others }) => others.some((other) => touches(other, word, middle)));
    if (row !== undefined) row.words.push(word);
    else addRow(rows, word);
  }
  for (const row of rows) row.words.sort((a, b) => a.u0 - b.u0);
  return rows.sort((a, b) => a.v - b.v);
}

function touches(other: Word, word: Word, middle: number): boolean {
  const isBeside = word.u0 - other.u1 < word.size && other.u0 - word.u1 < word.size;
  return isBeside && middle > other.top && middle < other.bottom;
}

function addRow(rows: Row[], word: Word): void {
  const row = rows.find(({ v, size }) => Math.abs(word.v - v) < SAME_LINE * Math.min(word.size, size));
  if (row !== undefined) row.words.push(word);
  else rows.push({ words: [word], v: word.v, size: word.size });
}

function orderRows(rows: readonly Row[], columns: { last: number }): Line[] {
  const lines: Line[] = [];
  let isRun = false;
  for (let at = 0; at < rows.length;) {
    const found = columnsFrom(rows, at);
    if (found === null) {
      if (!isRun) columns.last += 1;
      isRun = true;
      lines.push(lineOf(rows[at]!.words, columns.last));
      at += 1;
      continue;
    }
    isRun = false;
    const inside = rows.slice(at, found.end);
    for (const isLeft of [true, false]) {
      const side = inside.map((row) => ({ ...row, words: row.words.filter(({ u0 }) => u0 < found.gutter === isLeft) }));
      lines.push(
        ...orderRows(
          side.filter(({ words }) => words.length > 0),
          columns,
        ),
      );
    }
    at = found.end;
  }
  return lines;
}

type Interval = [start: number, end: number];

/** The longest run of rows from row `start` on that a gutter divides into two columns of prose. */
function columnsFrom(rows: readonly Row[], start: number): { end: number; gutter: number } | null {
  let best: { end: number; gutter: number } | null = null;
  let gutters: Interval[] = [[-Infinity, Infinity]];
  for (let at = start; at < rows.length; at++) {
    const row = rows[at]!;
    gutters = intersect(gutters, gapsOf(row));
    if (gutters.length === 0) break;
    if (at - start + 1 < COLUMN_LINES) continue;
    const gutter = gutters.find((gap) => dividesProse(rows.slice(start, at + 1), gap));
    if (gutter !== undefined) best = { end: at + 1, gutter: middleOf(gutter) };
  }
  return best;
}

/** Where nothing of a row stands, margins included, as far as it is wide enough to part columns. */
function gapsOf({ words, size }: Row): Interval[] {
  const gaps: Interval[] = [];
  let end = -Infinity;
  for (const word of words) {
    if (word.u0 - end >= GUTTER * size) gaps.push([end, word.u0]);
    end = Math.max(end, word.u1);
  }
  gaps.push([end, Infinity]);
  return gaps;
}

function intersect(a: readonly Interval[], b: readonly Interval[]): Interval[] {
  const found: Interval[] = [];
  for (const [start, end] of a) {
    for (const [otherStart, otherEnd] of b) {
      const from = Math.max(start, otherStart);
      const to = Math.min(end, otherEnd);
      if (to - from >= 6) found.push([from, to]);
    }
  }
  return found;
}

function dividesProse(rows: readonly Row[], [start, end]: Interval): boolean {
  if (start === -Infinity || end === Infinity) return false;
  const left = rows.map(({ words, size }) => ({ size, words: words.filter(({ u1 }) => u1 <= start + 1) }));
  const right = rows.map(({ words, size }) => ({ size, words: words.filter(({ u0 }) => u0 >= end - 1) }));
  return isProse(left) && isProse(right);
}

/** Lines of prose are wide and have no gaps within, where those of a table have them between cells. */
function isProse(rows: readonly { words: Word[]; size: number }[]): boolean {
  const filled = rows.filter(({ words }) => words.length > 0);
  const lines = filled.filter(({ words, size }) =>
    words.every((word, index) => index === 0 || word.u0 - words[index - 1]!.u1 < CELL_GAP * size),
  );
  const widths = lines.map(({ words, size }) => (words.at(-1)!.u1 - words[0]!.u0) / size).sort((a, b) => a - b);
  const isMostly = lines.length >= COLUMN_LINES && lines.length >= filled.length * 0.7;
  return isMostly && widths[widths.length >> 1]! >= COLUMN_WIDTH;
}

function middleOf([start, end]: Interval): number {
  return (start + end) / 2;
}

function lineOf(words: Word[], column: number): Line {
  const rightToLeft = words.filter(({ text }) => isRightToLeft(text)).length * 2 > words.length;
  const largest = words.reduce((a, b) => (b.size > a.size ? b : a));
  return {
    words: rightToLeft ? [...words].reverse() : words,
    u0: Math.min(...words.map(({ u0 }) => u0)),
    u1: Math.max(...words.map(({ u1 }) => u1)),
    v: largest.v,
    top: Math.min(...words.map(({ top }) => top)),
    bottom: Math.max(...words.map(({ bottom }) => bottom)),
    size: largest.size,
    isBold: words.every(({ isBold }) => isBold),
    isMono: words.every(({ isMono }) => isMono) && words.some(({ isCjk }) => !isCjk),
    column,
  };
}

/** The words of a line as a text, for comparing lines. */
export function textOf({ words }: Line): string {
  return words.map((word, index) => (index > 0 && isSpaced(words[index - 1]!, word) ? ' ' : '') + word.text).join('');
}
