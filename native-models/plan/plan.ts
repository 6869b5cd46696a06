import { mapKvTypes, type KvType } from '../attention/kv-type.ts';
import type { Recipe } from '../quantize/packed.ts';
import { compiledBytes, kvBytes, memoryNeed, type Footprint, type MemoryNeed } from './footprint.ts';
import { decodeSeconds, prefillSeconds, type MachineSpeed } from './speed.ts';

/** What a model would take and give, before anything of it is there. Bytes, seconds, tokens a second. */
export type Plan = {
  recipe: Recipe;
  contextTokens: number;
  /** Of the compiled folder. */
  compiledBytes: number;
  /** Of the weights file in it. */
  weightBytes: number;
  memory: MemoryNeed;
  /** Form of the cache that `memory` reckons with. */
  kvType: KvType;
  /** Keys and values of the whole context in each form. */
  kv: Record<KvType, number>;
  speed: PlannedSpeed | null;
  obstacle: Obstacle | null;
};

export type PlannedSpeed = {
  /** Behind `ORDINARY_TOKENS` tokens, or as many as the context holds. */
  decodeTokensPerSecond: number;
  /** With the context full. */
  decodeTokensPerSecondAtContext: number;
  /** A prompt of `ORDINARY_TOKENS`. */
  prefillTokensPerSecond: number;
  /** Reading a prompt as long as the context. */
  fillSeconds: number;
};

/** Why it cannot be had here: bytes of memory or disk. */
export type Obstacle = { kind: 'memory' | 'disk'; needed: number; available: number };

/** What a machine has to give, and how fast it is; `speed` is null while nothing is known of it. */
export type Machine = { memoryBytes: number; diskBytes: number; speed: MachineSpeed | null };

/** The length of conversation for which speeds are told. */
export const ORDINARY_TOKENS = 1000;

/**
 * The price of a model at `contextTokens`.
 * @param request.missingBytes what must still be written to the disk: the download and what is compiled of it
 */
export function plan(
  footprint: Footprint,
  request: { recipe: Recipe; contextTokens: number; missingBytes: number; kvType?: KvType },
  machine: Machine,
): Plan {
  const { recipe, contextTokens, missingBytes, kvType = 'float32' } = request;
  const { shape, costs } = footprint;
  const memory = memoryNeed(footprint, contextTokens, kvType);
  const kv = mapKvTypes((type) => kvBytes(shape, contextTokens, type));
  return {
    ...{ recipe, contextTokens, memory, kv, kvType, weightBytes: costs.weightBytes },
    compiledBytes: compiledBytes(footprint),
    speed: machine.speed === null ? null : speedAt(footprint, contextTokens, machine.speed),
    obstacle: obstacleOf({ memory, missingBytes }, machine),
  };
}

const SMALLEST_CONTEXT = 2048;
const CONTEXT_STEP = 1024;

/** The longest context, in steps of 1,024 tokens from 2,048 on, at which `footprint` fits; null where none does. */
export function longestContext(footprint: Footprint, memoryBytes: number, kvType?: KvType): number | null {
  const most = Math.floor(footprint.shape.contextTokens / CONTEXT_STEP);
  let [fits, tooLong] = [SMALLEST_CONTEXT / CONTEXT_STEP - 1, most + 1];
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1;
    if (memoryNeed(footprint, middle * CONTEXT_STEP, kvType).total <= memoryBytes) fits = middle;
    else tooLong = middle;
  }
  return fits * CONTEXT_STEP < SMALLEST_CONTEXT ? null : fits * CONTEXT_STEP;
}

function speedAt({ costs, shape }: Footprint, contextTokens: number, machine: MachineSpeed): PlannedSpeed {
  const ordinary = Math.min(ORDINARY_TOKENS, contextTokens);
  return {
    decodeTokensPerSecond: 1 / decodeSeconds(costs, shape, ordinary, machine),
    decodeTokensPerSecondAtContext: 1 / decodeSeconds(costs, shape, contextTokens, machine),
    prefillTokensPerSecond: ordinary / prefillSeconds(costs, shape, ordinary, machine),
    fillSeconds: prefillSeconds(costs, shape, contextTokens, machine),
  };
}

function obstacleOf(
  { memory, missingBytes }: { memory: MemoryNeed; missingBytes: number },
  { memoryBytes, diskBytes }: Machine,
): Obstacle | null {
  if (memory.total > memoryBytes) return { kind: 'memory', needed: memory.total, available: memoryBytes };
  if (missingBytes > diskBytes) return { kind: 'disk', needed: missingBytes, available: diskBytes };
  return null;
}
