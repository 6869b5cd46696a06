import type { Direction, Glyph } from './glyphs.ts';

/** Letters that stand together on a line; a Chinese or Japanese one stands alone. Places as of glyphs. */
export type Word = {
  text: string;
  direction: Direction;
  u0: number;
  u1: number;
  v: number;
  top: number;
  bottom: number;
  size: number;
  isBold: boolean;
  isMono: boolean;
  /** The page itself has a space between the word before, in the order of drawing, and this one. */
  afterSpace: boolean;
  order: number;
  isCjk: boolean;
  /** Its box is that of the ink, which leaves room beside most Chinese letters. */
  isTight: boolean;
};

/** Shares of the size: what is farther apart belongs to two words, on a line or across. */
const WORD_GAP = 0.1;
const CJK_GAP = 0.35;
const TIGHT_CJK_GAP = 1.2;
const LINE_SHIFT = 0.25;
/** Above the base line, of the square that a Chinese letter fills. */
const UPRIGHT_ASCENT = 0.88;
const CJK = /[\u2e80-\u9fff\uf900-\ufaff\uff00-\uff60\u3000-\u30ff]|[\ud840-\ud87f]/;

/** Joins letters into words, in the order of drawing. A letter that is drawn twice in place, to look bold, counts once. */
export function wordsOf(shown: readonly Glyph[]): Word[] {
  const glyphs = uprightInColumns(shown);
  const words: Word[] = [];
  let last: { glyph: Glyph; word: Word } | null = null;
  for (const glyph of glyphs) {
    if (last !== null && isDrawnAgain(last.glyph, glyph)) continue;
    const isCjk = CJK.test(glyph.text);
    if (last !== null && !isCjk && !last.word.isCjk && goesOn(last.glyph, glyph)) {
      extend(last.word, glyph);
      last = { glyph, word: last.word };
      continue;
    }
    const word = { ...glyph, order: words.length, isCjk, isTight: false };
    words.push(word);
    last = { glyph, word };
  }
  return words.map((word) => (isRightToLeft(word.text) ? { ...word, text: inReadingOrder(word.text) } : word));
}

/** Whether a space stands between two words of a line, of which `left` is the first. */
export function isSpaced(left: Word, right: Word): boolean {
  const gap = right.u0 - left.u1;
  const size = Math.min(left.size, right.size);
  if (right.order === left.order + 1 && right.afterSpace) return true;
  if (!left.isCjk && !right.isCjk) return gap > size * WORD_GAP;
  return gap > size * (left.isTight && right.isTight ? TIGHT_CJK_GAP : CJK_GAP);
}

/**
 * Vertical writing that a program has set letter by letter, each upright and below the one before, as text that runs down.
 */
function uprightInColumns(glyphs: readonly Glyph[]): readonly Glyph[] {
  const isBelow = glyphs.map((glyph, index) => {
    const before = glyphs[index - 1];
    if (before === undefined || glyph.direction !== 0 || !CJK.test(glyph.text) || !CJK.test(before.text)) return false;
    const step = (glyph.v - before.v) / glyph.size;
    return Math.abs(middleOf(glyph) - middleOf(before)) < 0.3 * glyph.size && step > 0.7 && step < 1.7;
  });
  const letters = glyphs.filter(({ text }) => CJK.test(text)).length;
  if (isBelow.filter(Boolean).length < letters / 2 || letters < 4) return glyphs;
  return glyphs.map((glyph, index) => (isBelow[index] === true || isBelow[index + 1] === true ? turned(glyph) : glyph));
}

function middleOf({ u0, u1 }: Glyph): number {
  return (u0 + u1) / 2;
}

function turned(glyph: Glyph): Glyph {
  const v = -middleOf(glyph);
  const half = glyph.size / 2;
  const u0 = glyph.v - UPRIGHT_ASCENT * glyph.size;
  return { ...glyph, direction: 1, u0, u1: u0 + glyph.size, v, top: v - half, bottom: v + half };
}

function goesOn(before: Glyph, glyph: Glyph): boolean {
  const size = Math.max(before.size, glyph.size);
  const gap = glyph.u0 - before.u1;
  return (
    !glyph.afterSpace &&
    glyph.direction === before.direction &&
    Math.abs(glyph.v - before.v) < size * LINE_SHIFT &&
    gap < size * WORD_GAP &&
    gap > -0.5 * size
  );
}

function isDrawnAgain(before: Glyph, glyph: Glyph): boolean {
  const near = Math.max(0.3, before.size * 0.06);
  return (
    before.text === glyph.text &&
    before.direction === glyph.direction &&
    Math.abs(before.u0 - glyph.u0) < near &&
    Math.abs(before.v - glyph.v) < near
  );
}

function extend(word: Word, glyph: Glyph): void {
  word.text += glyph.text;
  word.u0 = Math.min(word.u0, glyph.u0);
  word.u1 = Math.max(word.u1, glyph.u1);
  word.top = Math.min(word.top, glyph.top);
  word.bottom = Math.max(word.bottom, glyph.bottom);
  word.size = Math.max(word.size, glyph.size);
}

export function isCjkText(text: string): boolean {
  return CJK.test(text);
}

export function isRightToLeft(text: string): boolean {
  return /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/.test(text);
}

/** A page draws letters from the left; these are read from the right. */
function inReadingOrder(text: string): string {
  return [...text].reverse().join('');
}
