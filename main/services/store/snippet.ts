import { foldText } from './search-text.ts';

/** `marks` are [start, end) offsets of the matches in `text`, in UTF-16 units. */
export type Snippet = { text: string; marks: [number, number][] };

const LENGTH = 160;
const LEAD = 40;
// A long answer is folded piece by piece and only as far as the first match; the overlap keeps a match on a border whole.
const PIECE = 4096;
const OVERLAP = 256;

/**
 * The part of `text` around the first match of `pattern` (see `termPattern`), on one line, about 160 characters.
 * Without a match it is the beginning.
 */
export function snippetOf(text: string, pattern: RegExp): Snippet {
  const first = firstMatch(text, pattern);
  const start = wordStart(text, Math.max(0, first - LEAD), first);
  const cut = text.slice(start, wordEnd(text, start + LENGTH));
  const before = start > 0 ? '…' : '';
  const after = start + cut.length < text.length ? '…' : '';
  const marks = findAll(cut, pattern).map(([from, to]): [number, number] => [from + before.length, to + before.length]);
  return { text: before + cut.replace(/\s/gu, ' ') + after, marks };
}

function firstMatch(text: string, pattern: RegExp): number {
  for (let start = 0; start < text.length; start += PIECE) {
    const [found] = findAll(text.slice(start, start + PIECE + OVERLAP), pattern, 1);
    if (found !== undefined) return start + found[0];
  }
  return 0;
}

function findAll(text: string, pattern: RegExp, limit = Infinity): [number, number][] {
  const { text: folded, offsets } = foldText(text);
  const at = (index: number) => (offsets === null ? index : (offsets[index] ?? text.length));
  const found: [number, number][] = [];
  for (const match of folded.matchAll(pattern)) {
    if (found.length >= limit) break;
    // Offsets name where a character starts, so the end is where the next one does, marks of the last one included.
    found.push([at(match.index), at(match.index + match[0].length)]);
  }
  return found;
}

/** Moves `start` to the beginning of a word, if one begins between it and `limit`. */
function wordStart(text: string, start: number, limit: number): number {
  if (start === 0) return 0;
  const space = text.slice(start, limit).search(/\s/u);
  if (space >= 0) return start + space + 1;
  return isLowSurrogate(text, start) ? start - 1 : start;
}

/** Moves `end` back to where a word ends, unless that word is a long one or the script writes none. */
function wordEnd(text: string, end: number): number {
  if (end >= text.length) return text.length;
  const partial = /[^\s\p{Lo}]*$/u.exec(text.slice(end - 20, end))?.[0].length ?? 0;
  const back = partial < 20 && /^[^\s\p{Lo}]/u.test(text.slice(end)) ? end - partial : end;
  return isLowSurrogate(text, back) ? back + 1 : back;
}

function isLowSurrogate(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code >= 0xdc00 && code <= 0xdfff;
}
