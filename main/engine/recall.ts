/** One prefill block and one token of an answer in so many are also read in full. */
const CHECK_EVERY = 64;

/**
 * What share of full attention sparse reading keeps, in a sample of the steps of an answer: every 64th block of its prompt, and
 * its first token and every 64th behind that. Whoever goes on with a long conversation does not wait longer for that token.
 */
export class Recall {
  #blocks = 0;
  #tokens = 0;
  #sum = 0;
  #checked = 0;

  /** Counts a step. @returns whether it is in the sample */
  isDue(step: 'block' | 'token'): boolean {
    return (step === 'block' ? ++this.#blocks : this.#tokens++) % CHECK_EVERY === 0;
  }

  /** Notes the share that each layer kept. */
  add(layers: readonly number[]): void {
    this.#sum += layers.reduce((sum, share) => sum + share, 0) / layers.length;
    this.#checked++;
  }

  /** Null where nothing was checked. */
  get mean(): number | null {
    return this.#checked === 0 ? null : this.#sum / this.#checked;
  }
}
