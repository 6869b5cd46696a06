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
const STOPS_APART = new RegExp(`(${STOP_RUNS.source})`, 'u');

/** Endings that the index, which knows stems, takes off: a passage that says "configures" answers to "configuring". */
const ENDING = /(?:ations?|ings?|ies|ied|ers?|ed|es|ly|s|e|y)$/u;
const LEAST_STEM = 3;
const LETTER = '[\\p{L}\\p{N}\\p{M}]';

/**
 * A question as the index of passages takes it: each of its words may occur, and the more and the rarer, the better. `typed`
 * says that its last word may be unfinished.
 */
export function parseQuestion(query: string, { typed = false }: { typed?: boolean } = {}): Question {
  const folded = query.normalize('NFKC');
  const words = [...new Set(folded.match(WORD) ?? [])].filter((word) => !isStopWord(word)).slice(0, MOST_TERMS);
  const last = folded.trimEnd().endsWith(words.at(-1) ?? ' ') ? words.at(-1) : undefined;
  const wide = folded.match(RUN) ?? [];
  const runs = [...new Set(wide.flatMap((run) => run.split(STOP_RUNS)))].filter(Boolean);
  const pairs = [...new Set(wide.flatMap(pairsOf))].slice(0, MOST_TERMS);
  // One character stands for all words that begin with it. Among 100,000 passages that takes up to a tenth of a second, so
  // it is looked for only where there is nothing else.
  const hasMore = words.length > 0 || runs.some((run) => [...run].length > 1);
  const lone = hasMore ? [] : runs.slice(0, MOST_TERMS);
  const terms = [
    ...words.map((word) => `words : "${word}"${typed && word === last && word.length >= LEAST_STEM ? ' *' : ''}`),
    ...pairs.map((pair) => `grams : "${pair}"`),
    ...lone.map((character) => `grams : "${character}" *`),
  ];
  // Longer ones first, so that a whole run is marked rather than its first pair.
  const byLength = (texts: string[]) => texts.toSorted((a, b) => b.length - a.length);
  const sources = [
    ...(words.length === 0 ? [] : [`(?<!${LETTER})(?:${byLength(words.map(wordSource)).join('|')})(?!${LETTER})`]),
    ...byLength([...runs.map((run) => foldText(run).text), ...pairs]),
  ];
  return { terms, pattern: sources.length === 0 ? null : new RegExp(sources.join('|'), 'gu') };
}

function isStopWord(word: string): boolean {
  return STOP_WORDS.has(word.toLowerCase());
}

/**
 * The pairs of a run that are asked for: not those with what is asked with, but for a character that would stand alone, since
 * names have such characters within them: 维也纳 is 维也 and 也纳.
 */
function pairsOf(run: string): string[] {
  const characters = run.split(STOPS_APART).flatMap((piece, index) => {
    const isStop = index % 2 === 1;
    const all = [...piece];
    return all.map((character) => ({ character, isStop, isAlone: !isStop && all.length === 1 }));
  });
  return characters.slice(1).flatMap((second, index) => {
    const first = characters[index]!;
    const isWanted = (!first.isStop && !second.isStop) || first.isAlone || second.isAlone;
    return isWanted ? [first.character + second.character] : [];
  });
}

/** Marks the word in any of its forms; it stands between what is no letter. */
function wordSource(word: string): string {
  const { text } = foldText(word);
  const stem = text.replace(ENDING, '');
  return stem.length < LEAST_STEM || /\p{N}/u.test(text) ? text : `${stem}\\p{L}{0,6}`;
}
