/** Preloaded into the children of the stand-in: the `process.parentPort` of Electron's utility processes. */
import { EventEmitter } from 'node:events';
import { Wire } from '../../../main/shell/node/wire.ts';
import { MessagePortMain } from './port-main.ts';

type Message = { data: unknown; ports: MessagePortMain[] };

const early: Message[] = [];
const parentPort = new EventEmitter();
const wire = new Wire({
  send: (frame) => void (process.connected && process.send?.(frame, undefined, undefined, () => {})),
  onPorts(data, ports) {
    const message: Message = { data, ports: ports.map((port) => new MessagePortMain(port)) };
    if (parentPort.listenerCount('message') > 0) parentPort.emit('message', message);
    else early.push(message);
  },
});
parentPort.on('newListener', (type) => {
  if (type === 'message')
    queueMicrotask(() => early.splice(0).forEach((message) => parentPort.emit('message', message)));
});
Object.defineProperty(process, 'parentPort', { value: parentPort });

process.on('message', (frame) => wire.receive(frame));
process.on('disconnect', () => process.exit()); // Chromium ends its children when the browser process has gone
