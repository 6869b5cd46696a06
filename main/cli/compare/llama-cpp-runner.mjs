// Runs llama.cpp through node-llama-cpp, in a process of its own, for `bench --compare`. Started by llama-cpp.ts with
// the folder that node-llama-cpp was installed into; answers one request at a time over the IPC channel.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder] = process.argv.slice(2);
const entry = createRequire(join(folder, 'package.json')).resolve('node-llama-cpp');
const { getLlama, LlamaLogLevel } = await import(pathToFileURL(entry).href);

let model;
const contexts = new Map();
/** The same tokens that mean nothing as in the engine's own bench. */
const filler = (count) => Array.from({ length: count }, (_, i) => (i * 37) % 200);
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

const operations = {
  async open({ path, threads, contextTokens }) {
    const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error, maxThreads: threads });
    model = await llama.loadModel({ modelPath: path });
    for (const flashAttention of [false, true]) {
      const context = await model.createContext({
        contextSize: contextTokens,
        batchSize: 512,
        threads,
        flashAttention,
      });
      contexts.set(flashAttention, context.getSequence());
    }
    return { systemInfo: llama.systemInfo };
  },
  async prefill({ tokens, flashAttention }) {
    const sequence = contexts.get(flashAttention);
    await sequence.clearHistory();
    const from = performance.now();
    await sequence.evaluateWithoutGeneratingNewTokens(filler(tokens));
    return (tokens / (performance.now() - from)) * 1000;
  },
  async decode({ tokens, steps, flashAttention }) {
    const sequence = contexts.get(flashAttention);
    await sequence.clearHistory();
    await sequence.evaluateWithoutGeneratingNewTokens(filler(tokens - 1));
    const times = [];
    let last = 0;
    for await (const _ of sequence.evaluate([filler(tokens).at(-1)], { temperature: 0, yieldEogToken: true })) {
      const now = performance.now();
      if (last !== 0) times.push(now - last);
      last = now;
      if (times.length === steps) break;
    }
    if (times.length < steps) throw new Error(`only ${times.length} of ${steps} steps were decoded`);
    return 1000 / median(times);
  },
  /** Greedy continuation of token ids, for comparing answers. */
  async greedy({ ids, count, flashAttention }) {
    const sequence = contexts.get(flashAttention);
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
    const sequence = contexts.get(flashAttention);
    await sequence.clearHistory();
    const last = [ids.at(-1), { generateNext: { logits: true, options: { temperature: 0 } } }];
    const outputs = await sequence.controlledEvaluate([...ids.slice(0, -1), last]);
    const logits = [];
    for (const [token, logit] of outputs.at(-1).next.logits) logits[token] = logit;
    return logits;
  },
  /** Natural logarithms of the probabilities of ids[1], ids[2], … , each after all ids before it. */
  async logProbabilities({ ids, flashAttention }) {
    const sequence = contexts.get(flashAttention);
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
