// Stands in for the engine of a model that queries tables: it asks the SELECT that the question ends with, in pieces that cut
// the marks of a call, and answers with the last line of what it was given back.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { implement } from '@orpc/server';
import type { LoadedModel, Prompt } from '../../../main/contract/engine.ts';
import { onPort } from '../../../main/contract/handover.ts';
import { engineContract } from '../../../main/contract/index.ts';
import { createServer } from '../../../main/contract/serve.ts';

const { load, status, count, countEach, generate, useSnapshots, forget } = engineContract;
const os = implement({ load, status, count, countEach, generate, useSnapshots, forget });
const contextTokens = 8192;
const snapshots = { mode: 'off' as const, bytes: 0 };
let model: LoadedModel | null = null;

function said({ messages, tools }: Prompt): string {
  const last = messages.at(-1)!;
  if (last.role === 'tool') return `The tables say: ${last.content.split('\n').at(-1)!.replaceAll(' | ', ', ')}.`;
  const sql = /SELECT[^\n]*$/.exec(last.content)?.[0];
  if (sql === undefined || !tools) return 'There is nothing to be asked.';
  return `<tool_call>\n${JSON.stringify({ name: 'query_tables', arguments: { sql } })}\n</tool_call>`;
}

const sizeOf = (text: string) => Math.ceil(text.length / 4);
const promptSize = ({ messages }: Prompt) => messages.reduce((sum, { content }) => sum + sizeOf(content), 0);

const router = os.router({
  load: os.load.handler(({ input: { folder } }): LoadedModel => {
    const { name } = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as { name: string };
    model = {
      ...{ name, folder, contextTokens, claimedTokens: contextTokens },
      ...{ beyond: null, sparse: null, architecture: 'qwen2', recipe: 'balanced', weightBytes: 1, kvBytesPerToken: 1 },
      ...{ kvType: 'float32', threads: 1, loadMs: 0, toolFormat: 'hermes' },
    };
    return model;
  }),
  status: os.status.handler(() => ({
    ...{ pid: process.pid, model, running: 0, cacheTokens: 0, cacheBytes: 0, rssBytes: 0 },
  })),
  count: os.count.handler(({ input }) => ({ promptTokens: promptSize(input), contextTokens, cachedTokens: 0 })),
  countEach: os.countEach.handler(({ input }) => input.texts.map(sizeOf)),
  useSnapshots: os.useSnapshots.handler(() => ({ ...snapshots, owners: [] })),
  forget: os.forget.handler(() => ({ freedBytes: 0 })),
  generate: os.generate.handler(async function* ({ input: { prompt } }) {
    const promptTokens = promptSize(prompt);
    yield { type: 'start' as const, promptTokens, cachedTokens: 0 };
    const pieces = said(prompt).match(/[^]{1,7}/g) ?? [];
    for (const [index, text] of pieces.entries()) {
      yield { type: 'token' as const, text, tokens: [index] };
      await sleep(10);
    }
    const speeds = { prefillTokensPerSecond: null, decodeTokensPerSecond: 100 };
    const times = { prefillMs: 0, decodeMs: pieces.length * 10, firstTokenMs: 0 };
    const counts = { promptTokens, cachedTokens: 0, newTokens: promptTokens, generatedTokens: pieces.length };
    yield { type: 'end' as const, finishReason: 'stop' as const, metrics: { ...counts, ...times, ...speeds } };
  }),
});
const server = createServer(router);
onPort((_peer, port) => server.serve(port));
