import type { GraphCosts, Kernel } from './graph-costs.ts';

/**
 * How fast a machine multiplies by matrices of one kind: weights a second, by one row and by each row of a block, and what a
 * matrix costs however small it is.
 */
export type KernelSpeed = Kernel & {
  secondsPerMatrix: number;
  decodeWeightsPerSecond: number;
  prefillWeightsPerSecond: number;
};

/** What was measured of a machine, and nothing else: every estimate follows from it. */
export type MachineSpeed = {
  threads: number;
  kernels: readonly KernelSpeed[];
  decoder: {
    decodeSecondsPerLayer: number;
    cacheBytesPerSecond: number;
    prefillSecondsPerLayer: number;
    /** Of heads of `PROBED_HEAD_DIM` values. */
    attendedPairsPerSecond: number;
    /** For what becomes of a value that a matrix gives while a block is read. */
    secondsPerRowValue: number;
  };
};

export type AttentionShape = { layers: number; heads: number; kvHeads: number; headDim: number };

/** Tokens of a prompt that are read at once. */
export const PREFILL_BLOCK = 64;
const PROBED_HEAD_DIM = 128;
/** What masking and softmax take of a pair, in values of a head: they do not depend on its width. */
const PAIR_OVERHEAD_DIM = 64;

/** Keys and values of one token in float32. */
export function kvBytesPerToken({ layers, kvHeads, headDim }: AttentionShape): number {
  return layers * 2 * kvHeads * headDim * 4;
}

/** Seconds that one token takes behind `cachedTokens`: its weights, the cache and the operators between them. */
export function decodeSeconds(
  costs: GraphCosts,
  shape: AttentionShape,
  cachedTokens: number,
  machine: MachineSpeed,
): number {
  const { decodeSecondsPerLayer, cacheBytesPerSecond } = machine.decoder;
  let seconds = shape.layers * decodeSecondsPerLayer;
  seconds += (kvBytesPerToken(shape) * cachedTokens) / cacheBytesPerSecond;
  for (const { kernel, matricesPerToken, weightsPerToken } of costs.multiplications) {
    const speed = speedOf(kernel, machine);
    seconds += matricesPerToken * speed.secondsPerMatrix + weightsPerToken / speed.decodeWeightsPerSecond;
  }
  return seconds;
}

/** Seconds that reading `tokens` of a prompt takes, block by block behind one another. */
export function prefillSeconds(
  costs: GraphCosts,
  shape: AttentionShape,
  tokens: number,
  machine: MachineSpeed,
): number {
  const { layers, heads, headDim } = shape;
  const { prefillSecondsPerLayer, attendedPairsPerSecond, secondsPerRowValue } = machine.decoder;
  const blocks = Math.ceil(tokens / PREFILL_BLOCK);
  let block = layers * prefillSecondsPerLayer + PREFILL_BLOCK * costs.rowValues * secondsPerRowValue;
  for (const { kernel, weights, weightsPerToken, headWeights } of costs.multiplications) {
    const speed = speedOf(kernel, machine);
    block += ((weightsPerToken - headWeights) * PREFILL_BLOCK) / speed.prefillWeightsPerSecond;
    block += headWeights / speed.decodeWeightsPerSecond;
    // Each routed expert gets a few rows of a block: too few to hide that all of it is read for them.
    if (weights > weightsPerToken) block += weights / speed.decodeWeightsPerSecond;
  }
  // Every block of rows is multiplied with the whole cache; what lies behind its end is masked, not left out.
  const pairs = (layers * heads * tokens * tokens) / 2;
  const width = (headDim + PAIR_OVERHEAD_DIM) / (PROBED_HEAD_DIM + PAIR_OVERHEAD_DIM);
  return blocks * block + (pairs * width) / attendedPairsPerSecond;
}

/** The measured kernel that is most like `kernel`. @throws Error where nothing was measured at all */
function speedOf(kernel: Kernel, { kernels }: MachineSpeed): KernelSpeed {
  const distance = (other: Kernel) =>
    100 * Math.abs(other.bits - kernel.bits) +
    10 * Math.abs(other.accuracyLevel - kernel.accuracyLevel) +
    Math.abs(Math.log2(Math.max(other.block, 1) / Math.max(kernel.block, 1)));
  const nearest = kernels.toSorted((a, b) => distance(a) - distance(b))[0];
  if (nearest === undefined) throw new Error('The machine was not measured.');
  return nearest;
}
