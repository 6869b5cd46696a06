import type { Blocks } from './blocks.ts';
import { bytesOfAll, type KvSequence } from './kv-cache.ts';
import type { Model } from './model.ts';

/** A sequence with more tokens than this beyond the shared prefix is left as it is, and its pages are shared. */
const WORTH_KEEPING = 64;

/** Sequences of earlier requests, kept so that a follow-up prefills only what is new. */
export class PrefixCache {
  readonly #model: Model;
  readonly #budgetBytes: number;
  /** Least recently given back first. */
  #idle: KvSequence[] = [];
  readonly #active = new Set<KvSequence>();

  constructor(model: Model, budgetBytes: number) {
    this.#model = model;
    this.#budgetBytes = budgetBytes;
  }

  get tokens(): number {
    return this.#all().reduce((sum, sequence) => sum + sequence.length, 0);
  }

  get bytes(): number {
    return bytesOfAll(this.#all());
  }

  /** Tokens of `prompt` that need no prefill. */
  cached(prompt: ArrayLike<number>): number {
    return Math.max(0, ...this.#all().map((sequence) => reusable(sequence, prompt, this.#model.blocks)));
  }

  /** A sequence that holds the longest known prefix of `prompt`, cut to it; give it back with `release`. */
  acquire(prompt: readonly number[]): KvSequence {
    let best: KvSequence | null = null;
    for (const sequence of this.#all()) {
      if (
        reusable(sequence, prompt, this.#model.blocks) >
        (best === null ? 0 : reusable(best, prompt, this.#model.blocks))
      )
        best = sequence;
    }
    const sequence =
      best === null ? this.#model.newSequence() : this.#take(best, reusable(best, prompt, this.#model.blocks));
    this.#active.add(sequence);
    this.#evict();
    return sequence;
  }

  release(sequence: KvSequence): void {
    this.#active.delete(sequence);
    if (sequence.length === 0) return this.#free(sequence);
    this.#idle.push(sequence);
    this.#evict();
  }

  #take(sequence: KvSequence, length: number): KvSequence {
    const busy = this.#active.has(sequence);
    if (busy || sequence.length - length > WORTH_KEEPING) return sequence.fork(length);
    this.#idle = this.#idle.filter((other) => other !== sequence);
    sequence.truncate(length);
    return sequence;
  }

  #evict(): void {
    while (this.#idle.length > 0 && this.bytes > this.#budgetBytes) this.#free(this.#idle.shift()!);
  }

  #free(sequence: KvSequence): void {
    this.#model.forget(sequence);
    sequence.release();
  }

  #all(): KvSequence[] {
    return [...this.#idle, ...this.#active];
  }
}

/**
 * Tokens of `prompt` that `sequence` saves. A prompt that goes on behind them goes on at that very token. One that is
 * known whole is read again from the start of its last block, so that repeating it gives the same bits.
 */
function reusable(sequence: KvSequence, prompt: ArrayLike<number>, blocks: Blocks): number {
  const limit = Math.min(sequence.length, prompt.length - 1);
  let shared = 0;
  while (shared < limit && sequence.tokens[shared] === prompt[shared]) shared++;
  return shared < prompt.length - 1 ? shared : blocks.start(shared);
}
