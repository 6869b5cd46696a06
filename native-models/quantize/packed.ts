import type { TensorType } from '../checkpoint/blocks/index.ts';

/** Weights per scale of Q4_0, Q4_1 and Q8_0, which map exactly to MatMulNBits with the same block. */
export const QUANT_BLOCK = 32;

/** Weights per scale where codes are chosen anew, the best of them that divides a row: fewer scales are fewer bytes to read. */
const WIDE_BLOCKS = [128, 64, 32] as const;
export type QuantBlock = (typeof WIDE_BLOCKS)[number];

/**
 * How a matrix [N, K] lies in the weights file.
 * `int4` and `int8`: unsigned codes [N, K/block, block * bits / 8] (low nibble first) with one float32 scale a block; value = (code - 2^(bits-1)) * scale.
 * `hasMin`: besides, one float32 a block that is added to each of its values, stored transposed as [K/block, N].
 * `int4pair`: 8-bit codes in two int4 matrices, code = 16 * high + low, where `low` lies eight below its nibble and the
 * minima make up for that. The runtime multiplies 8-bit codes by float32 activations only after unpacking the whole
 * matrix (some 20 times slower than the pair).
 * `float32`: plain values [N, K].
 */
export type PackedFormat =
  | { kind: 'int4' | 'int8'; hasMin: boolean; block: QuantBlock }
  | { kind: 'int4pair'; hasMin: true; block: QuantBlock }
  | { kind: 'float32' };
export type BlockFormat = Exclude<PackedFormat, { kind: 'float32' }>;

/** `exact`: the checkpoint's own numbers, activations in float32. `balanced`: the same numbers, activations rounded to int8 a block. `fast`: everything in symmetric int4, its codes chosen anew in wide blocks. */
export const recipes = ['fast', 'balanced', 'exact'] as const;
export type Recipe = (typeof recipes)[number];

/**
 * Below this many parameters `exact` is the default: int8 activations then change answers visibly (SmolLM2-135M names
 * Paris as France's capital in float32 and not with them, here and in llama.cpp alike), and float32 costs little.
 */
const SMALL_MODEL_PARAMETERS = 300e6;

/** The recipe for a model that nobody chose one for. */
export function recommendedRecipe(parameters: number): Recipe {
  return parameters < SMALL_MODEL_PARAMETERS ? 'exact' : 'balanced';
}

/** MatMulNBits `accuracy_level`: 1 multiplies in float32, 4 rounds activations to int8 per block (several times faster). */
export function accuracyLevel(recipe: Recipe): 1 | 4 {
  return recipe === 'exact' ? 1 : 4;
}

/**
 * The form that holds every one of `types` under `recipe`; matrices that are multiplied as one share it.
 * Q4_0 fits int8 exactly and Q4_1 fits with minima, so a mix of them loses nothing.
 * @param columns K; matrices whose rows don't divide into blocks stay float32
 */
export function packedFormat(types: readonly TensorType[], columns: number, recipe: Recipe): PackedFormat {
  const widest = WIDE_BLOCKS.find((block) => columns % block === 0);
  if (widest === undefined) return { kind: 'float32' };
  if (recipe === 'fast') return { kind: 'int4', hasMin: false, block: widest };
  const floats = types.some((type) => type === 'F32' || type === 'F16' || type === 'BF16');
  if (floats && recipe === 'exact') return { kind: 'float32' };
  const wide = floats || types.some((type) => type === 'Q8_0');
  if (wide && recipe === 'exact') return { kind: 'int4pair', hasMin: true, block: QUANT_BLOCK };
  return { kind: wide ? 'int8' : 'int4', hasMin: types.includes('Q4_1'), block: QUANT_BLOCK };
}

/** Bits of one code in one matrix of codes. */
export function codeBits(format: BlockFormat): 4 | 8 {
  return format.kind === 'int8' ? 8 : 4;
}
