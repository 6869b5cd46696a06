import { connect, type Port } from '../../main/contract/client.ts';
import { LonghandError } from '../../main/contract/errors.ts';
import type { LonghandClient } from '../../main/contract/index.ts';

export type ConnectionState = 'connecting' | 'connected' | 'reconnecting' | 'refused';

/** Opens one port to the assistant. Rejects with `unauthorised` when the other side will never accept us. */
export type Dial = (signal: AbortSignal) => Promise<Port>;

type Open = { client: LonghandClient; closed: boolean };

const RETRY_MS = [250, 500, 1000, 2000, 4000];
const STEADY_MS = 1000; // a line that breaks sooner says that the assistant cannot start, and is dialled less and less

/**
 * The page's line to the assistant. It dials again by itself whenever the port closes (the assistant died, the
 * machine slept), until it is closed or refused; streams opened with `follow` are opened again as well.
 */
export class Connection {
  #state: ConnectionState = 'connecting';
  #open: Open | null = null;
  #wake: (() => void) | null = null;
  readonly #dial: Dial;
  readonly #onState: (state: ConnectionState) => void;
  readonly #closing = new AbortController();
  #waiting: ((open: Open) => void)[] = [];

  constructor(dial: Dial, onState: (state: ConnectionState) => void) {
    this.#dial = dial;
    this.#onState = onState;
    void this.#run();
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** One call, at once. @throws LonghandError of the assistant, or `assistant-stopped` when the line is or goes down. */
  async call<T>(run: (client: LonghandClient) => Promise<T>): Promise<T> {
    const open = this.#open;
    if (open === null) throw lineDown();
    try {
      return await run(open.client);
    } catch (error) {
      throw open.closed ? lineDown(error) : error;
    }
  }

  /**
   * Passes every event of a stream to `onEvent` until `signal` aborts. A stream that ends with the line, or by itself,
   * is opened again. @throws the assistant's own error, such as `not-found`.
   */
  async follow<T>(
    stream: (client: LonghandClient, options: { signal: AbortSignal }) => Promise<AsyncIterable<T>>,
    onEvent: (event: T) => void,
    signal: AbortSignal,
  ): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      if (attempt > 0) await sleep(retryMs(attempt - 1), signal);
      const open = await this.#ready(signal);
      if (open === null) return;
      try {
        for await (const event of await stream(open.client, { signal })) {
          attempt = 0;
          onEvent(event);
        }
      } catch (error) {
        if (signal.aborted) return;
        if (open.closed)
          attempt = -1; // when the line is up again there is nothing to wait for
        else if (!isEnding(error)) throw error;
      }
    }
  }

  /** Dials now instead of after the pause: the user asked, or the window came back to the front. */
  retry(): void {
    if (this.#state === 'refused') {
      this.#set('connecting');
      void this.#run();
    } else this.#wake?.();
  }

  close(): void {
    this.#closing.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        const port = await this.#dial(signal);
        const openedMs = Date.now();
        await this.#use(port);
        if (Date.now() - openedMs > STEADY_MS) attempt = 0;
        if (!signal.aborted) this.#set('reconnecting');
      } catch (error) {
        if (error instanceof LonghandError && error.code === 'unauthorised') return this.#set('refused');
      }
      const early = Promise.withResolvers<void>();
      this.#wake = early.resolve;
      await Promise.race([early.promise, sleep(retryMs(attempt), signal)]);
      this.#wake = null;
    }
  }

  /** Resolves when the port closes. */
  async #use(port: Port): Promise<void> {
    const closed = Promise.withResolvers<void>();
    const open: Open = { client: connect(port), closed: false };
    port.addEventListener('close', () => {
      open.closed = true;
      this.#open = null;
      closed.resolve();
    });
    this.#closing.signal.addEventListener('abort', () => port.close?.(), { once: true });
    this.#open = open;
    this.#set('connected');
    for (const resolve of this.#waiting.splice(0)) resolve(open);
    await closed.promise;
  }

  /** The open line, or null when `signal` aborts before there is one. */
  async #ready(signal: AbortSignal): Promise<Open | null> {
    if (this.#open !== null || signal.aborted) return signal.aborted ? null : this.#open;
    const { promise, resolve } = Promise.withResolvers<Open | null>();
    const give = () => resolve(null);
    signal.addEventListener('abort', give, { once: true });
    this.#waiting.push(resolve);
    const open = await promise;
    signal.removeEventListener('abort', give);
    return open;
  }

  #set(state: ConnectionState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#onState(state);
  }
}

function retryMs(attempt: number): number {
  return RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)] ?? 0;
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const wake = () => resolve();
  const timer = setTimeout(wake, ms);
  signal.addEventListener('abort', wake, { once: true });
  await promise;
  signal.removeEventListener('abort', wake);
  clearTimeout(timer);
}

/** A server that is going down ends its streams before it ends the line. */
function isEnding(error: unknown): boolean {
  if (!(error instanceof LonghandError)) return error instanceof Error && error.name === 'AbortError';
  return error.code === 'cancelled' || error.code === 'assistant-stopped';
}

function lineDown(cause?: unknown): LonghandError {
  return new LonghandError('assistant-stopped', 'The connection to the assistant is down.', {}, { cause });
}
