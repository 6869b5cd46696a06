import type { Part, TextBlock } from '../../../contract/extraction.ts';
import { normalise } from '../part.ts';
import { toPage } from './glyphs.ts';
import { CELL_GAP, textOf, type Line } from './lines.ts';
import { isSpaced, type Word } from './words.ts';

/** What pages of a document have in common, known better the more of them were read. */
export type Habits = {
  /** Size of most letters. */
  bodySize: number;
  /** Words that stand somewhere with a hyphen in the middle of a line. */
  hyphenated: Set<string>;
};

/** Lines that make one block. */
type Paragraph = { kind: TextBlock['kind']; level: number; lines: Line[] };
/** Where a line of the page stands in the text. */
export type LinePlace = { top: number; offset: number };

const BULLET = /^(?:[•◦▪‣●○■□–—*·-]|\(?(?:\d{1,3}|[a-z]|[ivx]{1,5})[.)])$/i;
/** Dots that lead the eye to a page number. */
const LEADERS = /^[.·…]+$/;
/** A letter of most fonts of equal widths is this share of their size wide. */
const MONO_WIDTH = 0.6;
const HEADING_RATIOS = [1.7, 1.35, 1.12] as const;
const HEADING_LINES = 3;

/** Text of a page as its lines give it, with boxes of the words; `isRunning` tells headers and footers. */
export function textOfPage(
  lines: readonly Line[],
  isRunning: (line: Line) => boolean,
  habits: Habits,
): Pick<Part, 'text' | 'blocks' | 'boxes'> & { places: LinePlace[] } {
  const writer = new Writer(habits);
  for (const paragraph of paragraphsOf(lines, isRunning, habits)) writer.add(paragraph);
  return { text: writer.text, blocks: writer.blocks, boxes: writer.boxes, places: writer.places };
}

function paragraphsOf(lines: readonly Line[], isRunning: (line: Line) => boolean, habits: Habits): Paragraph[] {
  const paragraphs: Paragraph[] = [];
  const pitches = pitchOfColumns(lines);
  const rights = rightOfColumns(lines);
  let open: Paragraph | null = null;
  let before: Line | null = null;
  for (const line of lines) {
    const kind = isRunning(line) ? 'note' : kindOf(line, habits);
    const goesOn =
      open !== null &&
      before !== null &&
      open.kind === (kind === 'item' ? null : open.kind === 'item' && kind === 'paragraph' ? 'item' : kind) &&
      kind !== 'row' &&
      kind !== 'note' &&
      followsOn(before, line, pitches.get(line.column) ?? 0, rights.get(line.column) ?? 0);
    if (goesOn) open!.lines.push(line);
    else paragraphs.push((open = { kind, level: levelOf(kind, line, habits), lines: [line] }));
    before = line;
  }
  return paragraphs.map((paragraph) =>
    paragraph.kind === 'heading' && paragraph.lines.length > HEADING_LINES
      ? { ...paragraph, kind: 'paragraph', level: 0 }
      : paragraph,
  );
}

function kindOf(line: Line, { bodySize }: Habits): TextBlock['kind'] {
  if (line.isMono) return 'code';
  if (line.words.filter(({ text }) => LEADERS.test(text)).length >= 3) return 'row';
  if (BULLET.test(line.words[0]!.text) && line.words.length > 1) return 'item';
  if (line.words.some((word, index) => index > 0 && word.u0 - line.words[index - 1]!.u1 > CELL_GAP * line.size))
    return 'row';
  const isTitle = line.size >= bodySize * HEADING_RATIOS[2] && /\p{L}/u.test(textOf(line));
  return isTitle ? 'heading' : 'paragraph';
}

function levelOf(kind: TextBlock['kind'], { size }: Line, { bodySize }: Habits): number {
  if (kind === 'item') return 1;
  if (kind !== 'heading') return 0;
  return 1 + HEADING_RATIOS.findIndex((ratio) => size >= bodySize * ratio);
}

