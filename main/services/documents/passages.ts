import type { Part, TextBlock } from '../../contract/extraction.ts';
import { oneLine } from '../../contract/one-line.ts';
import type { NewPassage } from '../store/documents.ts';

/** In tokens, about: a passage answers one question, and models that embed read some 250 of them. */
const LEAST = 150;
const WANTED = 230;
const MOST = 300;
/** Behind so much of other text a heading begins a passage of its own. */
const LEAST_BEFORE_HEADING = 60;
const MOST_CONTEXT = 120;

const CJK = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/gu;
/** Where a sentence ends: the stop with what closes it, and the space behind. */
const SENTENCE_END = /[.!?…]+["'”’)\]]*\s+|[。！？；]+[”’」』）]*\s*|\n+/gu;

type Piece = { start: number; end: number; tokens: number; isHeading: boolean };
type Heading = { level: number; text: string };

/** About how many tokens a text is to a model that embeds: four letters each, and a little less than one a Chinese character. */
export function estimateTokens(text: string): number {
  const wide = text.match(CJK)?.length ?? 0;
  return Math.ceil(wide * 0.8 + (text.length - wide) / 4);
}

/**
 * Cuts the parts of one document, given in order, into passages at blocks and, where those are long, at sentences. They cover
 * all the text but the space between them, so neighbours can be joined. Headings are kept with what follows them, and tell
 * later passages what they stand under, across parts too.
 */
export class PassageCutter {
  #headings: Heading[] = [];

  cut({ text, blocks, kind, label }: Pick<Part, 'text' | 'blocks' | 'kind' | 'label'>): NewPassage[] {
    // A sheet or a chapter is named by its label; the number of a page says nothing.
    if (kind === 'sheet' || kind === 'chapter') this.#headings = [{ level: 0, text: clip(label) }];
    const passages: NewPassage[] = [];
    let open: Piece[] = [];
    let tokens = 0;
    let context = this.#context();

    const close = () => {
      const body = open.findLastIndex(({ isHeading }) => !isHeading) + 1;
      const kept = body === 0 ? [] : open.splice(body); // headings at the end go on to what they head
      const [first, last] = [open[0], open.at(-1)];
      if (first !== undefined && last !== undefined) passages.push({ start: first.start, end: last.end, context });
      open = kept;
      tokens = open.reduce((sum, piece) => sum + piece.tokens, 0);
    };

    for (const block of wholeBlocks(text, blocks)) {
      const isHeading = block.kind === 'heading';
      if (isHeading && tokens >= LEAST_BEFORE_HEADING) close();
      if (open.length === 0) context = this.#context(isHeading ? block.level : undefined);
      if (isHeading) this.#enter({ level: block.level, text: clip(text.slice(block.start, block.end)) });
      for (const piece of piecesOf(text, block)) {
        const isFull = tokens >= WANTED || (tokens + piece.tokens > MOST && tokens >= LEAST);
        if (tokens > 0 && (isFull || tokens + piece.tokens > MOST * 1.2)) {
          close();
          if (open.length === 0) context = this.#context();
        }
        open.push(piece);
        tokens += piece.tokens;
      }
    }
    close();
    if (open.length > 0) passages.push({ start: open[0]!.start, end: open.at(-1)!.end, context });
    return passages;
  }

  #enter(heading: Heading): void {
    this.#headings = [...this.#headings.filter(({ level }) => level < heading.level), heading];
  }

  /** The two nearest headings above one of `level`, or above ordinary text. */
  #context(level = Infinity): string {
    const above = this.#headings.filter((heading) => heading.level < level && heading.text !== '');
    return above
      .slice(-2)
      .map(({ text }) => text)
      .join(' › ');
  }
}

/** Text between blocks, or all of it where there are none, is a block as well. */
function wholeBlocks(text: string, blocks: readonly TextBlock[]): TextBlock[] {
  const whole: TextBlock[] = [];
  let at = 0;
  const fill = (end: number) => {
    if (text.slice(at, end).trim() !== '') whole.push({ kind: 'paragraph', start: at, end, level: 0 });
  };
  for (const block of blocks) {
    fill(block.start);
    if (text.slice(block.start, block.end).trim() !== '') whole.push(block);
    at = Math.max(at, block.end);
  }
  fill(text.length);
  return whole;
}

function piecesOf(text: string, { kind, start, end }: TextBlock): Piece[] {
  const isHeading = kind === 'heading';
  const whole = pieceOf(text, start, end, isHeading);
  if (isHeading || whole.tokens <= WANTED / 2) return [whole];
  const pieces: Piece[] = [];
  let from = start;
  for (const { 0: stop, index } of text.slice(start, end).matchAll(SENTENCE_END)) {
    const to = start + index + stop.length;
    pieces.push(...shortPieces(text, from, to));
    from = to;
  }
  if (from < end) pieces.push(...shortPieces(text, from, end));
  return pieces;
}

/** A sentence, or what a long one comes apart into: at spaces, or anywhere in a text that has none. */
function shortPieces(text: string, start: number, end: number): Piece[] {
  const whole = pieceOf(text, start, end, false);
  if (whole.tokens <= MOST) return [whole];
  const pieces: Piece[] = [];
  const length = Math.floor(((end - start) * WANTED) / whole.tokens);
  for (let from = start; from < end;) {
    let to = Math.min(end, from + length);
    if (to < end) {
      const space = text.slice(from, to).search(/\s\S*$/u);
      if (space > length / 2) to = from + space + 1;
      else if (isLowSurrogate(text, to)) to += 1;
    }
    pieces.push(pieceOf(text, from, to, false));
    from = to;
  }
  return pieces;
}

function pieceOf(text: string, start: number, end: number, isHeading: boolean): Piece {
  const slice = text.slice(start, end);
  const [from, to] = [start + slice.length - slice.trimStart().length, start + slice.trimEnd().length];
  if (from >= to) return { start, end, tokens: 0, isHeading };
  return { start: from, end: to, tokens: estimateTokens(slice), isHeading };
}

function clip(text: string): string {
  const line = oneLine(text);
  return line.length <= MOST_CONTEXT ? line : line.slice(0, MOST_CONTEXT);
}

function isLowSurrogate(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code >= 0xdc00 && code <= 0xdfff;
}
