// Moves a data folder as the assistant does, and opens the new place as the next one would. Ends itself by SIGKILL at
// the call of the file system whose number LONGHAND_KILL_AT names, and prints how many there were otherwise.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import promises from 'node:fs/promises';
import { implement } from '@orpc/server';
import { connect, type Port } from '../../../main/contract/client.ts';
import { shellContract } from '../../../main/contract/index.ts';
import { createServer } from '../../../main/contract/serve.ts';
import { openAssistant } from '../../../main/services/assistant.ts';
import { followMoves } from '../../../main/services/data/place.ts';

const [from = '', to = ''] = process.argv.slice(2);
const killAt = Number(process.env.LONGHAND_KILL_AT ?? Infinity);
let calls = 0;
let isCounting = false;

const CALLS = [
  'mkdirSync',
  'renameSync',
  'rmSync',
  'rmdirSync',
  'writeFileSync',
  'appendFileSync',
  'symlinkSync',
  'openSync',
];
type Calls = Record<string, (...args: unknown[]) => unknown>;
for (const [module, names] of [
  [fs, CALLS],
  [promises, ['open']],
] as const) {
  const own = module as unknown as Calls;
  for (const name of names) {
    const original = own[name]!;
    own[name] = (...args) => {
      // Threads and libraries of others are not what is killed here: only what touches one of the two places.
      if (isCounting && args.some((arg) => typeof arg === 'string' && (arg.startsWith(from) || arg.startsWith(to)))) {
        if (++calls === killAt) process.kill(process.pid, 'SIGKILL');
      }
      return original(...args);
    };
  }
}
syncBuiltinESMExports();

for (;;) {
  isCounting = false;
  const dataDir = followMoves(from);
  const assistant = openAssistant({ dataDir, version: 'test', env: {}, log() {} });
  isCounting = true;
  const { promise: moved, resolve } = Promise.withResolvers<'moved'>();
  const os = implement(shellContract);
  const shell = os.router({
    processes: os.processes.handler(() => []),
    isChosen: os.isChosen.handler(() => true),
    moved: os.moved.handler(() => resolve('moved')),
    restart: os.restart.handler(() => {}),
  });
  const [ends, ofShell] = [new MessageChannel(), new MessageChannel()];
  createServer(shell).serve(ofShell.port2);
  assistant.connect('shell', ofShell.port1);
  assistant.connect('page', ends.port2);
  const client = connect(ends.port1 as Port);
  const { id } = dataDir === to ? (await client.jobs.list())[0]! : await client.system.moveData({ path: to });
  const ended = (async () => {
    for await (const { state, error } of await client.jobs.watch({ id })) {
      if (error !== null) console.error(error);
      if (state === 'failed') process.exitCode = 1;
    }
  })();
  const outcome = await Promise.race([moved, ended]);
  await assistant.close();
  for (const { port1 } of [ends, ofShell]) port1.close();
  if (outcome !== 'moved') break;
}
console.log(calls);
process.exit();