/** Whether `line` belongs to the paragraph that `before` is the last line of. */
function followsOn(before: Line, line: Line, pitch: number, right: number): boolean {
  if (line.column !== before.column || line.words[0]!.direction !== before.words[0]!.direction) return false;
  const size = Math.max(before.size, line.size);
  if (Math.abs(before.size - line.size) > 0.15 * size || before.isBold !== line.isBold) return false;
  const step = line.v - before.v;
  if (line.isMono) return step > 0 && step < 2.5 * size;
  if (step <= 0 || step > Math.max(1.25 * pitch, 1.05 * size)) return false;
  const endsShort = before.u1 < right - 4 * size && /[.!?:。！？：”"]$/.test(before.words.at(-1)!.text);
  const isIndented = line.u0 - before.u0 > 0.8 * size && line.u0 - before.u0 < 4 * size;
  return !endsShort && !(isIndented && /[.!?:。！？：”"）)]$/.test(before.words.at(-1)!.text));
}

/** The usual distance of two lines, by column. */
function pitchOfColumns(lines: readonly Line[]): Map<number, number> {
  const steps = new Map<number, number[]>();
  for (const [index, line] of lines.entries()) {
    const before = lines[index - 1];
    if (before?.column !== line.column) continue;
    const step = line.v - before.v;
    if (step > 0 && step < 3 * line.size) steps.set(line.column, [...(steps.get(line.column) ?? []), step]);
  }
  return new Map([...steps].map(([column, all]) => [column, all.sort((a, b) => a - b)[all.length >> 1]!]));
}

function rightOfColumns(lines: readonly Line[]): Map<number, number> {
  const rights = new Map<number, number>();
  for (const { column, u1 } of lines) rights.set(column, Math.max(rights.get(column) ?? -Infinity, u1));
  return rights;
}

/** Writes paragraphs one after another, and notes where each word has come to stand. */
class Writer {
  readonly #habits: Habits;
  readonly blocks: TextBlock[] = [];
  readonly boxes: number[] = [];
  readonly places: LinePlace[] = [];
  text = '';

  constructor(habits: Habits) {
    this.#habits = habits;
  }

  add({ kind, level, lines }: Paragraph): void {
    const last = this.blocks.at(-1);
    if (last !== undefined) this.text += last.kind === kind && (kind === 'row' || kind === 'item') ? '\n' : '\n\n';
    const start = this.text.length;
    const left = Math.min(...lines.map(({ u0 }) => u0));
    for (const [index, line] of lines.entries()) {
      const before = lines[index - 1]?.words.at(-1);
      if (before !== undefined && kind === 'code') this.text += `\n${indent(line, left)}`;
      else if (before !== undefined) this.#joinLine(before, line.words[0]!);
      this.places.push({ top: line.top, offset: this.text.length });
      this.#line(line);
    }
    this.blocks.push({ kind, start, end: this.text.length, level });
  }

  #line({ words, size }: Line): void {
    let before: Word | undefined;
    for (const word of withoutLeaders(words)) {
      if (before !== undefined && word.u0 - before.u1 > CELL_GAP * size) this.text += '\t';
      else if (before !== undefined && isSpaced(before, word)) this.text += ' ';
      before = word;
      const start = this.text.length;
      this.text += normalise(word.text);
      const box = toPage(word.direction, word.u0, word.u1, word.top, word.bottom);
      this.boxes.push(start, this.text.length, ...box.map((value) => Math.round(value * 100) / 100));
      if (/\p{L}-\p{L}/u.test(word.text)) this.#habits.hyphenated.add(word.text.toLowerCase());
    }
  }

  /** What stands between the last word of a line and the first of the next: nothing where it was divided. */
  #joinLine(before: Word, next: Word): void {
    const isDivided = /\p{L}[-‐]$/u.test(before.text) && /^\p{Ll}/u.test(next.text);
    if (!isDivided) {
      if (!(before.isCjk && next.isCjk)) this.text += ' ';
      return;
    }
    if (this.#habits.hyphenated.has((before.text + next.text).toLowerCase().replace('‐', '-'))) return;
    this.text = this.text.slice(0, -1);
    this.boxes[this.boxes.length - 5]! -= 1; // the word ends before its hyphen
  }
}

function withoutLeaders(words: readonly Word[]): readonly Word[] {
  const leaders = words.filter(({ text }) => LEADERS.test(text));
  return leaders.length < 3 || leaders.length === words.length
    ? words
    : words.filter((word) => !leaders.includes(word));
}

function indent(line: Line, left: number): string {
  return ' '.repeat(Math.min(80, Math.max(0, Math.round((line.u0 - left) / (MONO_WIDTH * line.size)))));
}
