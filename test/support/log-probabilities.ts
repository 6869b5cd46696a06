import { logProbability } from '../../main/engine/score.ts';

/**
 * The natural logarithm of the probability of each of `ids` under the row of logits before it.
 * @param logits float32 [ids.length, vocabulary]
 */
export function logProbabilities(logits: Float32Array, ids: readonly number[]): number[] {
  const vocabulary = logits.length / ids.length;
  return ids.map((id, row) => logProbability(logits.subarray(row * vocabulary, (row + 1) * vocabulary), id));
}

/** The exponential of the mean surprise. */
export function perplexityOf(logProbabilities: readonly number[]): number {
  return Math.exp(-logProbabilities.reduce((sum, value) => sum + value, 0) / logProbabilities.length);
}
