// A whole shell in a process of its own, to be killed: prints the pids of its processes once they are all up.
import { fileURLToPath } from 'node:url';
import { createNodeSupervisor } from '../../../main/shell/node/start.ts';

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const supervisor = createNodeSupervisor({
  dataFolder: '/nowhere',
  fetch: 'never',
  say: console.error,
  log: console.error,
  files: {
    assistant: file('probe.ts'),
    engine: file('engine.ts'),
    reader: file('engine.ts'),
    embedder: file('engine.ts'),
  },
});
supervisor.start();
const port = supervisor.connectClient();
port.addEventListener('message', () => console.log(JSON.stringify(supervisor.processes().map(({ pid }) => pid))));
port.start?.();
port.postMessage('engine');
