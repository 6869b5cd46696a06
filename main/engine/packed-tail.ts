import type { CacheShape, TailPage } from './kv-pages.ts';

/**
 * The first `tokens` rows of a page that is being filled, without what lies behind them: keys [K, D, n], then values
 * [K, n, D], layer by layer.
 */
export function packTail(tail: TailPage, shape: CacheShape, tokens: number): Float32Array[] {
  if (tokens === 0) return [];
  const packed = newPackedTail(shape, tokens);
  packed.forEach((to, i) => copyRows(arrayOf(tail, i), to, strides(shape, i, shape.kvPage), strides(shape, i, tokens)));
  return packed;
}

/** Writes the first `tokens` of the `stored` rows of a packed page into a page that is being filled. */
export function unpackTail(
  packed: readonly Float32Array[],
  tail: TailPage,
  shape: CacheShape,
  { stored, tokens }: { stored: number; tokens: number },
): void {
  packed.forEach((from, i) => {
    const [source, target] = [strides(shape, i, stored), strides(shape, i, shape.kvPage)];
    const length = isKeys(i) ? tokens : tokens * shape.headDim;
    copyRows(from, arrayOf(tail, i), source, target, length);
  });
}

/** Room for `tokens` packed rows. */
export function newPackedTail({ layers, kvHeads, headDim }: CacheShape, tokens: number): Float32Array[] {
  return Array.from({ length: 2 * layers }, () => new Float32Array(kvHeads * headDim * tokens));
}

/** Keys are columns: a row is a channel's; of values a row is a head's, as those of all its tokens lie together. */
function strides({ headDim }: CacheShape, index: number, tokens: number): number {
  return isKeys(index) ? tokens : tokens * headDim;
}

function copyRows(
  from: Float32Array,
  to: Float32Array,
  fromRow: number,
  toRow: number,
  length = Math.min(fromRow, toRow),
) {
  for (let source = 0, target = 0; source < from.length; source += fromRow, target += toRow) {
    to.set(from.subarray(source, source + length), target);
  }
}

const isKeys = (index: number) => index % 2 === 0;

function arrayOf(tail: TailPage, index: number): Float32Array {
  const layer = Math.floor(index / 2);
  return isKeys(index) ? tail.keys[layer]! : tail.values[layer]!;
}
