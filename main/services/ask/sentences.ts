/** [start, end) in UTF-16 units. */
export type Stretch = { start: number; end: number };

const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' });
/** Ends of sentences that no sentence begins behind. */
const ABBREVIATED =
  /(?:\b(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|No|Nos|Fig|Figs|Eq|vs|etc|e\.g|i\.e|cf|al|approx|p|pp|vol|ch|sec)\.)\s*$/;

/** The sentences of a text, trimmed; a line break ends one, a full stop of an abbreviation does not. */
export function sentencesOf(text: string): Stretch[] {
  const found: Stretch[] = [];
  let lineStart = 0;
  for (const line of text.split('\n')) {
    let start: number | null = null;
    for (const { segment, index } of segmenter.segment(line)) {
      start ??= index;
      const end = index + segment.length;
      const isOpen = ABBREVIATED.test(line.slice(start, end)) || !/[\p{L}\p{N}]/u.test(line.slice(start, end));
      if (isOpen && end < line.length) continue;
      push(found, text, lineStart + start, lineStart + end);
      start = null;
    }
    lineStart += line.length + 1;
  }
  return found;
}

function push(found: Stretch[], text: string, start: number, end: number): void {
  const stretch = text.slice(start, end);
  const from = start + (stretch.length - stretch.trimStart().length);
  const to = end - (stretch.length - stretch.trimEnd().length);
  if (to > from) found.push({ start: from, end: to });
}

const WORDS = /[\p{Script=Han}]+|[\p{L}\p{M}\p{N}]+(?:['’][\p{L}]+)?/gu;
/** Words that say little of what a sentence is about. */
const EMPTY_WORDS = new Set(
  (
    'a an and are as at be been but by can could did do does for from had has have he her his how i if in into is it its ' +
    'may me more most no nor not of on one or our she should so some such than that the their them then there these they ' +
    'this those to too up was we were what when which who will with would you your also according document documents ' +
    'states text says 的 了 是 在 和 与 或 也 有 被 对 从 到 就 而 及 其 这 那 个 中 上 下 为 以 于'
  ).split(' '),
);

/** What a text is about: its words without endings, and pairs of neighbouring Chinese characters. */
export function termsOf(text: string): string[] {
  const terms: string[] = [];
  for (const [word] of text.normalize('NFKC').toLowerCase().matchAll(WORDS)) {
    if (/^\p{Script=Han}/u.test(word)) {
      const characters = [...word];
      if (characters.length === 1 && !EMPTY_WORDS.has(word)) terms.push(word);
      for (let i = 1; i < characters.length; i++) terms.push(characters[i - 1]! + characters[i]!);
    } else if (!EMPTY_WORDS.has(word)) {
      terms.push(stem(word));
    }
  }
  return terms;
}

/** Enough for 'states', 'stated' and 'stating' to meet; names and numbers stay as they are. */
function stem(word: string): string {
  if (word.length < 5 || /\p{N}/u.test(word)) return word;
  return word
    .replace(/(?:'s|’s)$/, '')
    .replace(/(?:ies|ied)$/, 'y')
    .replace(/(?:ing|edly|ed|es|s|ly)$/, '')
    .replace(/e$/, '');
}
