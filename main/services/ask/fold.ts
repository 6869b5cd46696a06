/** A text with all that a faithful quotation may change taken away, and where each of its characters came from. */
export type Folded = {
  text: string;
  /** For each UTF-16 unit of `text`, its offset in the original; one more for the end. */
  origins: Uint32Array;
};

const SPACE = /\s/u;
const HAN = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303f\uff00-\uffef]/u;
const LETTER = /\p{L}/u;
/** Soft hyphen, zero-width characters, byte order mark. */
const INVISIBLE = /[\u00ad\u200b-\u200d\u2060\ufeff]/;
const ALIKE: Readonly<Record<string, string>> = {
  ...Object.fromEntries([...'‐‑‒–—―−﹣－'].map((dash) => [dash, '-'])),
  ...Object.fromEntries([...'‘’‚‛′`´＇'].map((quote) => [quote, "'"])),
  ...Object.fromEntries([...'“”„‟″«»「」『』＂'].map((quote) => [quote, '"'])),
};

/**
 * Folds white space to one space (to none beside Chinese and Japanese characters), width and case, kinds of dashes and
 * quotation marks; joins words that were hyphenated at the end of a line.
 */
export function fold(original: string): Folded {
  const characters = [...original];
  const units: string[] = [];
  const origins: number[] = [];
  let at = 0;
  let gap = -1; // where white space began that is not written yet
  for (const [index, character] of characters.entries()) {
    const from = at;
    at += character.length;
    if (INVISIBLE.test(character)) continue;
    if (SPACE.test(character)) {
      if (gap < 0) gap = from;
      continue;
    }
    if (isLineHyphen(characters, index)) continue;
    const before = units.at(-1) ?? '';
    const isApart = gap >= 0 && before !== '' && !HAN.test(character) && !HAN.test(before);
    if (isApart && !isAfterLineHyphen(characters, index)) {
      units.push(' ');
      origins.push(gap);
    }
    gap = -1;
    for (const unit of (ALIKE[character] ?? character.normalize('NFKC')).toLowerCase().split('')) {
      units.push(unit);
      origins.push(from);
    }
  }
  return { text: units.join(''), origins: Uint32Array.from(origins.concat(at)) };
}

/**
 * Where `wanted` stands in a folded text as words of their own: not within a longer word or number, whose meaning may be
 * another. Between Chinese characters words have no borders. -1 where it does not, or holds no letter or digit.
 */
export function indexOfWords(text: string, wanted: string): number {
  if (!WORD.test(wanted)) return -1;
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
    const end = at + wanted.length;
    if (isBorder(text[at - 1], text[at]) && isBorder(text[end - 1], text[end])) return at;
  }
  return -1;
}

const WORD = /[\p{L}\p{N}]/u;
const isBorder = (before = ' ', after = ' ') =>
  !(WORD.test(before) && WORD.test(after)) || HAN.test(before) || HAN.test(after);

/** The stretch of the original that [start, end) of a folded text came from. */
export function unfold({ origins }: Folded, start: number, end: number, original: string): [number, number] {
  const from = origins[start]!;
  const last = origins[end - 1]!;
  return [from, last + (original.codePointAt(last)! > 0xffff ? 2 : 1)];
}

/** A hyphen between letters whose line ends behind it. */
function isLineHyphen(characters: readonly string[], index: number): boolean {
  if (ALIKE[characters[index]!] !== '-' && characters[index] !== '-') return false;
  if (!LETTER.test(characters[index - 1] ?? '')) return false;
  let next = index + 1;
  let hasBreak = false;
  while (SPACE.test(characters[next] ?? '')) hasBreak = characters[next++] === '\n' || hasBreak;
  return hasBreak && /\p{Ll}/u.test(characters[next] ?? '');
}

function isAfterLineHyphen(characters: readonly string[], index: number): boolean {
  let before = index - 1;
  while (before >= 0 && SPACE.test(characters[before]!)) before--;
  return before >= 0 && before < index - 1 && isLineHyphen(characters, before);
}
