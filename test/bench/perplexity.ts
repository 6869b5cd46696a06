/**
 * Perplexity of a GGUF file over a fixed text, for each recipe of Longhand and for llama.cpp on the same file.
 *
 *     npm run -s script -- test/bench/perplexity.ts MODEL.gguf [OUT.json]
 *
 * The text is the first half of Alice's Adventures in Wonderland (Lewis Carroll, 1865; the edition of the Canterbury
 * corpus), cut into windows of WINDOW tokens that know nothing of each other. The first token of each is given.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { openLlamaCpp } from '../../main/cli/compare/llama-cpp.ts';
import { Model } from '../../main/engine/model.ts';
import { compile } from '../../native-models/compile.ts';
import { recipes } from '../../native-models/quantize/packed.ts';
import { logProbabilities } from '../support/log-probabilities.ts';
import { describeMachine } from '../support/machine.ts';

const WINDOW = 512;
const BLOCK = 64;

const [path, out] = process.argv.slice(2);
if (path === undefined) throw new Error('usage: perplexity.ts MODEL.gguf [OUT.json]');
const text = readFileSync(new URL('../../resources/alice.txt', import.meta.url), 'utf8');
const folder = await mkdtemp(join(tmpdir(), 'longhand-perplexity-'));
const perplexities: Record<string, number> = {};
let tokens = 0;

for (const recipe of recipes) {
  await compile(path, join(folder, recipe), { name: recipe, recipe });
  const model = await Model.load(join(folder, recipe), { threads: 2 });
  const windows = cut(model.tokenizer.encode(text));
  tokens = windows.flat().length;
  perplexities[recipe] = await perplexity(windows, (ids) => score(model, ids));
  console.error(`${recipe}: ${perplexities[recipe].toFixed(4)} over ${tokens} tokens`);
  model.release();
}
const model = await Model.load(join(folder, 'exact'), { threads: 2 });
const windows = cut(model.tokenizer.encode(text));
model.release();
const toolsFolder = process.env.LONGHAND_TOOLS ?? folder;
const theirs = await openLlamaCpp({ path, toolsFolder, threads: 2, contextTokens: WINDOW, say: console.error });
perplexities['llama.cpp'] = await perplexity(windows, (ids) => theirs.logProbabilities({ ids, flashAttention: false }));
theirs.close();
await rm(folder, { recursive: true, force: true });

const reference = perplexities['llama.cpp'];
const toLlamaCpp = Object.fromEntries(
  Object.entries(perplexities).map(([name, value]) => [name, `${((value / reference - 1) * 100).toFixed(3)} %`]),
);
const result = { ...describeMachine(), file: basename(path), tokens, window: WINDOW, perplexities, toLlamaCpp };
console.log(JSON.stringify(result, null, 2));
if (out !== undefined) await writeFile(out, `${JSON.stringify(result, null, 2)}\n`);

function cut(ids: readonly number[]): number[][] {
  return Array.from({ length: Math.ceil(ids.length / WINDOW) }, (_, i) => ids.slice(i * WINDOW, (i + 1) * WINDOW));
}

async function perplexity(
  windows: readonly number[][],
  scoreOf: (ids: number[]) => Promise<number[]>,
): Promise<number> {
  let [sum, count] = [0, 0];
  for (const ids of windows) {
    for (const value of await scoreOf(ids)) sum += value;
    count += ids.length - 1;
  }
  return Math.exp(-sum / count);
}

async function score(model: Model, ids: readonly number[]): Promise<number[]> {
  const sequence = model.newSequence();
  const found: number[] = [];
  for (let from = 0; from < ids.length; from += BLOCK) {
    const block = ids.slice(from, from + BLOCK);
    const following = ids.slice(from + 1, from + BLOCK + 1);
    const logits = await model.forward(sequence, block, { rows: [...following.keys()] });
    found.push(...logProbabilities(logits, following));
  }
  model.forget(sequence);
  return found;
}
