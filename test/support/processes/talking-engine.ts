// Stands in for the engine: loads any folder and answers with numbers, one every few milliseconds, for ever.
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { implement } from '@orpc/server';
import type { LoadedModel } from '../../../main/contract/engine.ts';
import { onPort } from '../../../main/contract/handover.ts';
import { engineContract } from '../../../main/contract/index.ts';
import { createServer } from '../../../main/contract/serve.ts';

const { load, status, count, generate } = engineContract;
const contract = { load, status, count, generate };
const os = implement(contract);
const router = os.router({
  load: os.load.handler(({ input }): LoadedModel => {
    const { folder } = input;
    const name = basename(folder);
    const shape = {
      architecture: 'qwen2',
      recipe: 'balanced',
      weightBytes: 1,
      kvBytesPerToken: 1,
      claimedTokens: 1000,
      beyond: null,
      sparse: null,
      kvType: 'float32' as const,
      toolFormat: null,
    };
    return { name, folder, contextTokens: 1000, threads: 1, loadMs: 0, ...shape };
  }),
  status: os.status.handler(() => ({
    pid: process.pid,
    model: null,
    running: 0,
    cacheTokens: 0,
    cacheBytes: 0,
    rssBytes: 0,
  })),
  count: os.count.handler(() => ({ promptTokens: 1, contextTokens: 1000, cachedTokens: 0 })),
  generate: os.generate.handler(async function* ({ input, signal }) {
    const kept = input.prompt.continueFinal ? (input.prompt.messages.at(-1)?.tokens?.length ?? 0) : 0;
    yield { type: 'start' as const, promptTokens: 1, cachedTokens: 0 };
    for (let number = kept; signal?.aborted !== true; number++) {
      yield { type: 'token' as const, text: `${number} `, tokens: [number] };
      await sleep(3);
    }
  }),
});
const server = createServer(router);
onPort((_peer, port) => server.serve(port));
