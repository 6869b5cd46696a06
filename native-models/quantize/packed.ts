import { blockFormat, type TensorType } from '../checkpoint/blocks/index.ts';
import { fitsNibble } from './codes.ts';

/** Weights per scale where codes are chosen anew, the best of them that divides a row: fewer scales are fewer bytes to read. */
const WIDE_BLOCKS = [128, 64, 32] as const;
/** Blocks of 16 are for the K types whose groups are no longer. */
export type QuantBlock = (typeof WIDE_BLOCKS)[number] | 16;

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
 * The form of `types` under `recipe`; matrices that are multiplied as one share it. In `exact` it holds every value. In
 * `balanced` it does but for floats, and for six-bit groups of 16 (Q6_K), which would cost 1.5 bytes a weight: both become
 * 8-bit codes in wide blocks, with an error of about half a percent.
 *
 *     bytes a weight that decoding reads         int4: block 16 1, 32 0.75, 64 0.625, 128 0.5625; with minima 4 / block more
 *     (codes, a scale and a block sum a block)   int8: 0.5 more; int4pair: twice int4; float32: 4
 *
 * @param columns K; matrices whose rows don't divide into blocks stay float32
 */
export function packedFormat(types: readonly TensorType[], columns: number, recipe: Recipe): PackedFormat {
  const widest = WIDE_BLOCKS.find((block) => columns % block === 0);
  if (widest === undefined) return { kind: 'float32' };
  if (recipe === 'fast') return { kind: 'int4', hasMin: false, block: widest };
  const coded = types.map(blockFormat).filter((format) => format.kind === 'coded');
  if (coded.length < types.length) {
    return recipe === 'exact' ? { kind: 'float32' } : { kind: 'int8', hasMin: false, block: widest };
  }
  const block = coded.reduce<QuantBlock>((least, { group }) => (group < least ? group : least), 128);
  const hasMin = coded.some((format) => format.hasMin);
  if (coded.every(fitsNibble)) return { kind: 'int4', hasMin, block };
  if (recipe === 'exact') return { kind: 'int4pair', hasMin: true, block };
  return block === 16 ? { kind: 'int8', hasMin: false, block: widest } : { kind: 'int8', hasMin, block };
}

/** Bits of one code in one matrix of codes. */
export function codeBits(format: BlockFormat): 4 | 8 {
  return format.kind === 'int8' ? 8 : 4;
}
