/** How many pages are connected, and waiting for that to change. */
export class Pages {
  #count = 0;
  #hadAny = false;
  #changed = Promise.withResolvers<void>();

  set(count: number): void {
    this.#count = count;
    this.#hadAny ||= count > 0;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** True as soon as there has ever been a page; false when `limitMs` passes without one. */
  async haveComeWithin(limitMs: number): Promise<boolean> {
    const limit = after(limitMs);
    while (!this.#hadAny && !limit.isOver()) await Promise.race([this.#changed.promise, limit.over]);
    limit.clear();
    return this.#hadAny;
  }

  /** Settles when there has been no page for `graceMs`, which a page that is being reloaded does not take. */
  async haveAllGoneFor(graceMs: number): Promise<void> {
    for (;;) {
      if (this.#count > 0) {
        await this.#changed.promise;
        continue;
      }
      const grace = after(graceMs);
      await Promise.race([this.#changed.promise, grace.over]);
      grace.clear();
      if (grace.isOver()) return;
    }
  }
}

function after(ms: number) {
  const { promise, resolve } = Promise.withResolvers<void>();
  let isOver = false;
  const timer = setTimeout(() => {
    isOver = true;
    resolve();
  }, ms);
  timer.unref(); // waiting for a page keeps nobody from ending
  return { over: promise, isOver: () => isOver, clear: () => clearTimeout(timer) };
}
