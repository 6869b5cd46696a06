import { availableParallelism } from 'node:os';
import { implement } from '@orpc/server';
import { LonghandError } from '../contract/errors.ts';
import { onPort } from '../contract/handover.ts';
import { embedderContract } from '../contract/index.ts';
import { createServer } from '../contract/serve.ts';
import { EmbeddingModel } from './model.ts';

/** The embedder process: one embedding model. It holds nothing that is not on the disk. */

let loaded: { folder: string; model: EmbeddingModel } | null = null;
let running = 0;
/** Loads follow one another, and wait for what is being embedded. */
let changing: Promise<unknown> = Promise.resolve();
let idle = () => {};

const os = implement(embedderContract);
const router = os.router({
  load: os.load.handler(({ input: { folder } }) =>
    change(async () => {
      if (loaded?.folder !== folder) {
        const model = await EmbeddingModel.load(folder, threads());
        loaded?.model.release();
        loaded = { folder, model };
      }
      const { name, dimensions } = loaded.model;
      return { name, dimensions };
    }),
  ),
  unload: os.unload.handler(() =>
    change(() => {
      loaded?.model.release();
      loaded = null;
    }),
  ),
  embed: os.embed.handler(async ({ input: { folder, texts, as }, signal }) => {
    if (loaded?.folder !== folder) throw new LonghandError('no-model', 'This embedding model is not loaded.');
    running++;
    try {
      const vectors = await loaded.model.embed(texts, as, signal);
      return { vectors: new Blob([vectors as Float32Array<ArrayBuffer>]) };
    } finally {
      if (--running === 0) idle();
    }
  }),
});

const server = createServer(router);
onPort((_peer, port) => server.serve(port));

function change<T>(work: () => Promise<T> | T): Promise<T> {
  const changed = changing.then(async () => {
    if (running > 0) await new Promise<void>((resolve) => (idle = resolve));
    return work();
  });
  changing = changed.catch(() => {});
  return changed;
}

/** Half of the cores, as the engine may be at work beside it. */
function threads(): number {
  return Math.max(1, Math.min(4, Math.floor(availableParallelism() / 2)));
}
