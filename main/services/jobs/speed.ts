const WINDOW_MS = 5000;
const LEAST_MS = 500; // a speed from less would jump about
const SAMPLE_MS = 100; // a fast disk reports thousands of times a second, and all of them would be kept

/** Speed over the last seconds, of a count that only grows. */
export class Speed {
  #samples: { atMs: number; done: number }[] = [];

  /** Starts anew, as another stage counts something else. */
  reset(): void {
    this.#samples = [];
  }

  add(done: number, nowMs: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && done < last.done) this.reset(); // it began again
    const before = this.#samples.at(-2);
    if (before !== undefined && nowMs - before.atMs < SAMPLE_MS) this.#samples.pop();
    this.#samples.push({ atMs: nowMs, done });
    while (this.#samples.length > 2 && nowMs - this.#samples[1]!.atMs >= WINDOW_MS) this.#samples.shift();
  }

  /** Units per second, and milliseconds until `total`; null while unknown, as it is after a standstill. */
  estimate(total: number | null): { speed: number | null; etaMs: number | null } {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.atMs - first.atMs < LEAST_MS)
      return { speed: null, etaMs: null };
    const speed = ((last.done - first.done) / (last.atMs - first.atMs)) * 1000;
    const etaMs = total === null || speed === 0 ? null : (Math.max(0, total - last.done) / speed) * 1000;
    return { speed, etaMs };
  }
}
