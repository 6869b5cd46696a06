import { RUN, WORD } from './search-text.ts';

/** Of the words that either of two passages has, as many must be in both. */
const SHARED = 0.8;

/** The different words of a text, and pairs of characters where it has no words. */
export function wordsOf(text: string): ReadonlySet<string> {
  const lower = text.toLowerCase();
  const words = new Set(lower.match(WORD) ?? []);
  for (const run of lower.match(RUN) ?? [])
    for (let at = 0; at + 1 < run.length; at++) words.add(run.slice(at, at + 2));
  return words;
}

/** Whether two passages say almost the same, as versions of a file and its copies do. */
export function isNearTwin(words: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  const [few, many] = words.size < others.size ? [words, others] : [others, words];
  if (few.size < many.size * SHARED) return false;
  let shared = 0;
  for (const word of few) if (many.has(word)) shared++;
  return shared >= (few.size + many.size - shared) * SHARED;
}
