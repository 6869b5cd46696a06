import type { Sampling } from '../contract/engine.ts';
import { LonghandError } from '../contract/errors.ts';

/** Chooses tokens from logits. One per answer: it remembers what the repetition penalty must know. */
export class Sampler {
  readonly #options: Sampling;
  readonly #vocabSize: number;
  readonly #random: () => number;
  readonly #seen: Set<number>;

  /**
   * @param vocabSize ids from here on are padding rows of the embedding and are never chosen
   * @param prompt tokens that the repetition penalty counts as seen, besides those chosen
   */
  constructor(options: Sampling, vocabSize: number, prompt: readonly number[]) {
    this.#options = options;
    this.#vocabSize = vocabSize;
    this.#random = randomNumbers(options.seed ?? Math.floor(Math.random() * 2 ** 32));
    this.#seen = new Set(prompt);
  }

  /** The next token id. Order as in transformers: repetition penalty, temperature, top-k, top-p, min-p. `logits` is changed. */
  next(logits: Float32Array): number {
    const { repetitionPenalty, temperature } = this.#options;
    if (!Number.isFinite(logits[argmax(logits, this.#vocabSize)])) {
      throw new LonghandError(
        'runtime-failed',
        'The model computed no numbers. Its weights may be damaged: install it again.',
      );
    }
    if (repetitionPenalty !== 1) {
      for (const id of this.#seen) {
        const logit = logits[id]!;
        logits[id] = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
      }
    }
    const id = temperature === 0 ? argmax(logits, this.#vocabSize) : this.#draw(logits);
    this.#seen.add(id);
    return id;
  }

  #draw(logits: Float32Array): number {
    const { temperature, topK, topP, minP } = this.#options;
    const candidates = largest(logits, this.#vocabSize, topK === 0 ? this.#vocabSize : topK, temperature);
    const highest = logits[candidates[0]!]!;
    let weights = candidates.map((id) => Math.exp((logits[id]! - highest) / temperature));
    let kept = weights.length;
    if (topP < 1) {
      const limit = topP * sum(weights, kept);
      let reached = 0;
      kept = 0;
      while (kept < weights.length && reached < limit) reached += weights[kept++]!;
    }
    // The most likely token has weight 1, so min-p compares with the weight itself.
    while (kept > 1 && weights[kept - 1]! < minP) kept--;
    weights = weights.slice(0, kept);
    let point = this.#random() * sum(weights, kept);
    for (let i = 0; i < kept; i++) if ((point -= weights[i]!) < 0) return candidates[i]!;
    return candidates[kept - 1]!;
  }
}

/** Index of the largest of the first `length` values; the first on ties. */
export function argmax(values: Float32Array, length: number): number {
  let best = 0;
  for (let i = 1; i < length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

/** Weights below this share of the highest are lost in float32 anyway. */
const NEGLIGIBLE = Math.log(1e-8);

/** Ids of the `count` largest logits, largest first, without those that cannot matter at this temperature. */
function largest(logits: Float32Array, length: number, count: number, temperature: number): number[] {
  const floor = logits[argmax(logits, length)]! + NEGLIGIBLE * temperature;
  const ids: number[] = [];
  for (let id = 0; id < length; id++) if (logits[id]! >= floor) ids.push(id);
  ids.sort((a, b) => logits[b]! - logits[a]! || a - b);
  return ids.slice(0, count);
}

function sum(values: readonly number[], count: number): number {
  let total = 0;
  for (let i = 0; i < count; i++) total += values[i]!;
  return total;
}

/** Numbers in [0, 1) that depend on the seed only: splitmix32. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
}
