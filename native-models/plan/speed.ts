import { Blocks, PREFILL_BLOCK } from '../attention/blocks.ts';
import { weightsPerToken, type GraphCosts, type Kernel } from './graph-costs.ts';

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

/**
 * Seconds that reading a prompt of `tokens` takes behind the first `cached` of them, block by block behind one another. What a
 * block takes besides attention lies between a token's and that of a whole block, which were measured.
 */
export function prefillSeconds(
  costs: GraphCosts,
  shape: AttentionShape,
  tokens: number,
  machine: MachineSpeed,
  cached = 0,
): number {
  const { layers, heads, headDim } = shape;
  const { threads } = machine;
  const blocks = new Blocks({
    weightsPerToken: weightsPerToken(costs),
    attentionPerPair: 2 * heads * headDim * layers,
    threads,
  });
  let seconds = 0;
  for (const { size, from, to } of blocks.stretches(cached, tokens))
    seconds += Math.ceil((to - blocks.start(from)) / size) * blockSeconds(costs, layers, size, machine);
  // Every block of rows is multiplied with the whole cache; what lies behind its end is masked, not left out.
  const pairs = (layers * heads * (tokens * tokens - cached * cached)) / 2;
  const width = (headDim + PAIR_OVERHEAD_DIM) / (PROBED_HEAD_DIM + PAIR_OVERHEAD_DIM);
  return seconds + (pairs * width) / machine.decoder.attendedPairsPerSecond;
}

/** Seconds that a block of `size` tokens takes besides attention. */
function blockSeconds(costs: GraphCosts, layers: number, size: number, machine: MachineSpeed): number {
  const { decodeSecondsPerLayer, prefillSecondsPerLayer, secondsPerRowValue } = machine.decoder;
  const share = (size - 1) / (PREFILL_BLOCK - 1);
  const between = (token: number, block: number) => token + (block - token) * share;
  let seconds = layers * between(decodeSecondsPerLayer, prefillSecondsPerLayer);
  seconds += size * costs.rowValues * secondsPerRowValue;
  for (const { kernel, weights, weightsPerToken: perToken, headWeights } of costs.multiplications) {
    const { decodeWeightsPerSecond, prefillWeightsPerSecond } = speedOf(kernel, machine);
    const block = PREFILL_BLOCK / prefillWeightsPerSecond;
    seconds += (perToken - headWeights) * between(Math.min(1 / decodeWeightsPerSecond, block), block);
    seconds += headWeights / decodeWeightsPerSecond;
    // Each routed expert gets a few rows of a block: too few to hide that all of it is read for them.
    if (weights > perToken) seconds += weights / decodeWeightsPerSecond;
  }
  return seconds;
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
