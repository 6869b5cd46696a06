import { EventEmitter } from 'node:events';
import type { Port } from '../../../main/contract/client.ts';
import { createChannel } from '../../../main/shell/node/channel.ts';

/** Electron's MessagePortMain: an emitter that keeps silent until `start()`, and clones what passes. */
export class MessagePortMain extends EventEmitter {
  readonly raw: Port;

  constructor(raw: Port) {
    super();
    this.raw = raw;
    raw.addEventListener('message', ({ data }) => this.emit('message', { data, ports: [] }));
    raw.addEventListener('close', () => this.emit('close'));
  }

  start(): void {
    this.raw.start?.();
  }

  postMessage(data: unknown): void {
    this.raw.postMessage(structuredClone(data));
  }

  close(): void {
    this.raw.close?.();
  }
}

export class MessageChannelMain {
  readonly port1: MessagePortMain;
  readonly port2: MessagePortMain;

  constructor() {
    const [a, b] = createChannel();
    this.port1 = new MessagePortMain(a);
    this.port2 = new MessagePortMain(b);
  }
}
