// Chinese, Japanese and Korean are written without spaces, and FTS5's word tokenizer takes a whole run of them for one
// word. So such runs are indexed apart, by characters: 模型在 becomes "模型 型在 在". A query of two or more characters is
// the phrase of its pairs; one character is a prefix, which is why the last one of a run is there alone.

// The prolonged sound mark ー belongs to no script by itself.
const RUN_SCRIPTS = '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Hangul}ー';
export const RUN = new RegExp(`[${RUN_SCRIPTS}]+`, 'gu');
const RUNS_APART = new RegExp(`(${RUN.source})`, 'u');
// What FTS5's unicode61 takes for a word, without those runs: letters, digits, private use, and marks inside.
const LETTER = `[[\\p{L}\\p{N}\\p{Co}]--[${RUN_SCRIPTS}]]`;
const LETTER_OR_MARK = `[[\\p{L}\\p{N}\\p{Co}\\p{M}]--[${RUN_SCRIPTS}]]`;
export const WORD = new RegExp(`${LETTER}${LETTER_OR_MARK}*`, 'gv');

// FTS5 refuses expressions of more than 256 levels; nobody means a pasted page to be looked up word by word.
const MAX_TERMS = 32;

/** Of the beginnings of words, those up to so many characters have an index of their own: see the migration. */
const INDEXED_PREFIX = 2;

export type IndexText = { words: string; grams: string };

/** One thing that must occur: a word or a row of words ("don't" is two), or a run of characters. */
type Term = { kind: 'words'; words: string[] } | { kind: 'run'; characters: string[] };

/** The two columns of the index for a text. Widths and ligatures are folded (ＡＢＣ is ABC); FTS5 folds case and accents. */
export function indexText(text: string): IndexText {
  const folded = text.normalize('NFKC');
  const runs = folded.match(RUN) ?? [];
  return {
    words: runs.length === 0 ? folded : folded.replace(RUN, ' '),
    grams: runs.map((run) => pairs([...run], true)).join(' '),
  };
}

/**
 * What a person typed, as plain text whatever it contains: every term must occur, the last word may be unfinished.
 * `match` is the FTS5 expression, null when nothing in the query can be searched for; `whole` is the one that takes the
 * last word as finished, null where that is the same or saves nothing.
 */
export function parseQuery(query: string): { match: string | null; whole: string | null; terms: Term[] } {
  const terms = query
    .normalize('NFKC')
    .split(/\s+/u)
    .flatMap((part) => part.split(RUNS_APART))
    .flatMap((part): Term[] => {
      if (part.search(RUN) === 0) return [{ kind: 'run', characters: [...part].slice(0, MAX_TERMS) }];
      const words = part.match(WORD);
      return words === null ? [] : [{ kind: 'words', words: words.slice(0, MAX_TERMS) }];
    })
    .slice(0, MAX_TERMS);
  if (terms.length === 0) return { match: null, whole: null, terms };
  // Words hold letters and digits only, so nothing in the quotes can end them.
  const parts = terms.map((term) => {
    if (term.kind === 'words') return `words : "${term.words.join(' ')}"`;
    return term.characters.length === 1
      ? `grams : "${term.characters[0]}" *`
      : `grams : "${pairs(term.characters, false)}"`;
  });
  const whole = parts.join(' AND ');
  const last = terms.at(-1)!;
  if (last.kind === 'run') return { match: whole, whole: null, terms };
  const isLong = [...last.words.at(-1)!].length > INDEXED_PREFIX;
  return { match: `${whole} *`, whole: isLong ? whole : null, terms };
}

/** A regular expression that finds the terms in text folded by `foldText`, as the index would. */
export function termPattern(terms: Term[]): RegExp {
  const sources = terms.map((term, index) => {
    if (term.kind === 'run') return foldText(term.characters.join('')).text;
    const words = term.words.map((word) => foldText(word).text).join('[^\\p{L}\\p{N}\\p{Co}]+');
    return `(?<!${LETTER_OR_MARK})${words}${index === terms.length - 1 ? '' : `(?!${LETTER_OR_MARK})`}`;
  });
  return new RegExp(sources.join('|'), 'gv');
}

/**
 * Text without case, accents and widths, to look for terms in. `offsets[i]` is where in the original the folded
 * character `i` came from, in UTF-16 units; null when nothing moved.
 */
export function foldText(text: string): { text: string; offsets: number[] | null } {
  if (/^[\x00-\x7f]*$/.test(text)) return { text: text.toLowerCase(), offsets: null };
  let folded = '';
  const offsets: number[] = [];
  // A character with the marks that follow it; the half-width voicing marks of Katakana count as such.
  for (const { 0: cluster, index } of text.matchAll(/\P{M}[\p{M}\uff9e\uff9f]*|\p{M}+/gu)) {
    const plain = isPlain(cluster) ? cluster.toLowerCase() : fold(cluster);
    for (let unit = 0; unit < plain.length; unit += 1) offsets.push(index);
    folded += plain;
  }
  offsets.push(text.length);
  return { text: folded, offsets };
}

/** ASCII, or a common Han, Kana or Hangul character: most of any text, and folding would not change it. */
function isPlain(cluster: string): boolean {
  if (cluster.length !== 1) return false;
  const code = cluster.charCodeAt(0);
  return (
    code < 0x80 ||
    (code >= 0x3041 && code <= 0x30fe) ||
    (code >= 0x4e00 && code <= 0x9fff) ||
    (code >= 0xac00 && code <= 0xd7a3)
  );
}

/** Accents go; the voicing of a Kana and the parts of a Hangul syllable are not accents and stay. */
function fold(cluster: string): string {
  const composed = cluster.normalize('NFKC');
  if (composed.search(RUN) === 0) return composed;
  return composed
    .normalize('NFD')
    .replace(/\p{Mn}/gu, '')
    .normalize('NFC')
    .toLowerCase();
}

function pairs(characters: string[], withLast: boolean): string {
  const tokens = characters.slice(1).map((character, index) => characters[index]! + character);
  const last = characters.at(-1);
  if (withLast && last !== undefined) tokens.push(last);
  return tokens.join(' ');
}
