import { connect, type Port } from './client.ts';
import type { LonghandError } from './errors.ts';

type Connection<TClient> = {
  client: TClient;
  port: Port;
  /** Set once the other process is gone. */
  error: LonghandError | null;
  /** How to fail the calls in flight: the client alone would leave those hanging that come after the close. */
  inFlight: Set<(error: LonghandError) => void>;
};

/**
 * Another process of ours, which may die and come back with a new port. Calls made to it while it is away, and those
 * in flight when it goes, fail with the error that `gone` makes, or with the reason given to `drop`.
 */
export class Peer<TClient> {
  readonly #gone: () => LonghandError;
  readonly #listeners = new Set<() => void>();
  #connection: Connection<TClient> | null = null;

  constructor(gone: () => LonghandError) {
    this.#gone = gone;
  }

  get connected(): boolean {
    return this.#connection !== null;
  }

  /** Uses `port` from now on; a port that is still open from before belongs to a process that was replaced. */
  attach(port: Port): void {
    this.drop(this.#gone());
    // Before `connect`, so that a closed port is known to be closed by whoever sees its calls fail.
    port.addEventListener('close', () => this.#close(connection, this.#gone()));
    const connection: Connection<TClient> = { client: connect<TClient>(port), port, error: null, inFlight: new Set() };
    this.#connection = connection;
    this.#changed();
  }

  /** Gives the process up, because it hangs: calls in flight fail with `reason`. */
  drop(reason: LonghandError): void {
    const connection = this.#connection;
    if (connection === null) return;
    this.#close(connection, reason);
    connection.port.close?.();
  }

  /** Calls `listener` whenever the process has come or gone. Returns how to stop that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Settles when the process is there, at once if it is. @throws what `gone` makes, after `timeoutMs` | `signal.reason` */
  async whenConnected({ timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal }): Promise<void> {
    signal?.throwIfAborted();
    if (this.connected) return;
    await new Promise<void>((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer);
        stopListening();
        signal?.removeEventListener('abort', onAbort);
        act();
      };
      const onAbort = () => settle(() => reject(signal?.reason as Error));
      const timer = setTimeout(() => settle(() => reject(this.#gone())), timeoutMs);
      const stopListening = this.onChange(() => this.connected && settle(resolve));
      signal?.addEventListener('abort', onAbort);
    });
  }

  call<T>(work: (client: TClient) => Promise<T>): Promise<T> {
    const connection = this.#connection;
    if (connection === null) return Promise.reject(this.#gone());
    return guard(connection, work(connection.client));
  }

  /** What the stream that `open` opens yields. Leaving the loop ends it at the other side too. */
  async *stream<T>(open: (client: TClient) => Promise<AsyncIterator<T, unknown, void>>): AsyncGenerator<T, void> {
    const connection = this.#connection;
    if (connection === null) throw this.#gone();
    const iterator = await guard(connection, open(connection.client));
    try {
      for (;;) {
        const step = await guard(connection, iterator.next());
        if (step.done === true) return;
        yield step.value;
      }
    } finally {
      // Not awaited: a process that is gone, or hangs, does not answer.
      iterator.return?.().catch(() => {});
    }
  }

  #close(connection: Connection<TClient>, error: LonghandError): void {
    if (connection.error !== null) return;
    connection.error = error;
    for (const fail of connection.inFlight) fail(error);
    connection.inFlight.clear();
    if (this.#connection !== connection) return;
    this.#connection = null;
    this.#changed();
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

function guard<T>(connection: Connection<unknown>, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    connection.inFlight.add(reject);
    work
      .then(resolve, (error: Error) => reject(connection.error ?? error))
      .finally(() => connection.inFlight.delete(reject));
  });
}
