export type WatchdogOptions = {
  /** How long a process may give no sign of life before it counts as hung. */
  limitMs: number;
  /** Asks it for one; what it answers does not matter. */
  ping(): Promise<unknown>;
  onHung(): void;
};

/**
 * Watches a process for as long as it works for us. An event of the work is a sign of life, and so is an answer to
 * `ping`, which is asked for whenever there was no event for a while.
 */
export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #tickMs: number;
  #watched = 0;
  #silentTicks = 0;
  #pinging = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#tickMs = options.limitMs / TICKS;
  }

  /** A sign of life. */
  alive(): void {
    this.#silentTicks = 0;
  }

  begin(): void {
    this.#watched++;
    if (this.#timer !== null) return;
    this.#silentTicks = 0;
    this.#timer = setInterval(() => this.#tick(), this.#tickMs);
  }

  end(): void {
    this.#watched--;
    if (this.#watched > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  // Ticks are counted rather than time, because a laptop that slept for an hour has a process that was silent for one.
  #tick(): void {
    this.#silentTicks++;
    if (this.#silentTicks >= TICKS) {
      this.#silentTicks = 0;
      this.#options.onHung();
    } else if (!this.#pinging) {
      this.#pinging = true;
      const answered = () => {
        this.#pinging = false;
        this.alive();
      };
      this.#options.ping().then(answered, answered); // a refusal is an answer too
    }
  }
}

const TICKS = 6;
