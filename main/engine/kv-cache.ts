import { pinnedFloat32 } from './runtime/session.ts';

type Buffers = { keys: Float32Array[]; values: Float32Array[]; capacity: number };
export type CacheShape = { layers: number; kvHeads: number; headDim: number; contextTokens: number };

/** Capacity grows by an eighth, in steps of this many tokens: attention reads the whole of it, and growth copies it. */
const CAPACITY_STEP = 256;

/**
 * Keys and values of one sequence of tokens: the application's own memory, one buffer of each a layer.
 * Keys are float32 [kvHeads, headDim, capacity] and values [kvHeads, capacity, headDim]: as the products of a query with
 * the keys, and of its weights with the values, read them. What lies behind `length` is finite and never seen.
 */
export class KvSequence {
  readonly shape: CacheShape;
  /** Token ids whose keys and values are cached, in order. */
  tokens: number[] = [];
  capacity = 0;
  /** By layer. */
  keys: Float32Array[] = [];
  values: Float32Array[] = [];

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
    const { contextTokens } = this.shape;
    const wanted = Math.ceil(Math.max(tokens, this.capacity * 1.125) / CAPACITY_STEP) * CAPACITY_STEP;
    const grown = this.#allocate(Math.max(tokens, Math.min(wanted, contextTokens)));
    this.#copyTo(grown, this.length);
    ({ keys: this.keys, values: this.values, capacity: this.capacity } = grown);
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
    this.#copyTo(copy, length);
    copy.tokens = this.tokens.slice(0, length);
    return copy;
  }

  #allocate(capacity: number): Buffers {
    const { layers, kvHeads, headDim } = this.shape;
    const buffers = () => Array.from({ length: layers }, () => pinnedFloat32(kvHeads * capacity * headDim));
    return { keys: buffers(), values: buffers(), capacity };
  }

  #copyTo(target: Buffers, tokens: number): void {
    const { headDim } = this.shape;
    this.keys.forEach((from, layer) => {
      copyRuns(from, this.capacity, target.keys[layer]!, target.capacity, tokens);
    });
    this.values.forEach((from, layer) => {
      copyRuns(from, this.capacity * headDim, target.values[layer]!, target.capacity * headDim, tokens * headDim);
    });
  }
}

/** Copies the first `length` floats of every stretch of `fromStride` to every stretch of `toStride`. */
function copyRuns(from: Float32Array, fromStride: number, to: Float32Array, toStride: number, length: number): void {
  for (let at = 0, there = 0; at < from.length; at += fromStride, there += toStride) {
    to.set(from.subarray(at, at + length), there);
  }
}

/** Bytes of keys and values of one token over all layers. */
export function bytesPerToken({ layers, kvHeads, headDim }: Omit<CacheShape, 'contextTokens'>): number {
  return 2 * layers * kvHeads * headDim * 4;
}
