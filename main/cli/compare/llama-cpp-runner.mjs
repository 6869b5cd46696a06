// Runs llama.cpp through node-llama-cpp, in a process of its own, for `bench --compare`. Started by llama-cpp.ts with
// the folder that node-llama-cpp was installed into; answers one request at a time over the IPC channel.
import { rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { lengthenState } from './llama-cpp-state.mjs';

const [folder] = process.argv.slice(2);
const entry = createRequire(join(folder, 'package.json')).resolve('node-llama-cpp');
const { getLlama, LlamaLogLevel } = await import(pathToFileURL(entry).href);

let model;
let contextOptions;
const contexts = new Map();
/** The sequence of a context with flash attention on or off, opened when it is first asked for. */
async function sequenceOf(flashAttention) {
  const known = contexts.get(flashAttention);
  if (known !== undefined) return known;
  const context = await model.createContext({ ...contextOptions, flashAttention });
  const sequence = context.getSequence();
  contexts.set(flashAttention, sequence);
  return sequence;
}
/** Greedy steps from where the sequence is. Returns the median of tokens per second. */
async function stepFrom(sequence, token, steps) {
  const times = [];
  let last = 0;
  for await (const _ of sequence.evaluate([token], { temperature: 0, yieldEogToken: true })) {
    const now = performance.now();
    if (last !== 0) times.push(now - last);
    last = now;
    if (times.length === steps) break;
  }
  if (times.length < steps) throw new Error(`only ${times.length} of ${steps} steps were decoded`);
  return 1000 / median(times);
}
/** The same tokens that mean nothing as in the engine's own bench. */
const filler = (count) => Array.from({ length: count }, (_, i) => (i * 37) % 200);
const FEW_TOKENS = 64;
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

const operations = {
  async open({ path, threads, contextTokens, kvType = 'F16' }) {
    const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error, maxThreads: threads });
    model = await llama.loadModel({ modelPath: path });
    contextOptions = {
      contextSize: contextTokens,
      batchSize: 512,
      threads,
      experimentalKvCacheKeyType: kvType,
      experimentalKvCacheValueType: kvType,
      ignoreMemorySafetyChecks: true,
    };
    return { systemInfo: llama.systemInfo };
  },
  async prefill({ tokens, flashAttention }) {
    const sequence = await sequenceOf(flashAttention);
    await sequence.clearHistory();
    const from = performance.now();
    await sequence.evaluateWithoutGeneratingNewTokens(filler(tokens));
    return (tokens / (performance.now() - from)) * 1000;
  },
  async decode({ tokens, steps, flashAttention }) {
    const sequence = await sequenceOf(flashAttention);
    await sequence.clearHistory();
    await sequence.evaluateWithoutGeneratingNewTokens(filler(tokens - 1));
    return stepFrom(sequence, filler(tokens).at(-1), steps);
  },
  /** As if `tokens` tokens were cached: a saved state of a few, whose rows are repeated. */
  async fill({ tokens, flashAttention }) {
    const sequence = await sequenceOf(flashAttention);
    const file = join(tmpdir(), `longhand-state-${process.pid}`);
    await sequence.clearHistory();
    await sequence.evaluateWithoutGeneratingNewTokens(filler(FEW_TOKENS));
    try {
      await sequence.saveStateToFile(file);
      await lengthenState(file, `${file}-long`, tokens);
      await sequence.loadStateFromFile(`${file}-long`, { acceptRisk: true });
    } finally {
      await rm(file, { force: true });
      await rm(`${file}-long`, { force: true });
    }
  },
  /** Decodes behind what is cached, and cuts it back afterwards. */
  async decodeFilled({ tokens, steps, flashAttention }) {
    const sequence = await sequenceOf(flashAttention);
    const speed = await stepFrom(sequence, 37, steps);
    await sequence.eraseContextTokenRanges([{ start: tokens, end: sequence.nextTokenIndex }]);
    return speed;
  },
  /** Reads `fresh` tokens behind what is cached, and cuts it back afterwards. */
  async prefillFilled({ tokens, fresh, flashAttention }) {
    const sequence = await sequenceOf(flashAttention);
    const from = performance.now();
    await sequence.evaluateWithoutGeneratingNewTokens(filler(fresh));
    const speed = (fresh / (performance.now() - from)) * 1000;
    await sequence.eraseContextTokenRanges([{ start: tokens, end: sequence.nextTokenIndex }]);
    return speed;
  },
  /** Greedy continuation of token ids, for comparing answers. */
  async greedy({ ids, count, flashAttention }) {
    const sequence = await sequenceOf(flashAttention);
    await sequence.clearHistory();
    const out = [];
    for await (const token of sequence.evaluate(ids, { temperature: 0, yieldEogToken: true })) {
      out.push(token);
      if (out.length === count || model.isEogToken(token)) break;
    }
    return out;
  },
  /** Raw logits after token ids, by token id. */
  async logits({ ids, flashAttention }) {
    const sequence = await sequenceOf(flashAttention);
    await sequence.clearHistory();
    const last = [ids.at(-1), { generateNext: { logits: true, options: { temperature: 0 } } }];
    const outputs = await sequence.controlledEvaluate([...ids.slice(0, -1), last]);
    const logits = [];
    for (const [token, logit] of outputs.at(-1).next.logits) logits[token] = logit;
    return logits;
  },
  /** Natural logarithms of the probabilities of ids[1], ids[2], … , each after all ids before it. */
  async logProbabilities({ ids, flashAttention }) {
    const sequence = await sequenceOf(flashAttention);
    await sequence.clearHistory();
    const items = ids.slice(0, -1).map((id, i) => {
      const logits = { filter: { tokens: [ids[i + 1]], includeTop: 1 } };
      return [id, { generateNext: { logits, totalLogitWeight: true, options: { temperature: 0 } } }];
    });
    const outputs = await sequence.controlledEvaluate(items);
    return items.map((_, i) => {
      const { logits, totalLogitWeight } = outputs[i].next;
      return logits.get(ids[i + 1]) - Math.max(...logits.values()) - Math.log(totalLogitWeight);
    });
  },
};

process.on('message', async ({ id, operation, input }) => {
  try {
    process.send({ id, value: await operations[operation](input) });
  } catch (error) {
    process.send({ id, error: error instanceof Error ? error.message : String(error) });
  }
});
process.on('disconnect', () => process.exit());
