/** How keys and values of full pages are kept. The page that is being filled is float32 in every form. */
export const kvTypes = ['float32', 'float16', 'int8'] as const;
export type KvType = (typeof kvTypes)[number];

export function mapKvTypes<T>(make: (type: KvType) => T): Record<KvType, T> {
  return { float32: make('float32'), float16: make('float16'), int8: make('int8') };
}

/**
 * Tokens of a page of the KV cache. Attention multiplies by a page at a time: smaller ones cost more calls, larger ones
 * more of a page that is not yet full (256 and 32,768 took the same time at 32,768 tokens).
 */
export const KV_PAGE = 256;

/** Keys whose bounds are kept together, to tell which pages are worth reading: fewer bound closer, more cost less. */
const RUN = 64;

/** Runs of a page. */
export function runsOf(kvPage: number): number {
  return kvPage % RUN === 0 ? kvPage / RUN : 1;
}

/**
 * Rows of the normalised Hadamard matrix of order `size`, float32 [size, size]: it spreads channels that are much larger
 * than others over all of them, so that one scale serves a whole key. Queries are multiplied by it too, which leaves every
 * product as it was. An order that is no power of two has blocks of the largest power that divides it.
 */
export function hadamardMatrix(size: number): Float32Array {
  const block = size & -size;
  const matrix = new Float32Array(size * size);
  for (let row = 0; row < size; row++) {
    const start = row - (row % block);
    for (let i = 0; i < block; i++) {
      matrix[row * size + start + i] = (isOdd((row % block) & i) ? -1 : 1) / Math.sqrt(block);
    }
  }
  return matrix;
}

/** Whether a number has an odd count of bits. */
function isOdd(bits: number): boolean {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count % 2 === 1;
}
