import type { Port } from '../../contract/client.ts';

type MessageListener = (event: { data: unknown }) => void;
type CloseListener = () => void;

/**
 * Two joined ports inside one process: what `MessageChannel` offers, without its structured clone and its trip through
 * the event loop, because every message here is either relayed at once or already a string or bytes of oRPC's.
 * Messages arrive in order and asynchronously, wait for `start()`, and those sent before a close arrive before it.
 */
export function createChannel(): [Port, Port] {
  const a = new ChannelPort();
  const b = new ChannelPort();
  a.join(b);
  b.join(a);
  return [a, b];
}

const CLOSED = Symbol('closed');

class ChannelPort implements Port {
  readonly #messageListeners: MessageListener[] = [];
  readonly #closeListeners: CloseListener[] = [];
  #peer: ChannelPort | null = null;
  #arrived: unknown[] = [];
  #started = false;
  #draining = false;

  join(peer: ChannelPort): void {
    this.#peer = peer;
  }

  /** Does nothing once either end is closed, as `MessagePort` does. */
  postMessage(data: unknown): void {
    if (this.#peer !== null) this.#peer.#take(data);
  }

  addEventListener(type: 'message', listener: MessageListener): void;
  addEventListener(type: 'close', listener: CloseListener): void;
  addEventListener(type: 'message' | 'close', listener: MessageListener & CloseListener): void {
    if (type === 'message') this.#messageListeners.push(listener);
    else this.#closeListeners.push(listener);
  }

  start(): void {
    this.#started = true;
    this.#scheduleDrain();
  }

  close(): void {
    const peer = this.#peer;
    if (peer === null) return;
    this.#peer = null;
    peer.#peer = null;
    this.#arrived = []; // whoever closes has no more interest in what was on its way
    this.#take(CLOSED);
    peer.#take(CLOSED);
  }

  #take(item: unknown): void {
    this.#arrived.push(item);
    if (this.#started) this.#scheduleDrain();
  }

  #scheduleDrain(): void {
    if (this.#draining || this.#arrived.length === 0) return;
    this.#draining = true;
    queueMicrotask(() => {
      const items = this.#arrived;
      this.#arrived = [];
      for (const item of items) this.#dispatch(item);
      this.#draining = false;
      this.#scheduleDrain();
    });
  }

  #dispatch(item: unknown): void {
    const event = { data: item };
    const listeners = item === CLOSED ? this.#closeListeners : this.#messageListeners;
    for (const listener of listeners) {
      try {
        listener(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error; // a bug of one listener's: it reaches the process's handler and holds up nobody else
        });
      }
    }
  }
}
