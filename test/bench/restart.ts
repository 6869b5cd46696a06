/**
 * A follow-up of 16 tokens behind 32,768 cached ones, in memory and from the disk after a restart: time to first token, time
 * to save and to load, bytes. The cache is filled with values that mean nothing. On Linux the files are dropped from the
 * system's own cache before they are read. Rounds alternate; the middle one of each figure counts.
 *
 *     node test/bench/restart.ts COMPILED_FOLDER [RESULT_FILE] [TOKENS]
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { KvSequence } from '../../main/engine/kv-cache.ts';
import { Model } from '../../main/engine/model.ts';
import { SnapshotStore } from '../../main/engine/snapshots/store.ts';
import type { KvType } from '../../native-models/attention/kv-type.ts';
import { describeMachine } from '../support/machine.ts';

const ROUNDS = 3;
const FOLLOW_UP = 16;

const [folder, result, length = '32768'] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: restart.ts COMPILED_FOLDER [RESULT_FILE] [TOKENS]');
const tokens = Number(length);
const prompt = [...Array<number>(tokens).fill(0), ...Array.from({ length: FOLLOW_UP }, (_, i) => i + 1)];
const report = {
  ...describeMachine(),
  tokens,
  followUpTokens: FOLLOW_UP,
  rounds: ROUNDS,
  caches: [await measure(folder, 'int8'), await measure(folder, 'float32')],
};
console.log(JSON.stringify(report, null, 2));
if (result !== undefined) writeFileSync(result, `${JSON.stringify(report, null, 2)}\n`);

async function measure(compiled: string, kvType: KvType) {
  const saved = await mkdtemp(join(dirname(resolve(compiled)), 'restart-'));
  const load = () => Model.load(compiled, { threads: 2, contextTokens: tokens + 256, method: 'dca', kvType });
  const open = () => SnapshotStore.open(saved, { budgetBytes: 1e12, log: (line) => console.error(line) });
  const times: Record<'save' | 'inMemory' | 'modelLoad' | 'restore' | 'afterRestart', number[]> = {
    save: [],
    inMemory: [],
    modelLoad: [],
    restore: [],
    afterRestart: [],
  };
  let bytes = 0;
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const before = await load();
      const sequence = before.newSequence();
      sequence.pretend(tokens);
      const store = await open();
      await store.clear();
      const from = performance.now();
      const count = await store.save(before.cacheKey, 'bench', () => sequence.freeze(), { tail: true });
      times.save.push(performance.now() - from);
      if (count !== tokens) throw new Error(`${count} tokens were saved.`);
      bytes = store.bytes;
      await store.close();
      await firstToken(before, sequence); // the runtime makes its own memory once
      sequence.truncate(tokens);
      times.inMemory.push(await firstToken(before, sequence));
      before.forget(sequence);
      sequence.release();
      before.release();

      await dropFromCache(saved);
      const loading = performance.now();
      const after = await load();
      times.modelLoad.push(performance.now() - loading);
      const restarted = performance.now();
      const again = await open();
      const restored = after.newSequence();
      if ((await again.restore(restored, after, prompt)) !== tokens) throw new Error('Not all came from the disk.');
      times.restore.push(performance.now() - restarted);
      await firstToken(after, restored);
      times.afterRestart.push(performance.now() - restarted);
      await again.close();
      after.forget(restored);
      restored.release();
      after.release();
    }
  } finally {
    await rm(saved, { recursive: true });
  }
  const middle = Object.fromEntries(Object.entries(times).map(([name, all]) => [`${name}Ms`, median(all)]));
  return { kvType, bytes, ...middle, laterMs: median(times.afterRestart) - median(times.inMemory) };
}

/** Milliseconds until the logits after the follow-up are there. */
async function firstToken(model: Model, sequence: KvSequence): Promise<number> {
  const from = performance.now();
  for (const block of model.blocks.of(prompt, sequence.length)) await model.forward(sequence, block);
  return performance.now() - from;
}

async function dropFromCache(saved: string): Promise<void> {
  if (process.platform !== 'linux') return;
  for (const name of await readdir(saved)) {
    if (!name.endsWith('.page')) continue;
    execFileSync('dd', [
      `of=${join(saved, name)}`,
      'oflag=nocache',
      'conv=notrunc,fdatasync',
      'count=0',
      'status=none',
    ]);
  }
}

function median(values: readonly number[]): number {
  return Math.round(values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN);
}
