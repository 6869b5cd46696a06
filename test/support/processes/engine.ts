// Stands in for the engine and for the reader: answers `status` with its own pid, and obeys what tests send to it.
import { implement } from '@orpc/server';
import { onPort } from '../../../main/contract/handover.ts';
import { engineContract } from '../../../main/contract/index.ts';
import { createServer } from '../../../main/contract/serve.ts';

const contract = { status: engineContract.status };
const os = implement(contract);
const server = createServer(
  os.router({
    status: os.status.handler(() => ({
      pid: process.pid,
      model: null,
      running: 0,
      cacheTokens: 0,
      cacheBytes: 0,
      rssBytes: 0,
    })),
  }),
);
onPort((_peer, port) => server.serve(port));
