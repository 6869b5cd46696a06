import { availableParallelism } from 'node:os';
import { defineThread } from '../contract/thread.ts';
import { buildGraph } from '../../native-models/architectures/build-graph.ts';
import { CheckpointError, openCheckpoint } from '../../native-models/checkpoint/index.ts';
import type { Recipe } from '../../native-models/quantize/packed.ts';
import { openWriter, type PackStep, type Packers } from '../../native-models/write-weights.ts';

/** What a thread packs from and into: each has the checkpoint and the weights file open for itself. */
type Setup = { path: string; base?: string | undefined; recipe: Recipe; weightsFile: string };

/** Beyond a few, the disk is the limit; and each takes some 100 MB. */
const MOST_THREADS = 4;

const thread = defineThread(
  'pack',
  import.meta.url,
  ({ path, base, recipe, weightsFile }: Setup) => {
    const writer = openWriter(weightsFile);
    const plan = openCheckpoint(path, { base }).then((checkpoint) => buildGraph(checkpoint, recipe).weights);
    plan.catch(() => {}); // each step says so
    return async (step: number, signal: AbortSignal) => (await plan).writeStep(step, writer.write, { signal });
  },
  { errors: [CheckpointError] },
);

/** Packs in as many threads as there are cores, up to four. */
export function openPackThreads(setup: Setup, count = Math.min(availableParallelism(), MOST_THREADS)): Packers {
  const threads = Array.from({ length: count }, () => thread.open(setup));
  return {
    steps: threads.map(
      ({ call }): PackStep =>
        (step, { signal }) =>
          call(step, { signal }),
    ),
    close: async () => void (await Promise.all(threads.map(({ close }) => close()))),
  };
}
