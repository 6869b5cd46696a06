export type Priority = 'interactive' | 'background';

/** Background work gets a quarter of the share of a question that somebody waits for. */
const weights: Record<Priority, number> = { interactive: 1, background: 0.25 };

/** How long the queue stands still for whoever has just finished and is owed the next turn: it has yet to ask. */
const GRACE_MS = 2;

/** Looks at a step that many times within its limit. */
const TICKS = 6;

type Waiting = { client: SchedulerClient; start: () => void };

/**
 * One device, many requests: hands out turns of one step each (a prefill block or a decoded token), so that every
 * request gets the same share of time, whatever the length of its steps (start-time fair queueing). A running answer
 * slows down beside a long prefill, but never waits for more than one of its blocks.
 */
export class Scheduler {
  readonly #onHung: (ranMs: number) => void;
  readonly #limitMs: () => number;
  readonly #waiting: Waiting[] = [];
  #busy = false;
  #grace: { client: SchedulerClient; timer: NodeJS.Timeout } | null = null;
  #virtualNow = 0;

  /** @param onHung called when one step has run for longer than `limitMs()`: its thread will not come back */
  constructor({ limitMs, onHung }: { limitMs: () => number; onHung: (ranMs: number) => void }) {
    this.#limitMs = limitMs;
    this.#onHung = onHung;
  }

  client(priority: Priority): SchedulerClient {
    return new SchedulerClient(this, weights[priority], this.#virtualNow);
  }

  /** Waits for a turn of `client`; a signal takes it out of the queue. */
  async turn<T>(client: SchedulerClient, step: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    await this.#acquire(client, signal);
    const started = performance.now();
    const limitMs = this.#limitMs();
    // Ticks are counted rather than time: a computer that slept through a step has not hung.
    let ticks = 0;
    const watchdog = setInterval(() => {
      ticks += 1;
      if (ticks === TICKS) this.#onHung(limitMs);
    }, limitMs / TICKS);
    try {
      return await step();
    } finally {
      clearInterval(watchdog);
      client.virtualTime += (performance.now() - started) / client.weight;
      this.#busy = false;
      this.#passOn(client);
    }
  }

  #acquire(client: SchedulerClient, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        client,
        start: () => {
          signal?.removeEventListener('abort', leave);
          resolve();
        },
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.push(waiting);
      if (this.#busy || (this.#grace !== null && this.#grace.client !== client)) return;
      queueMicrotask(() => this.#startNext());
    });
  }

  /** Without the grace two requests would simply alternate, however long the steps of one of them are. */
  #passOn(finished: SchedulerClient): void {
    if (this.#waiting.every(({ client }) => finished.virtualTime < client.virtualTime)) {
      this.#grace = { client: finished, timer: setTimeout(() => this.#startNext(), GRACE_MS) };
    } else {
      this.#startNext();
    }
  }

  #startNext(): void {
    if (this.#busy) return;
    clearTimeout(this.#grace?.timer);
    this.#grace = null;
    if (this.#waiting.length === 0) return;
    let best = 0;
    this.#waiting.forEach(({ client }, i) => {
      if (client.virtualTime < this.#waiting[best]!.client.virtualTime) best = i;
    });
    const [chosen] = this.#waiting.splice(best, 1);
    this.#busy = true;
    // Time that a request spent idle is not saved up for later.
    this.#virtualNow = Math.max(this.#virtualNow, chosen!.client.virtualTime);
    chosen!.client.virtualTime = Math.max(chosen!.client.virtualTime, this.#virtualNow);
    chosen!.start();
  }
}

export class SchedulerClient {
  readonly weight: number;
  virtualTime: number;
  readonly #scheduler: Scheduler;

  constructor(scheduler: Scheduler, weight: number, virtualTime: number) {
    this.#scheduler = scheduler;
    this.weight = weight;
    this.virtualTime = virtualTime;
  }

  turn<T>(step: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#scheduler.turn(this, step, signal);
  }
}
