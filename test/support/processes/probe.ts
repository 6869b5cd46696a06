// Stands in for the assistant in tests of the supervisor. Its clients send words over their port and get answers as text.
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type Port } from '../../../main/contract/client.ts';
import { onPort, type Peer } from '../../../main/contract/handover.ts';
import type { EngineClient, ShellClient } from '../../../main/contract/index.ts';

if (process.env.PROBE_FATAL) {
  console.error('a line before');
  console.error(process.env.PROBE_FATAL);
  process.exit(78);
}
if (process.env.PROBE_DIES) throw new Error('no luck today');
process.on('SIGTERM', () => {
  console.log('closing');
  setTimeout(() => process.exit(0), 50); // as a database would take a moment
});

await sleep(20); // ports arrive while the module still loads

const ports = new Map<Peer, Port>();
const closed: Peer[] = [];
onPort((peer, port) => {
  if (peer !== 'client') {
    ports.set(peer, port);
    port.addEventListener('close', () => closed.push(peer));
    return;
  }
  port.addEventListener('message', ({ data }) => {
    void answer(String(data)).then((text) => port.postMessage(text));
  });
  port.start?.();
});

async function answer(word: string): Promise<string> {
  if (word === 'pid') return String(process.pid);
  if (word === 'peers') return [...ports.keys()].sort().join(' ');
  if (word === 'closed') return closed.splice(0).sort().join(' ');
  if (word === 'engine') return String((await connect<EngineClient>(ports.get('engine')!).status()).pid);
  const shell = connect<ShellClient>(ports.get('shell')!);
  if (word === 'processes') return JSON.stringify(await shell.processes());
  if (word === 'restart engine') await shell.restart({ role: 'engine', reason: 'it hangs' });
  if (word === 'moved') await shell.moved();
  return 'done';
}
