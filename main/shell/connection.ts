import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type Port } from '../contract/client.ts';
import { LonghandError } from '../contract/errors.ts';
import type { LonghandClient } from '../contract/index.ts';

const RECONNECT_MS = 100; // long enough for a killed assistant's exit to be noticed, short enough not to be

type Line = { client: LonghandClient; port: Port; isDown: boolean; down: Promise<never> };

/** A client of the assistant that outlives it: when the port closes, the next call asks for a new one. */
export class Connection {
  readonly #open: () => Promise<Port> | Port;
  #line: Promise<Line> | null = null;
  #isFirst = true;
  #isClosed = false;

  /** @param open a new port to the assistant; what it throws ends the call that needed it */
  constructor(open: () => Promise<Port> | Port) {
    this.#open = open;
  }

  /**
   * Runs `work`, and runs it again with a new client whenever the line went down before it was done. Whatever is not
   * safe to say twice has to look first whether it was heard.
   * @throws what `work` throws while the line is up, and what opening a port throws
   */
  async run<T>(work: (client: LonghandClient) => Promise<T>): Promise<T> {
    for (;;) {
      const line = await this.#current();
      try {
        // A request that is made just as the port closes is never answered; the race sees to that.
        return await Promise.race([work(line.client), line.down]);
      } catch (error) {
        if (!line.isDown) throw error;
      }
    }
  }

  /** Ends the calls that are running, with `cancelled`. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const line = await this.#line?.catch(() => null);
    line?.port.close?.();
  }

  #current(): Promise<Line> {
    if (this.#isClosed) throw new LonghandError('cancelled', 'The connection was closed.');
    this.#line ??= this.#connect().catch((error: unknown) => {
      this.#line = null;
      throw error;
    });
    return this.#line;
  }

  async #connect(): Promise<Line> {
    if (!this.#isFirst) await sleep(RECONNECT_MS);
    this.#isFirst = false;
    const port = await this.#open();
    const { promise: down, reject } = Promise.withResolvers<never>();
    down.catch(() => {}); // nobody may be waiting when it happens
    const line: Line = { client: connect(port), port, isDown: false, down };
    port.addEventListener('close', () => {
      line.isDown = true;
      this.#line = null;
      reject(new Error('The connection to the assistant was lost.'));
    });
    return line;
  }
}
