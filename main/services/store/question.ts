import { foldText, RUN, WORD } from './search-text.ts';

/** What a question is looked up by: FTS5 expressions, one a word or a pair of characters, and how its words are marked. */
export type Question = { terms: string[]; pattern: RegExp | null };

/** Of a pasted page only the beginning is looked up. */
const MOST_TERMS = 48;

// They are in most passages, so they tell none apart, and ranking by them would take most of the time.
const STOP_WORDS = new Set(
  (
    'a about after all also am an and any are as at be because been before being but by can could did do does doing done ' +
    'for from get had has have having he her here him his how i if in into is it its just like me more most my no not of ' +
    'off on one only or other our out over own same she should so some such than that the their them then there these ' +
    'they this those through to too under up us use used using very was we were what when where which while who whom why ' +
    'will with without would you your s t d ll re ve m don doesn isn'
  ).split(' '),
);

/** Asked with, not asked for: a run of characters is cut at them. */
const STOP_RUNS =
  /为什么|是什么|什么样|怎么样|什么|怎么|怎样|如何|哪些|哪个|哪里|哪一|多少|几个|是否|能否|可否|请问|可以|应该|需要|一个|这个|那个|以及|或者|并且|[的了吗呢吧啊是在和与或及把被对从到让用就也都很]/gu;

/** Endings that the index, which knows stems, takes off: a passage that says "configures" answers to "configuring". */
const ENDING = /(?:ations?|ings?|ies|ied|ers?|ed|es|ly|s|e|y)$/u;
const LEAST_STEM = 3;

/**
 * A question as the index of passages takes it: each of its words may occur, and the more and the rarer, the better. `typed`
 * says that its last word may be unfinished.
 */
export function parseQuestion(query: string, { typed = false }: { typed?: boolean } = {}): Question {
  const folded = query.normalize('NFKC');
  const words = [...new Set(folded.match(WORD) ?? [])].filter((word) => !isStopWord(word)).slice(0, MOST_TERMS);
  const last = folded.trimEnd().endsWith(words.at(-1) ?? ' ') ? words.at(-1) : undefined;
  const runs = [...new Set((folded.match(RUN) ?? []).flatMap((run) => run.split(STOP_RUNS)))].filter(Boolean);
  const grams = [...new Set(runs.flatMap(gramsOf))].slice(0, MOST_TERMS);
  const terms = [
    ...words.map((word) => `words : "${word}"${typed && word === last && word.length >= LEAST_STEM ? ' *' : ''}`),
    ...grams.map((gram) => `grams : "${gram}"${[...gram].length === 1 ? ' *' : ''}`),
  ];
  const sources = [...words.map(wordSource), ...runs.map((run) => foldText(run).text), ...grams.filter(isPair)];
  // Longer ones first, so that a whole run is marked rather than its first pair.
  const ordered = sources.toSorted((a, b) => b.length - a.length);
  return { terms, pattern: ordered.length === 0 ? null : new RegExp(ordered.join('|'), 'gu') };
}

function isStopWord(word: string): boolean {
  return STOP_WORDS.has(word.toLowerCase());
}

/** Pairs of a run; one character stands for all words that begin with it. */
function gramsOf(run: string): string[] {
  const characters = [...run];
  if (characters.length === 1) return characters;
  return characters.slice(1).map((character, index) => characters[index]! + character);
}

const isPair = (gram: string) => [...gram].length === 2;

/** Marks the word in any of its forms. */
function wordSource(word: string): string {
  const { text } = foldText(word);
  const stem = text.replace(ENDING, '');
  const letters = '[\\p{L}\\p{N}\\p{M}]';
  if (stem.length < LEAST_STEM || /\p{N}/u.test(text)) return `(?<!${letters})${text}(?!${letters})`;
  return `(?<!${letters})${stem}\\p{L}{0,6}(?!${letters})`;
}
