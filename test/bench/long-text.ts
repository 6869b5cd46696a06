/**
 * One long text, read beyond the trained length by each method: perplexity by position, and whether facts are found again.
 *
 *     node test/bench/long-text.ts COMPILED_FOLDER OUT.json METHOD...      (plain, yarn, dca, dca+sparse)
 *
 * OUT.json is written after every length, and kept for methods that are not named. The text is half of Alice's Adventures
 * in Wonderland with documents of this repository in its middle, and facts strewn over it. A method reads it once. At each
 * length the last WINDOW tokens, which hold no fact and are Alice at 8K and at 32K, are scored, and every fact so far is
 * asked for on a fork. `plain` also scores the same tokens with no more before them than the model was trained on: what
 * is harder or easier there than elsewhere has to be told from what the method loses.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { PREFILL_BLOCK } from '../../native-models/attention/blocks.ts';
import type { KvSequence } from '../../main/engine/kv-cache.ts';
import { Model } from '../../main/engine/model.ts';
import { argmax } from '../../main/engine/sampler.ts';
import type { ContextMethod } from '../../native-models/attention/options.ts';
import type { Sparsity } from '../../native-models/attention/sparsity.ts';
import { logProbabilities, perplexityOf } from '../support/log-probabilities.ts';
import { describeMachine } from '../support/machine.ts';

const LENGTHS = [8192, 16_384, 32_768];
const WINDOW = 2048;
const FACTS_PER_LENGTH = 8;
const ANSWER_TOKENS = 7;
const SPARSITY: Sparsity = { pages: 16, recentPages: 8 };
const METHODS: Readonly<Record<string, { method: ContextMethod; sparsity: Sparsity | null }>> = {
  plain: { method: 'plain', sparsity: null },
  yarn: { method: 'yarn', sparsity: null },
  dca: { method: 'dca', sparsity: null },
  'dca+sparse': { method: 'dca', sparsity: SPARSITY },
};
// prettier-ignore
const PLACES = ['red door', 'old well', 'north tower', 'glass house', 'mill pond', 'stone bridge', 'green gate', 'bell room',
  'west wing', 'salt cellar', 'apple loft', 'iron stair', 'blue tent', 'long barn', 'clock shop', 'chalk pit', 'rope walk',
  'fish market', 'lamp store', 'rose garden', 'ice house', 'coal shed', 'wine press', 'hay field'];

type Fact = { at: number; place: string; code: string };
type Found = {
  perplexity: number;
  /** Of the same tokens, read with only the trained length before and with them. */
  perplexityWithinTrained?: number;
  facts: number;
  found: number;
  seconds: number;
};

const [folder, out, ...names] = process.argv.slice(2);
if (folder === undefined || out === undefined || names.some((name) => METHODS[name] === undefined)) {
  throw new Error(`usage: long-text.ts COMPILED_FOLDER OUT.json [${Object.keys(METHODS).join('|')}]...`);
}
const results = (
  existsSync(out) ? (JSON.parse(readFileSync(out, 'utf8')) as { methods: object }).methods : {}
) as Record<string, Record<string, Found>>;
for (const name of names) await read(folder, name);

async function read(folder: string, name: string): Promise<void> {
  const { method, sparsity } = METHODS[name]!;
  const model = await Model.load(folder, { threads: 2, contextTokens: LENGTHS.at(-1)! + 64, method });
  model.sparsity = sparsity;
  const { ids, facts } = writeText(model);
  const sequence = model.newSequence();
  results[name] = {};
  for (const length of LENGTHS) {
    const started = performance.now();
    const scored = await feed(model, sequence, ids, length, length - WINDOW);
    const known = facts.filter(({ at }) => at < length);
    let found = 0;
    for (const fact of known) if (await isFound(model, sequence, fact)) found++;
    const result: Found = {
      perplexity: perplexityOf(scored),
      facts: known.length,
      found,
      seconds: Math.round((performance.now() - started) / 1000),
    };
    save(model, name, length, result);
    const trained = model.manifest.contextTokens;
    if (name !== 'plain' || length <= trained) continue;
    const short = model.newSequence();
    const from = length - trained;
    const within = await feed(model, short, ids.slice(from), trained, trained - WINDOW);
    model.forget(short);
    save(model, name, length, { ...result, perplexityWithinTrained: perplexityOf(within) });
  }
  model.release();
}

