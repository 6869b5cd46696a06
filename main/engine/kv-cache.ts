import { pinnedFloat32 } from './runtime/session.ts';

export type CacheShape = { layers: number; kvHeads: number; headDim: number; contextTokens: number };

/** Smallest capacity, and the step to which it grows: small chats stay small, growth copies rarely. */
const FIRST_CAPACITY = 512;

/**
 * Keys and values of one sequence of tokens: the application's own memory.
 * One buffer for keys and one for values a layer, float32 [kvHeads, capacity, headDim]; the rows of a head lie together,
 * so that any range of cached tokens is one view. Rows from `length` on are meaningless.
 */
export class KvSequence {
  readonly shape: CacheShape;
  /** Token ids whose keys and values are cached, in order. */
  tokens: number[] = [];
  capacity = 0;
  /** Keys at 2 * layer, values at 2 * layer + 1. */
  buffers: Float32Array[] = [];

  constructor(shape: CacheShape) {
    this.shape = shape;
  }

  get length(): number {
    return this.tokens.length;
  }

  get byteLength(): number {
    return bytesPerToken(this.shape) * this.capacity;
  }

  /** Makes room for `tokens` in all; returns whether the buffers were replaced. */
  reserve(tokens: number): boolean {
    if (tokens <= this.capacity) return false;
    const { layers, kvHeads, headDim, contextTokens } = this.shape;
    const capacity = Math.min(
      Math.max(FIRST_CAPACITY, 2 ** Math.ceil(Math.log2(tokens))),
      Math.max(contextTokens, tokens),
    );
    const grown = Array.from({ length: 2 * layers }, () => pinnedFloat32(kvHeads * capacity * headDim));
    this.#copyRows(grown, capacity, this.length);
    this.buffers = grown;
    this.capacity = capacity;
    return true;
  }

  /** Notes that the rows of `ids` have been written behind the cached ones. */
  commit(ids: readonly number[] | Int32Array): void {
    for (const id of ids) this.tokens.push(id);
  }

  /** Forgets all but the first `length` tokens; their rows are simply written over. */
  truncate(length: number): void {
    this.tokens.length = Math.min(length, this.tokens.length);
  }

  /** A copy of the first `length` tokens that lives on its own. */
  fork(length: number): KvSequence {
    const copy = new KvSequence(this.shape);
    copy.reserve(Math.max(length, 1));
    this.#copyRows(copy.buffers, copy.capacity, length);
    copy.tokens = this.tokens.slice(0, length);
    return copy;
  }

  #copyRows(target: Float32Array[], capacity: number, rows: number): void {
    const { kvHeads, headDim } = this.shape;
    this.buffers.forEach((buffer, i) => {
      for (let head = 0; head < kvHeads; head++) {
        const from = head * this.capacity * headDim;
        target[i]!.set(buffer.subarray(from, from + rows * headDim), head * capacity * headDim);
      }
    });
  }
}

/** Bytes of keys and values of one token over all layers. */
export function bytesPerToken({ layers, kvHeads, headDim }: Omit<CacheShape, 'contextTokens'>): number {
  return 2 * layers * kvHeads * headDim * 4;
}
