import { availableParallelism, totalmem } from 'node:os';
import { implement } from '@orpc/server';
import { LonghandError } from '../contract/errors.ts';
import { onPort } from '../contract/handover.ts';
import { engineContract } from '../contract/index.ts';
import { createServer } from '../contract/serve.ts';
import { isThread } from '../contract/thread.ts';
import { CheckpointError } from '../../native-models/checkpoint/errors.ts';
import { benchPoint, measureBandwidth } from './bench.ts';
import { countEach, encodePrompt, generate } from './generate.ts';
import { Model } from './model.ts';
import { prefill } from './prefill.ts';
import { PrefixCache } from './prefix-cache.ts';
import { probeDecoder } from './probe-decoder.ts';
import { probeKernels } from './probe.ts';
import { Scheduler } from './scheduler.ts';
import { score } from './score.ts';
import { SnapshotStore } from './snapshots/store.ts';

/** The engine process: one model, its caches and its queue. It holds nothing that cannot be computed again. */

const CACHE_SHARE = 0.25;
/** A step that takes longer than this per gigabyte of weights, and a minute, has hung in native code. */
const HUNG_MS_PER_GB = 60_000;
const HUNG_EXIT_CODE = 70;
/** What is not on the disk after so long is computed again: neither another model nor the end waits for longer. */
const SAVE_MS = 1500;

type Loaded = { model: Model; cache: PrefixCache };

let loaded: Loaded | null = null;
let snapshots: SnapshotStore | null = null;
let running = 0;
/** Loads and unloads follow one another: two at once would leave a model in memory that nobody knows. */
let changing: Promise<unknown> = Promise.resolve();

const scheduler = new Scheduler({
  limitMs: () => 60_000 + ((loaded?.model.info.weightBytes ?? 0) / 1e9) * HUNG_MS_PER_GB,
  onHung: (ms) => {
    process.stderr.write(`engine: a step has not returned for ${Math.round(ms / 1000)} s\n`);
    process.exit(HUNG_EXIT_CODE); // the thread cannot be taken back; the shell starts a fresh process
  },
});

const engine = implement(engineContract);
const router = engine.router({
  load: engine.load.handler(({ input }) =>
    change(async () => {
      await unload();
      const threads = input.threads ?? defaultThreads();
      const { folder, ...options } = input;
      const model = await asLonghandError(() => Model.load(folder, { ...options, threads }));
      loaded = { model, cache: new PrefixCache(model, totalmem() * CACHE_SHARE, { snapshots: () => snapshots }) };
      return model.info;
    }),
  ),
  unload: engine.unload.handler(() => change(unload)),
  status: engine.status.handler(() => ({
    pid: process.pid,
    model: loaded?.model.info ?? null,
    running,
    cacheTokens: loaded?.cache.tokens ?? 0,
    cacheBytes: loaded?.cache.bytes ?? 0,
    rssBytes: process.memoryUsage.rss(),
    snapshots: snapshotStatus(),
  })),
  count: engine.count.handler(async ({ input, signal }) => {
    const { model, cache } = current();
    const tokens = await asLonghandError(() => encodePrompt(model, input, signal));
    const cachedTokens = await cache.cached(tokens);
    return { promptTokens: tokens.length, contextTokens: model.info.contextTokens, cachedTokens };
  }),
  countEach: engine.countEach.handler(({ input, signal }) =>
    asLonghandError(() => countEach(current().model, input.texts, signal)),
  ),
  generate: engine.generate.handler(({ input, signal }) => {
    const context = { ...current(), turns: scheduler.client(input.priority), owner: input.owner ?? null, signal };
    return counted(generate(input.prompt, input.sampling, context));
  }),
  prefill: engine.prefill.handler(({ input, signal }) =>
    counted(prefill(input.prompt, { ...current(), turns: scheduler.client('background'), owner: input.owner, signal })),
  ),
  score: engine.score.handler(({ input, signal }) =>
    counted(score(current().model, input, { turns: scheduler.client('background'), signal })),
  ),
  useSnapshots: engine.useSnapshots.handler(({ input: { folder, budgetBytes } }) =>
    inTurn(async () => {
      if (snapshots?.folder === folder) await snapshots.setBudget(budgetBytes);
      else {
        await snapshots?.close();
        snapshots = await SnapshotStore.open(folder, { budgetBytes, log: (line) => log(line) });
      }
      return { ...snapshotStatus(), owners: snapshots.owners };
    }),
  ),
  forget: engine.forget.handler(async ({ input: { owners } }) => {
    if (owners !== null) loaded?.cache.forget(owners);
    const before = snapshots?.bytes ?? 0;
    await (owners === null ? snapshots?.clear() : snapshots?.forget(owners));
    return { freedBytes: Math.max(0, before - (snapshots?.bytes ?? 0)) };
  }),
  logits: engine.logits.handler(({ input, signal }) =>
    using(async (model) => {
      const sequence = model.newSequence();
      try {
        const turns = scheduler.client('background');
        const logits = await turns.turn((ended) => model.forward(sequence, input.tokens, { signal: ended }), signal);
        return { logits: new Blob([Float32Array.from(logits)]) };
      } finally {
        model.forget(sequence);
      }
    }),
  ),
  bench: engine.bench.handler(({ input, signal }) =>
    using(async (model) => {
      const tokensPerSecond = await benchPoint(model, scheduler.client('interactive'), input, signal);
      return { tokensPerSecond, rssBytes: process.memoryUsage.rss() };
    }),
  ),
  bandwidth: engine.bandwidth.handler(async () => ({
    gigabytesPerSecond: await measureBandwidth(loaded?.model.info.threads ?? defaultThreads()),
  })),
  probe: engine.probe.handler(async ({ input }) => {
    const threads = loaded?.model.info.threads ?? defaultThreads();
    return { threads, decoder: await probeDecoder(threads), kernels: await probeKernels(input.kernels, threads) };
  }),
});

