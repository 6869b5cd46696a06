export type Priority = 'interactive' | 'background';

/** How long the queue stands still for whoever has just finished and is owed the next turn: it has yet to ask. */
const GRACE_MS = 2;
/** The same where only background work waits: what it begins would be interrupted, and be for nothing. */
const FOREGROUND_GRACE_MS = 50;

/** Looks at a step that many times within its limit. */
const TICKS = 6;

type Waiting = { client: SchedulerClient; start: () => void };

/** Runs on the device; ends early when the signal does, and leaves everything as it was. */
export type Step<T> = (signal: AbortSignal) => Promise<T>;

/**
 * One device, many requests: hands out turns of one step each (a prefill block or a decoded token), so that every
 * request gets the same share of time, whatever the length of its steps (start-time fair queueing). A running answer
 * slows down beside a long prefill, but never waits for more than one of its blocks.
 *
 * Background work has the device while nobody waits for an answer. A step of it that runs when somebody asks is interrupted,
 * and done again afterwards.
 */
export class Scheduler {
  readonly #onHung: (ranMs: number) => void;
  readonly #limitMs: () => number;
  readonly #waiting: Waiting[] = [];
  #running: { client: SchedulerClient; interrupt: AbortController } | null = null;
  #grace: { client: SchedulerClient; timer: NodeJS.Timeout } | null = null;
  #virtualNow = 0;

  /** @param onHung called when one step has run for longer than `limitMs()`: its thread will not come back */
  constructor({ limitMs, onHung }: { limitMs: () => number; onHung: (ranMs: number) => void }) {
    this.#limitMs = limitMs;
    this.#onHung = onHung;
  }

  client(priority: Priority): SchedulerClient {
    return new SchedulerClient(this, priority, this.#virtualNow);
  }

  /** Waits for a turn of `client`; a signal takes it out of the queue, or ends the step. */
  async turn<T>(client: SchedulerClient, step: Step<T>, signal?: AbortSignal): Promise<T> {
    for (;;) {
      signal?.throwIfAborted();
      await this.#acquire(client, signal);
      const interrupt = new AbortController();
      this.#running = { client, interrupt };
      try {
        return await this.#watched(client, step, AbortSignal.any([interrupt.signal, ...(signal ? [signal] : [])]));
      } catch (error) {
        if (!interrupt.signal.aborted || signal?.aborted) throw error;
      }
    }
  }

  async #watched<T>(client: SchedulerClient, step: Step<T>, signal: AbortSignal): Promise<T> {
    const started = performance.now();
    const limitMs = this.#limitMs();
    // Ticks are counted rather than time: a computer that slept through a step has not hung.
    let ticks = 0;
    const watchdog = setInterval(() => {
      ticks += 1;
      if (ticks === TICKS) this.#onHung(limitMs);
    }, limitMs / TICKS);
    try {
      return await step(signal);
    } finally {
      clearInterval(watchdog);
      client.virtualTime += performance.now() - started;
      this.#running = null;
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
      if (client.priority === 'interactive' && this.#running?.client.priority === 'background') {
        this.#running.interrupt.abort(new Error('Somebody waits for an answer.'));
      }
      if (this.#running !== null || (this.#grace !== null && this.#grace.client !== client)) return;
      queueMicrotask(() => this.#startNext());
    });
  }

  /** Without the grace two requests would simply alternate, however long the steps of one of them are. */
  #passOn(finished: SchedulerClient): void {
    const foreground = this.#waiting.filter(({ client }) => client.priority === 'interactive');
    const rivals = finished.priority === 'interactive' ? foreground : this.#waiting;
    if (rivals.some(({ client }) => client.virtualTime <= finished.virtualTime)) return this.#startNext();
    const graceMs = foreground.length === 0 && finished.priority === 'interactive' ? FOREGROUND_GRACE_MS : GRACE_MS;
    this.#grace = { client: finished, timer: setTimeout(() => this.#startNext(), graceMs) };
  }

  #startNext(): void {
    if (this.#running !== null) return;
    clearTimeout(this.#grace?.timer);
    this.#grace = null;
    if (this.#waiting.length === 0) return;
    const chosen = this.#waiting.reduce((best, other) => (goesBefore(other.client, best.client) ? other : best));
    this.#waiting.splice(this.#waiting.indexOf(chosen), 1);
    this.#running = { client: chosen.client, interrupt: new AbortController() };
    // Time that a request spent idle is not saved up for later.
    this.#virtualNow = Math.max(this.#virtualNow, chosen.client.virtualTime);
    chosen.client.virtualTime = Math.max(chosen.client.virtualTime, this.#virtualNow);
    chosen.start();
  }
}

function goesBefore(one: SchedulerClient, other: SchedulerClient): boolean {
  if (one.priority !== other.priority) return one.priority === 'interactive';
  return one.virtualTime < other.virtualTime;
}

export class SchedulerClient {
  readonly priority: Priority;
  virtualTime: number;
  readonly #scheduler: Scheduler;

  constructor(scheduler: Scheduler, priority: Priority, virtualTime: number) {
    this.#scheduler = scheduler;
    this.priority = priority;
    this.virtualTime = virtualTime;
  }

  turn<T>(step: Step<T>, signal?: AbortSignal): Promise<T> {
    return this.#scheduler.turn(this, step, signal);
  }
}
