type Handler = () => void;

/**
 * Ctrl-C: the first one goes to whoever has something to stop, else it ends the program in order; a second one ends it
 * at once.
 */
export class Interrupts {
  #count = 0;
  #handler: Handler | null = null;
  readonly #endInOrder: Handler;
  readonly #endAtOnce: Handler;

  constructor(endInOrder: Handler, endAtOnce: Handler) {
    this.#endInOrder = endInOrder;
    this.#endAtOnce = endAtOnce;
  }

  interrupt(): void {
    if (++this.#count > 1) this.#endAtOnce();
    else (this.#handler ?? this.#endInOrder)();
  }

  /** While `work` runs, a first Ctrl-C calls `stop`, and only another one before `work` has ended is the second. */
  async during<T>(stop: Handler, work: () => Promise<T>): Promise<T> {
    this.#handler = stop;
    try {
      return await work();
    } finally {
      this.#handler = null;
      this.#count = 0;
    }
  }
}
