/**
 * Preloaded with --import into the child processes of the Node shells: gives them the `process.parentPort` that Electron
 * gives a utility process, and the same manners when the shell ends.
 */
import { EventEmitter } from 'node:events';
import type { Port } from '../../contract/client.ts';
import { Wire } from './wire.ts';

const STOP_LIMIT_MS = 4000;

type Handover = { data: unknown; ports: Port[] };

const parentPort = new EventEmitter();
const early: Handover[] = [];

const wire = new Wire({
  // The callback takes the error of a shell that has just gone; 'disconnect' tells us of it.
  send: (frame) => void (process.connected && process.send?.(frame, undefined, undefined, () => {})),
  onPorts(data, ports) {
    if (parentPort.listenerCount('message') > 0) parentPort.emit('message', { data, ports });
    else early.push({ data, ports });
  },
});

// The entry file may load for a while before it listens, and no port may be lost meanwhile.
parentPort.on('newListener', (type) => {
  if (type !== 'message') return;
  queueMicrotask(() => {
    for (const handover of early.splice(0)) parentPort.emit('message', handover);
  });
});
Object.defineProperty(process, 'parentPort', { value: parentPort });

process.on('message', (frame) => wire.receive(frame));

// The shell ends us by closing the channel, which works on every platform and also when the shell was killed. To the
// process it looks like the usual SIGTERM, so that whoever has a file to close handles just that.
process.on('disconnect', () => {
  if (!process.emit('SIGTERM', 'SIGTERM')) process.exit();
  wire.closeAll();
  setTimeout(() => process.exit(), STOP_LIMIT_MS).unref();
});

// A terminal sends Ctrl-C and its own end to us as well. What they mean is for the shell to decide: it may only stop an answer.
process.on('SIGINT', () => {});
process.on('SIGHUP', () => {});