const server = createServer(router);
// In a bundle, the thread of the tokenizer is this file too.
if (!isThread) {
  onPort((_peer, port) => server.serve(port));
  process.once('SIGTERM', () => {
    void save()
      .then(() => snapshots?.close())
      .finally(() => process.exit(0));
  });
}

function current(): Loaded {
  if (loaded === null) throw new LonghandError('no-model', 'No model is loaded.');
  return loaded;
}

/** Runs `work` with the model, which is not released before it has ended: the runtime may still be writing for it. */
async function using<T>(work: (model: Model) => Promise<T>): Promise<T> {
  const { model } = current();
  running++;
  try {
    return await work(model);
  } finally {
    running--;
  }
}

/** What reads and answers with the model, which stays until it has ended. */
async function* counted<T>(events: AsyncGenerator<T, void, void>): AsyncGenerator<T, void, void> {
  running++;
  try {
    yield* events;
  } catch (error) {
    throw translate(error);
  } finally {
    running--;
  }
}

/** Runs `work` once earlier changes are done. @throws LonghandError `model-in-use` */
function change<T>(work: () => Promise<T>): Promise<T> {
  return inTurn(() => {
    if (running > 0) throw new LonghandError('model-in-use', 'An answer is being computed with the loaded model.');
    return work();
  });
}

function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const changed = changing.then(work);
  changing = changed.catch(() => {});
  return changed;
}

async function unload(): Promise<void> {
  const old = loaded;
  loaded = null;
  await old?.cache.close(AbortSignal.timeout(SAVE_MS));
  old?.model.release();
}

async function save(): Promise<void> {
  await loaded?.cache.close(AbortSignal.timeout(SAVE_MS));
}

function snapshotStatus() {
  return { mode: snapshots?.mode ?? ('off' as const), bytes: snapshots?.bytes ?? 0 };
}

const log = (line: string) => void process.stderr.write(`engine: ${line}\n`);

/** One core is left to the window where there are many; two are both needed. */
function defaultThreads(): number {
  const cores = availableParallelism();
  return cores <= 4 ? cores : Math.min(cores - 1, 16);
}

async function asLonghandError<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw translate(error);
  }
}

/** Faults of a compiled folder or its template, in the contract's words. */
function translate(error: unknown): unknown {
  if (!(error instanceof CheckpointError)) return error;
  const code = error.code === 'bad-chat-template' ? 'bad-chat-template' : 'model-damaged';
  return new LonghandError(code, error.message, error.details, { cause: error });
}
