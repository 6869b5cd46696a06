import { mulberry32 } from './tiny-checkpoint.ts';

/**
 * - `passkey`: one record in filler; give its value
 * - `needles`: eight records; give the value of one
 * - `quoting`: two records that hold 16 letters each; copy those of one
 * - `tracking`: follow a key to the key that it names, and give that one's value; two other chains beside it
 */
export const syntheticTasks = ['passkey', 'needles', 'quoting', 'tracking'] as const;
export type SyntheticTask = (typeof syntheticTasks)[number];

export type SyntheticSample = { prompt: string; answer: string };

const NEEDLES = 8;
const QUOTED = 16;
const DECOY_CHAINS = 2;
const WORDS = (
  'the a old small grey green river road house boat hill tree wind rain night day was ran stood lay near over under by ' +
  'and but then slow cold quiet long far home again'
).split(' ');
const CAPITALS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/**
 * A task whose answer is known, for the small trained model (`test/model/train/tasks.py` explains its texts and makes the
 * same samples from the same seeds). Texts are ASCII and a token of that model is a byte.
 * @param length tokens of the prompt, exactly
 * @param depth 0 to 1: where in the filler the first record lies that the answer needs; the others lie anywhere
 * @throws where the records do not fit into `length`
 */
export function syntheticSample(task: SyntheticTask, seed: number, length: number, depth: number): SyntheticSample {
  const random = new Random(seed);
  const key = random.freshKey();
  const { wanted, question, answer, others } =
    task === 'tracking' ? trackingRecords(random, key) : valueRecords(random, key, task);
  const room = length - question.length - wanted.length - others.reduce((sum, record) => sum + record.length, 0);
  if (room < 0) throw new Error(`a prompt for ${task} does not fit into ${length} tokens`);

  const records = [
    { place: Math.floor(depth * room), record: wanted },
    ...others.map((record) => ({ place: random.below(room + 1), record })),
  ].sort((a, b) => a.place - b.place); // stable, as in Python
  const prose = filler(random, room);
  let text = '';
  let at = 0;
  for (const { place, record } of records) {
    text += prose.slice(at, place) + record;
    at = place;
  }
  return { prompt: text + prose.slice(at) + question, answer };
}

/** The ids of a sample's text: its bytes. */
export function byteIds(text: string): number[] {
  return [...Buffer.from(text)];
}

type Records = { wanted: string; question: string; answer: string; others: string[] };

function trackingRecords(random: Random, key: string): Records {
  const target = random.freshKey();
  const value = random.digits();
  const others = [`[${target}=${value}]`];
  for (let chain = 0; chain < DECOY_CHAINS; chain++) {
    const first = random.freshKey();
    const second = random.freshKey();
    others.push(`[${first}=${second}]`, `[${second}=${random.digits()}]`);
  }
  return { wanted: `[${key}=${target}]`, question: `[${key}>`, answer: `${target}=${value}]`, others };
}

function valueRecords(random: Random, key: string, task: 'passkey' | 'needles' | 'quoting'): Records {
  const newValue = () => (task === 'quoting' ? random.letters(QUOTED) : random.digits());
  const answer = `${newValue()}]`;
  const count = { passkey: 0, needles: NEEDLES - 1, quoting: 1 }[task];
  const others = Array.from({ length: count }, () => `[${random.freshKey()}=${newValue()}]`);
  return { wanted: `[${key}=${answer}`, question: `[${key}=`, answer, others };
}

/** Sentences of four to nine words, cut off at `length` bytes. */
function filler(random: Random, length: number): string {
  let text = '';
  while (text.length < length) {
    const count = 4 + random.below(6);
    text += `${Array.from({ length: count }, () => random.pick(WORDS)).join(' ')}. `;
  }
  return text.slice(0, length);
}

class Random {
  readonly #unit: () => number;
  readonly #used = new Set<string>();

  constructor(seed: number) {
    this.#unit = mulberry32(seed);
  }

  below(end: number): number {
    return Math.floor(this.#unit() * end);
  }

  pick(items: ArrayLike<string>): string {
    return items[this.below(items.length)]!;
  }

  /** Two capitals that this generator has not given before. */
  freshKey(): string {
    for (;;) {
      const key = this.pick(CAPITALS) + this.pick(CAPITALS);
      if (this.#used.has(key)) continue;
      this.#used.add(key);
      return key;
    }
  }

  digits(): string {
    return Array.from({ length: 4 }, () => this.below(10)).join('');
  }

  letters(count: number): string {
    return Array.from({ length: count }, () => this.pick(LETTERS)).join('');
  }
}