/** Reads `ids` up to `to`. @returns logarithms of the probabilities of those from `scoreFrom` on */
async function feed(model: Model, sequence: KvSequence, ids: readonly number[], to: number, scoreFrom: number) {
  const scored: number[] = [];
  while (sequence.length < to) {
    const from = sequence.length;
    const block = ids.slice(from, from + PREFILL_BLOCK);
    // The row of a token predicts the next.
    const rows = [...block.keys()].filter((row) => from + row + 1 >= scoreFrom && from + row + 1 < to);
    const logits = await model.forward(sequence, block, { rows });
    scored.push(
      ...logProbabilities(
        logits,
        rows.map((row) => ids[from + row + 1]!),
      ),
    );
  }
  return scored;
}

async function isFound(model: Model, sequence: KvSequence, { place, code }: Fact): Promise<boolean> {
  const fork = sequence.fork(sequence.length);
  let next = model.tokenizer.encode(`\n\nThe secret number of the ${place} is`);
  const answer: number[] = [];
  for (let i = 0; i < ANSWER_TOKENS; i++) {
    answer.push(argmax(await model.forward(fork, next), model.tokenizer.vocabSize));
    next = answer.slice(-1);
  }
  model.forget(fork);
  fork.release();
  return model.tokenizer.decode(answer).trim().startsWith(code);
}

/** Tokens of the text, with FACTS_PER_LENGTH facts between one window and the next. */
function writeText(model: Model): { ids: number[]; facts: Fact[] } {
  const file = (path: string) => model.tokenizer.encode(readFileSync(new URL(path, import.meta.url), 'utf8'));
  const alice = file('../../resources/alice.txt');
  const documents = ['../../LICENSE', '../../ARCHITECTURE.md', '../../README.md'].flatMap(file);
  const source = [...alice.slice(0, LENGTHS[1]), ...documents, ...alice.slice(LENGTHS[1])];
  // The end is that of the book: what is too much is left out of the documents.
  const facts: Fact[] = [];
  const ids: number[] = [];
  let taken = 0;
  LENGTHS.forEach((length, step) => {
    const [from, to] = [LENGTHS[step - 1] ?? 0, length - WINDOW];
    for (let i = 0; i < FACTS_PER_LENGTH; i++) {
      const upTo = from + Math.floor(((to - from) * i) / FACTS_PER_LENGTH);
      while (ids.length < upTo) ids.push(source[taken++]!);
      const place = PLACES[facts.length]!;
      const code = String(10_000 + ((facts.length * 48_271 + 33_487) % 90_000));
      facts.push({ at: ids.length, place, code });
      ids.push(...model.tokenizer.encode(`\n\nThe secret number of the ${place} is ${code}. Remember it.\n\n`));
    }
    if (step === LENGTHS.length - 1) taken = source.length - (length - ids.length);
    while (ids.length < length) ids.push(source[taken++]!);
  });
  return { ids, facts };
}

function save(model: Model, name: string, length: number, found: Found): void {
  results[name]![length] = found;
  console.error(`${name} at ${length}: ${JSON.stringify(found)}`);
  const { name: model_, recipe } = model.manifest;
  const about = { model: model_, recipe, kvType: model.info.kvType, window: WINDOW, sparsity: SPARSITY };
  writeFileSync(out!, `${JSON.stringify({ ...describeMachine(), ...about, methods: results }, null, 2)}\n`);
}
