import { bytesOfAll, type KvSequence } from './kv-cache.ts';
import type { Model } from './model.ts';
import { sharedLength, usable } from './shared-length.ts';
import { Saver } from './snapshots/saver.ts';
import type { SnapshotStore } from './snapshots/store.ts';

/** A sequence with more tokens than this beyond the shared prefix is left as it is, and its pages are shared. */
const WORTH_KEEPING = 64;

/** Of the budget, what is being saved before it is freed may take so much on top; more than that is freed unsaved. */
const LEAVING_SHARE = 0.25;

export type PrefixCacheOptions = {
  /** Where sequences go that are evicted, or long unused. */
  snapshots?: () => SnapshotStore | null;
  /** For tests. */
  idleMs?: number;
};

/** Sequences of earlier requests, kept so that a follow-up prefills only what is new: in memory, and behind it on the disk. */
export class PrefixCache {
  readonly #model: Model;
  readonly #budgetBytes: number;
  readonly #saver: Saver;
  /** Least recently given back first. */
  #idle: KvSequence[] = [];
  readonly #active = new Set<KvSequence>();
  /** Evicted ones that are being saved. */
  readonly #leaving = new Map<KvSequence, Promise<void>>();

  constructor(model: Model, budgetBytes: number, { snapshots = () => null, ...options }: PrefixCacheOptions = {}) {
    this.#model = model;
    this.#budgetBytes = budgetBytes;
    this.#saver = new Saver({ model, store: snapshots, ...options });
  }

  get tokens(): number {
    return this.#all().reduce((sum, sequence) => sum + sequence.length, 0);
  }

  get bytes(): number {
    return bytesOfAll([...this.#all(), ...this.#leaving.keys()]);
  }

  /** Tokens of `prompt` that need no prefill. */
  async cached(prompt: ArrayLike<number>): Promise<number> {
    const inMemory = Math.max(0, ...this.#all().map((sequence) => this.#reusable(sequence, prompt)));
    if (inMemory + WORTH_KEEPING > prompt.length) return inMemory;
    return Math.max(inMemory, await this.#saver.find(prompt));
  }

  /**
   * A sequence that holds the longest prefix of `prompt` that is known in memory, cut to it; give it back with `release`.
   * @param owner whom it is saved for; null: it is not
   */
  acquire(prompt: readonly number[], owner: string | null = null): KvSequence {
    let best: KvSequence | null = null;
    for (const sequence of this.#all()) {
      if (this.#reusable(sequence, prompt) > (best === null ? 0 : this.#reusable(best, prompt))) best = sequence;
    }
    const sequence = best === null ? this.#model.newSequence() : this.#take(best, this.#reusable(best, prompt));
    this.#saver.begin(sequence, owner);
    this.#active.add(sequence);
    this.#evict();
    return sequence;
  }

  /** Reads what more of `prompt` is on the disk into an acquired sequence. @returns tokens that came from there */
  async restore(sequence: KvSequence, prompt: readonly number[], signal?: AbortSignal): Promise<number> {
    const tokens = await this.#saver.restore(sequence, prompt, signal);
    this.#evict();
    return tokens;
  }

  /** Some of a long prompt was read into an acquired sequence. */
  grew(sequence: KvSequence): void {
    this.#saver.grew(sequence);
    this.#evict();
  }

  /** An acquired sequence, or one in its place where another has by now come further with `prompt`, as beside an answer. */
  catchUp(sequence: KvSequence, prompt: readonly number[], owner: string | null): KvSequence {
    const further = sequence.length + WORTH_KEEPING;
    const isAhead = (other: KvSequence) => other.length > further && this.#reusable(other, prompt) > further;
    if (!this.#all().some(isAhead)) return sequence;
    this.#active.delete(sequence);
    const ahead = this.acquire(prompt, owner);
    this.#free(sequence);
    return ahead;
  }

  release(sequence: KvSequence): void {
    this.#active.delete(sequence);
    if (sequence.length === 0) return this.#free(sequence);
    this.#idle.push(sequence);
    this.#saver.rest(sequence);
    this.#evict();
  }

  /** Drops what was computed for `owners`: nothing of it is saved from now on. */
  forget(owners: readonly string[]): void {
    const isTheirs = (sequence: KvSequence) => owners.includes(this.#saver.ownerOf(sequence) ?? '');
    for (const sequence of [...this.#active, ...this.#leaving.keys()]) {
      if (isTheirs(sequence)) this.#saver.begin(sequence, null);
    }
    const dropped = this.#idle.filter(isTheirs);
    this.#idle = this.#idle.filter((sequence) => !dropped.includes(sequence));
    for (const sequence of dropped) this.#free(sequence);
  }

  /** Saves what is not saved yet, as far as `signal` leaves the time, and lets go of all that nobody uses. */
  async close(signal: AbortSignal): Promise<void> {
    const idle = this.#idle.splice(0).reverse(); // the last used are the first to be wanted again
    for (const sequence of [...this.#active, ...idle]) {
      if (!signal.aborted) await this.#saver.save(sequence, signal);
    }
    for (const sequence of idle) this.#free(sequence);
    await Promise.all(this.#leaving.values());
  }

  #take(sequence: KvSequence, length: number): KvSequence {
    const busy = this.#active.has(sequence);
    if (busy || sequence.length - length > WORTH_KEEPING) return sequence.fork(length);
    this.#idle = this.#idle.filter((other) => other !== sequence);
    sequence.truncate(length);
    return sequence;
  }

  #evict(): void {
    while (this.#idle.length > 0 && bytesOfAll(this.#all()) > this.#budgetBytes) this.#leave(this.#idle.shift()!);
  }

  #leave(sequence: KvSequence): void {
    const leaving = bytesOfAll([...this.#leaving.keys(), sequence]);
    const isAlone = this.#leaving.size === 0;
    if (this.#saver.isSaved(sequence) || (!isAlone && leaving > this.#budgetBytes * LEAVING_SHARE)) {
      return this.#free(sequence);
    }
    const saved = this.#saver.save(sequence).finally(() => {
      this.#leaving.delete(sequence);
      this.#free(sequence);
    });
    this.#leaving.set(sequence, saved);
  }

  #free(sequence: KvSequence): void {
    this.#saver.end(sequence);
    this.#model.forget(sequence);
    sequence.release();
  }

  /** Tokens of `prompt` that `sequence` saves. */
  #reusable(sequence: KvSequence, prompt: ArrayLike<number>): number {
    const shared = Math.min(sharedLength(sequence.tokens, prompt), prompt.length - 1);
    return usable(shared, prompt, this.#model.blocks);
  }

  #all(): KvSequence[] {
    return [...this.#idle, ...this.#active];
  }
}
