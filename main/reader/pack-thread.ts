import { availableParallelism } from 'node:os';
import { defineThread } from '../contract/thread.ts';
import { buildGraph } from '../../native-models/architectures/build-graph.ts';
import { CheckpointError, openCheckpoint, type CheckpointErrorCode } from '../../native-models/checkpoint/index.ts';
import type { PackError } from '../../native-models/quantize/pack.ts';
import type { Recipe } from '../../native-models/quantize/packed.ts';
import { openWriter, type PackStep, type Packers } from '../../native-models/write-weights.ts';

/** What a thread packs from and into: each has the checkpoint and the weights file open for itself. */
type Setup = { path: string; base?: string | undefined; recipe: Recipe; weightsFile: string };
type Failure = { kind: 'checkpoint'; code: CheckpointErrorCode; message: string; details: Record<string, unknown> };
type SystemFailure = { kind: 'system'; code: string; message: string };
type Packed = { error: PackError } | { failure: Failure | SystemFailure };

/** Beyond a few, the disk is the limit; and each takes some 100 MB. */
const MOST_THREADS = 4;

const thread = defineThread('pack', import.meta.url, ({ path, base, recipe, weightsFile }: Setup) => {
  const writer = openWriter(weightsFile);
  const plan = openCheckpoint(path, { base }).then((checkpoint) => buildGraph(checkpoint, recipe).weights);
  plan.catch(() => {}); // each step says so
  return async (step: number, signal: AbortSignal): Promise<Packed> => {
    try {
      return { error: await (await plan).writeStep(step, writer.write, { signal }) };
    } catch (error) {
      return { failure: describe(error) };
    }
  };
});

/** Packs in as many threads as there are cores, up to four. */
export function openPackThreads(setup: Setup, count = Math.min(availableParallelism(), MOST_THREADS)): Packers {
  const threads = Array.from({ length: count }, () => thread.open(setup));
  return {
    steps: threads.map(({ call }): PackStep => async (step, { signal }) => {
      const packed = await call(step, { signal });
      if ('error' in packed) return packed.error;
      throw revive(packed.failure);
    }),
    close: async () => void (await Promise.all(threads.map(({ close }) => close()))),
  };
}

/** Only what a caller tells apart crosses the border of a thread: its own kind of error, and the system's codes. */
function describe(error: unknown): Failure | SystemFailure {
  if (error instanceof CheckpointError) {
    return { kind: 'checkpoint', code: error.code, message: error.message, details: error.details };
  }
  if (error instanceof Error && 'code' in error) {
    return { kind: 'system', code: String(error.code), message: error.message };
  }
  throw error;
}

function revive(failure: Failure | SystemFailure): Error {
  if (failure.kind === 'checkpoint') return new CheckpointError(failure.code, failure.message, failure.details);
  return Object.assign(new Error(failure.message), { code: failure.code });
}
