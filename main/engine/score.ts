import { setImmediate as breathe } from 'node:timers/promises';
import type { Score } from '../contract/engine.ts';
import type { Model } from './model.ts';
import type { SchedulerClient } from './scheduler.ts';

/**
 * How well a model foretells a text: first, how many tokens it is about to read; then, block by block, the natural logarithm of the probability of each token but the first,
 * as far as `maxTokens`. On a cache of its own.
 */
export async function* score(
  model: Model,
  { text, maxTokens }: { text: string; maxTokens: number },
  { turns, signal }: { turns: SchedulerClient; signal?: AbortSignal | undefined },
): AsyncGenerator<Score, void, void> {
  const encoded = await model.tokenizer.encodePiecesAsync([{ text, special: false }], signal ? { signal } : {});
  const tokens = encoded.slice(0, Math.min(maxTokens, model.info.contextTokens));
  yield { total: tokens.length, logProbabilities: [] };
  const sequence = model.newSequence();
  try {
    for (const block of model.blocks.of(tokens, 0)) {
      const from = sequence.length;
      const following = tokens.slice(from + 1, from + 1 + block.length);
      const rows = [...following.keys()];
      const logits = await turns.turn((ended) => model.forward(sequence, block, { rows, signal: ended }), signal);
      const logProbabilities: number[] = [];
      for (const [row, id] of following.entries()) {
        logProbabilities.push(logProbability(logits.subarray(row * model.vocabSize, (row + 1) * model.vocabSize), id));
        await breathe(); // a vocabulary takes a millisecond, and a running answer would wait for all of them
      }
      yield { total: tokens.length, logProbabilities };
    }
  } finally {
    model.forget(sequence);
    sequence.release();
  }
}

/** The natural logarithm of the probability of `id` under logits of a whole vocabulary. */
export function logProbability(logits: Float32Array, id: number): number {
  let largest = -Infinity;
  for (const value of logits) largest = Math.max(largest, value);
  let weight = 0;
  for (const value of logits) weight += Math.exp(value - largest);
  return logits[id]! - largest - Math.log(weight);
}
