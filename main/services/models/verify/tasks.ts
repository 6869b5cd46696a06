/** Texts with something in them to be found, whose answer is known. Everything follows from a seed. */

export const taskNames = ['passkey', 'needles', 'tracking'] as const;
export type TaskName = (typeof taskNames)[number];

/** Where in the text the thing to be found stands: 0 is its beginning, 1 its end. */
export const depths = [0, 0.25, 0.5, 0.75, 1] as const;

export type Probe = { question: string; expected: string };

type ProbeOptions = {
  task: TaskName;
  depth: number;
  /** Sentences of filler. */
  sentences: number;
  seed: number;
};

/**
 * A question behind `sentences` sentences of filler, into which its answer is put at `depth`.
 *
 * `passkey` hides one number; `needles` hides four with names and asks for one of them; `tracking` gives a name a
 * number, and another name the value of the first, which takes two steps to follow. After Mohtashami and Jaggi, "Landmark
 * Attention" (arXiv 2305.16300), and RULER (arXiv 2404.06654), with words of our own.
 */
export function makeProbe({ task, depth, sentences, seed }: ProbeOptions): Probe {
  const random = randomFrom(seed);
  const filler = Array.from({ length: sentences }, () => sentence(random));
  const expected = String(10_000 + Math.floor(random() * 90_000));
  const names = shuffled(NAMES, random);
  const [first, second, ...others] = names as [string, string, ...string[]];
  const put = (share: number, text: string) => filler.splice(Math.round(share * filler.length), 0, text);
  const ask = (question: string) => ({
    question: `Read this text, then answer the question below it.\n\n${filler.join(' ')}\n\n${question}`,
    expected,
  });
  if (task === 'passkey') {
    put(depth, `The pass key is ${expected}. Remember it.`);
    return ask('What is the pass key? Answer with the number alone.');
  }
  if (task === 'needles') {
    put(depth, `The number of ${first} is ${expected}.`);
    for (const [index, name] of others.slice(0, 3).entries()) {
      const other = String(10_000 + Math.floor(random() * 90_000));
      put((index + 0.5) / 3, `The number of ${name} is ${other === expected ? '10000' : other}.`);
    }
    return ask(`What is the number of ${first}? Answer with the number alone.`);
  }
  const place = Math.round(depth * filler.length);
  const behind = place + Math.round((filler.length - place) / 2);
  filler.splice(behind, 0, `The box of ${second} holds the same number as the box of ${first}.`);
  filler.splice(place, 0, `The box of ${first} holds the number ${expected}.`);
  return ask(`Which number does the box of ${second} hold? Answer with the number alone.`);
}

/** Whether an answer gives the number that was hidden: as digits of its own, not as part of a longer number. */
export function isRight(answer: string, expected: string): boolean {
  return new RegExp(`(?<!\\d)${expected}(?!\\d)`).test(answer.replaceAll(/(?<=\d),(?=\d{3})/g, ''));
}

/** Questions of each task at each length and depth, and how many there are where one of them was missed. */
export const SAMPLES = 2;
export const MOST_SAMPLES = 4;

/** Whether a cell needs another question: it has not got its own yet, or one was missed, and the others decide. */
export function isOpen({ found, asked }: { found: number; asked: number }): boolean {
  return asked < SAMPLES || (asked - found === 1 && asked < MOST_SAMPLES);
}

/** Of all tasks at one length: each has a text of its own to read. */
export const QUESTIONS = taskNames.length * depths.length * SAMPLES;

/** Lengths of text to try: powers of two times 1,024 below `limit` tokens, and `limit`. */
export function lengthsTo(limit: number): number[] {
  const lengths: number[] = [];
  for (let tokens = 1024; tokens < limit; tokens *= 2) lengths.push(tokens);
  return [...lengths, limit];
}

const NAMES = ['Anna', 'Boris', 'Clara', 'David', 'Elena', 'Frank', 'Greta', 'Henry'];
const SUBJECTS = ['The baker', 'A tall ship', 'The old clock', 'Our neighbour', 'The river', 'A young fox', 'The wind'];
const VERBS = ['passed', 'watched', 'remembered', 'followed', 'left', 'crossed', 'found'];
const OBJECTS = ['the empty square', 'a quiet garden', 'the northern road', 'the stone bridge', 'a field of barley'];
const TIMES = ['in the morning', 'before the rain', 'after supper', 'on a cold day', 'while the bells rang'];

function sentence(random: () => number): string {
  const pick = (words: readonly string[]) => words[Math.floor(random() * words.length)]!;
  return `${pick(SUBJECTS)} ${pick(VERBS)} ${pick(OBJECTS)} ${pick(TIMES)}.`;
}

function shuffled<T>(values: readonly T[], random: () => number): T[] {
  return values
    .map((value) => ({ value, place: random() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ value }) => value);
}

/** Mulberry32 (Tommy Ettinger, public domain): the same numbers from 0 to 1 for the same seed, on every machine. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
