/** Tokens of the largest prefill block: larger ones read no faster (64 and 128 measured alike, 32 was 6 % slower). */
export const PREFILL_BLOCK = 64;
const SMALLEST_BLOCK = 16;

/**
 * What a block may take on the nominal machine, of two cores at these rates (measured: 240 and 97 Gflop/s). Blocks follow from
 * that machine rather than from this one's speed, so that the same prompt is always read in the same blocks.
 */
const BLOCK_SECONDS = 0.4;
const MATRIX_FLOPS = 120e9;
const ATTENTION_FLOPS = 50e9;

export type BlockCosts = {
  /** Weights that a token of a prompt is multiplied by. */
  weightsPerToken: number;
  /** Multiplications for a token and one that it attends to: 2 * heads * headDim * layers. */
  attentionPerPair: number;
  threads: number;
};

/**
 * Blocks in which prompts are read: powers of two that get smaller with depth, so that whoever waits for one waits about half a
 * second at most, as far as the smallest allows. One ends at a multiple of its size, and never beyond a page of the cache.
 */
export class Blocks {
  readonly #costs: BlockCosts;

  constructor(costs: BlockCosts) {
    this.#costs = costs;
  }

  /** Tokens of the block that holds `position`. */
  size(position: number): number {
    const { weightsPerToken, attentionPerPair, threads } = this.#costs;
    const depth = position - (position % PREFILL_BLOCK); // all of one stretch are of one size
    const matrixSeconds = (2 * weightsPerToken) / MATRIX_FLOPS;
    const attentionSeconds = (2 * attentionPerPair * depth) / ATTENTION_FLOPS;
    const affordable = (BLOCK_SECONDS * threads) / (matrixSeconds + attentionSeconds);
    let size = PREFILL_BLOCK;
    while (size > SMALLEST_BLOCK && size > affordable) size /= 2;
    return size;
  }

  /** Where the block that holds `position` begins. */
  start(position: number): number {
    return position - (position % this.size(position));
  }

  /** Where the block that holds `position` ends. */
  end(position: number): number {
    return this.start(position) + this.size(position);
  }

  /** Stretches of blocks of one size that hold the positions from `from` to `to`. */
  *stretches(from: number, to: number): Generator<{ size: number; from: number; to: number }, void, void> {
    for (let at = from; at < to;) {
      const size = this.size(at);
      // Sizes only get smaller, so the end of this one can be searched for by halves.
      let [same, other] = [Math.floor(at / PREFILL_BLOCK), Math.ceil(to / PREFILL_BLOCK)];
      while (other - same > 1) {
        const middle = Math.floor((same + other) / 2);
        if (this.size(middle * PREFILL_BLOCK) === size) same = middle;
        else other = middle;
      }
      const end = Math.min(to, other * PREFILL_BLOCK);
      yield { size, from: at, to: end };
      at = end;
    }
  }

  /** `tokens` from `position` on, block by block. */
  *of(tokens: readonly number[], position: number): Generator<readonly number[], void, void> {
    for (let at = position; at < tokens.length; at = this.end(at)) yield tokens.slice(at, this.end(at));
  }
}
