import type { Port } from '../../contract/client.ts';
import { createChannel } from './channel.ts';

/** What travels between the shell and a child process: ports are opened by the shell only, and closed by either. */
export type Frame =
  | [kind: 'open', ids: number[], data: unknown]
  | [kind: 'data', id: number, data: unknown]
  | [kind: 'close', id: number];

export type WireOptions = {
  send(frame: Frame): void;
  /** Takes the ports that the other end handed over. The shell has none: its children cannot hand it ports. */
  onPorts?(data: unknown, ports: Port[]): void;
};

/** Carries any number of ports over one ordered channel of messages: one end in the shell, the other in its child. */
export class Wire {
  readonly #options: WireOptions;
  readonly #ports = new Map<number, Port>();
  #nextId = 1;
  #closed = false;

  constructor(options: WireOptions) {
    this.#options = options;
  }

  /** Hands `ports` to the other end: what is sent into the ports they are joined with comes out over there. */
  transfer(data: unknown, ports: Port[]): void {
    if (this.#closed) {
      for (const port of ports) port.close?.();
      return;
    }
    const ids = ports.map(() => this.#nextId++);
    this.#options.send(['open', ids, data]);
    for (const [index, port] of ports.entries()) this.#bind(ids[index]!, port); // after 'open', which messages must not overtake
  }

  /** Takes a frame of the other end. Anything else is ignored, because the other end may be broken. */
  receive(frame: unknown): void {
    if (!isFrame(frame)) return;
    const [kind, id, data] = frame;
    if (kind === 'open') {
      this.#options.onPorts?.(
        data,
        id.map((opened) => this.#accept(opened)),
      );
    } else if (kind === 'data') {
      this.#ports.get(id)?.postMessage(data);
    } else {
      const port = this.#ports.get(id);
      this.#ports.delete(id);
      port?.close?.();
    }
  }

  /** The other end is gone: closes every port, and those that are still to be transferred. */
  closeAll(): void {
    this.#closed = true;
    const ports = [...this.#ports.values()];
    this.#ports.clear();
    for (const port of ports) port.close?.();
  }

  #accept(id: number): Port {
    const [inner, outer] = createChannel();
    this.#bind(id, inner);
    return outer;
  }

  #bind(id: number, port: Port): void {
    this.#ports.set(id, port);
    port.addEventListener('message', ({ data }) => this.#options.send(['data', id, data]));
    port.addEventListener('close', () => {
      if (this.#ports.delete(id)) this.#options.send(['close', id]);
    });
    port.start?.();
  }
}

function isFrame(value: unknown): value is Frame {
  if (!Array.isArray(value)) return false;
  const [kind, id] = value as unknown[];
  if (kind === 'open') return Array.isArray(id) && id.every((one) => typeof one === 'number');
  return (kind === 'data' || kind === 'close') && typeof id === 'number';
}
