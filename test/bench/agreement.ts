/**
 * Greedy answers of Longhand (recipe exact) and llama.cpp on the same GGUF file, 64 tokens on ten prompts.
 *
 *     npm run -s script -- test/bench/agreement.ts MODEL.gguf [LLAMA_MODEL.gguf]
 *
 * The second file gives llama.cpp the same values in another storage type (float32), so that it rounds no activations.
 * A first differing token counts as a near tie when our logits of the two tokens lie closer together than twice the
 * largest difference between the two programs' logits over the 50 likeliest tokens, measured at the prompts' ends.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLlamaCpp } from '../../main/cli/compare/llama-cpp.ts';
import { encodePrompt } from '../../main/engine/generate.ts';
import { Model } from '../../main/engine/model.ts';
import { argmax } from '../../main/engine/sampler.ts';
import { compile } from '../../native-models/compile.ts';

const prompts = [
  'What is the capital of France?',
  'Name three fruits.',
  'Why is the sky blue?',
  'Write a short poem about the sea.',
  'Explain what a database index is.',
  'Give me a recipe for pancakes.',
  'Who wrote Romeo and Juliet?',
  'List the planets of the solar system.',
  'How do I reverse a list in Python?',
  'Tell me a story about a fox and a crow.',
];
const COUNT = 64;
const TOP = 50;

const [path, theirPath = path] = process.argv.slice(2);
if (path === undefined || theirPath === undefined) throw new Error('usage: agreement.ts MODEL.gguf [LLAMA_MODEL.gguf]');
const folder = await mkdtemp(join(tmpdir(), 'longhand-agreement-'));
const toolsFolder = process.env.LONGHAND_TOOLS ?? folder;
await compile(path, join(folder, 'model'), { name: 'agreement', recipe: 'exact' });
const model = await Model.load(join(folder, 'model'), { threads: 2 });
const theirs = await openLlamaCpp({
  path: theirPath,
  toolsFolder,
  threads: 2,
  contextTokens: 1024,
  say: console.error,
});

const encoded = await Promise.all(
  prompts.map(async (content) =>
    Array.from(await encodePrompt(model, { messages: [{ role: 'user', content }], continueFinal: false })),
  ),
);
const errors: number[] = [];
for (const ids of encoded) {
  const ours = await logitsAfter(ids);
  const other = await theirs.logits({ ids, flashAttention: true });
  const top = [...ours.keys()].sort((a, b) => ours[b]! - ours[a]!).slice(0, TOP);
  errors.push(Math.max(...top.map((id) => Math.abs(ours[id]! - other[id]!))));
}
const tolerance = 2 * Math.max(...errors);
console.log(
  `largest logit difference among the top ${TOP}: ${Math.max(...errors).toFixed(4)}; a near tie is closer than ${tolerance.toFixed(4)}`,
);

const results = [];
for (const [i, ids] of encoded.entries()) {
  const ours = await greedy(ids);
  const other = await theirs.greedy({ ids, count: COUNT, flashAttention: true });
  const at = ours.findIndex((id, place) => id !== other[place]);
  if (at === -1) {
    results.push(true);
    console.log(`same      ${prompts[i]} (${ours.length} tokens)`);
    continue;
  }
  const logits = await logitsAfter([...ids, ...ours.slice(0, at)]);
  const gap = logits[ours[at]!]! - logits[other[at]!]!;
  results.push(gap < tolerance);
  console.log(`${gap < tolerance ? 'near tie ' : 'differs  '} ${prompts[i]} (token ${at + 1}, gap ${gap.toFixed(4)})`);
}
console.log(`${results.filter(Boolean).length} of ${prompts.length} agree`);
theirs.close();
model.release();
await rm(folder, { recursive: true, force: true });

async function logitsAfter(ids: readonly number[]): Promise<Float32Array> {
  const sequence = model.newSequence();
  const logits = Float32Array.from(await model.forward(sequence, ids));
  model.forget(sequence);
  return logits;
}

async function greedy(prompt: readonly number[]): Promise<number[]> {
  const sequence = model.newSequence();
  const out: number[] = [];
  let logits = await model.forward(sequence, prompt);
  while (out.length < COUNT) {
    const id = argmax(logits, model.tokenizer.vocabSize);
    out.push(id);
    if (model.tokenizerSource.eosTokenIds.includes(id)) break;
    logits = await model.forward(sequence, [id]);
  }
  model.forget(sequence);
  return out;
}
