import { CODE_ENDINGS } from '../../contract/endings.ts';
import type { ExtractionEvent, ExtractionNote, TextBlock } from '../../contract/extraction.ts';
import { decodeText } from './encoding.ts';
import { tooLarge, type DocumentFile, type DocumentFormat } from './format.ts';
import { makePart, normalise } from './part.ts';

const MOST_BYTES = 100_000_000;
/** A part longer than some 40 printed pages would be slow to show and to store. */
const PART_CHARACTERS = 100_000;
/** A paragraph longer than this, as of a text with one line a paragraph, is cut at its lines. */
const PARAGRAPH_CHARACTERS = 2_000;
const CODE_LINES = 40;

/** Plain text in any encoding: paragraphs, or lines where they are that. */
export const plainText: DocumentFormat = {
  id: 'text',
  matches: () => true,
  read: (file) => readText(file, { format: 'text', blocksOf: paragraphs }),
};

/** Sources and configuration, verbatim: runs of lines, cut where one is blank. */
export const sourceCode: DocumentFormat = {
  id: 'code',
  matches: ({ ending }) => CODE_ENDINGS.has(ending),
  read: (file) => readText(file, { format: 'code', blocksOf: codeBlocks }),
};

/** A line without its end, [start, end) in the text. */
export type Line = { start: number; end: number; text: string };
type TextOptions = {
  format: string;
  /** Blocks of a piece of the text, in order. */
  blocksOf(text: string): TextBlock[];
  titleOf?(text: string): string | null;
};

/** @throws document-too-large */
export async function* readText(file: DocumentFile, options: TextOptions): AsyncGenerator<ExtractionEvent, void> {
  if (file.bytes.length > MOST_BYTES) throw tooLarge('fileBytes', MOST_BYTES);
  const { text: raw, encoding, isGuess } = decodeText(file.bytes);
  const text = normalise(raw).replace(/\f/g, '\n');
  const pieces = cut(text);
  yield { type: 'about', format: options.format, title: options.titleOf?.(text) ?? null, parts: pieces.length };
  for (const piece of pieces) {
    const label = pieces.length === 1 ? '' : `${piece.firstLine}–${piece.lastLine}`;
    yield { type: 'part', part: makePart(piece.text, options.blocksOf(piece.text), { kind: 'text', label }) };
  }
  const notes: ExtractionNote[] = isGuess ? [{ code: 'encoding-guessed', details: { encoding } }] : [];
  yield { type: 'end', outline: [], notes };
}

/** Lines of `text` with where they stand. */
export function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  for (let start = 0; start <= text.length;) {
    const found = text.indexOf('\n', start);
    const end = found === -1 ? text.length : found;
    lines.push({ start, end, text: text.slice(start, end) });
    start = end + 1;
  }
  return lines;
}

type Piece = { text: string; firstLine: number; lastLine: number };

/** Pieces of at most PART_CHARACTERS, cut at blank lines where there are any, else at lines, else anywhere. */
function cut(text: string): Piece[] {
  const pieces: Piece[] = [];
  let firstLine = 1;
  for (let start = 0; start < text.length || pieces.length === 0;) {
    const end = start + PART_CHARACTERS >= text.length ? text.length : cutBefore(text, start, start + PART_CHARACTERS);
    const piece = text.slice(start, end);
    const lastLine = firstLine + countLines(piece.trimEnd());
    pieces.push({ text: piece.replace(/^\n+|\s+$/g, ''), firstLine, lastLine });
    firstLine += countLines(piece);
    start = end;
  }
  return pieces;
}

function cutBefore(text: string, start: number, limit: number): number {
  const least = start + PART_CHARACTERS / 2;
  for (const [separator, after] of [
    ['\n\n', 2],
    ['\n', 1],
    [' ', 1],
  ] as const) {
    const at = text.lastIndexOf(separator, limit - after);
    if (at > least) return at + after;
  }
  return isLowSurrogate(text, limit) ? limit - 1 : limit;
}

function isLowSurrogate(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xdc00;
}

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

function paragraphs(text: string): TextBlock[] {
  return groups(linesOf(text), (lines) => {
    const first = lines[0]!;
    return lines.at(-1)!.end - first.start > PARAGRAPH_CHARACTERS ? lines.map((line) => [line]) : [lines];
  }).map((lines) => blockOf('paragraph', lines));
}

function codeBlocks(text: string): TextBlock[] {
  const blocks: TextBlock[] = [];
  let open: Line[] = [];
  const close = () => {
    if (open.length > 0) blocks.push(blockOf('code', open));
    open = [];
  };
  for (const lines of groups(linesOf(text), (run) => chunk(run, CODE_LINES))) {
    if (open.length + lines.length > CODE_LINES) close();
    open.push(...lines);
  }
  close();
  return blocks;
}

/** Runs of lines between blank ones, each divided by `divide`. */
function groups(lines: Line[], divide: (run: Line[]) => Line[][]): Line[][] {
  const found: Line[][] = [];
  let run: Line[] = [];
  const close = () => {
    if (run.length > 0) found.push(...divide(run));
    run = [];
  };
  for (const line of lines) {
    if (line.text.trim() === '') close();
    else run.push(line);
  }
  close();
  return found;
}

function chunk<T>(items: T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

export function blockOf(kind: TextBlock['kind'], lines: readonly Line[], level = 0): TextBlock {
  return { kind, start: lines[0]!.start, end: lines.at(-1)!.end, level };
}
