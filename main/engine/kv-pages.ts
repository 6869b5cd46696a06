import { runsOf, type KvType } from '../../native-models/attention/kv-type.ts';
import { pinnedFloat32, type TensorData } from './runtime/session.ts';

export type CacheShape = {
  layers: number;
  kvHeads: number;
  headDim: number;
  /** Tokens of a page. */
  kvPage: number;
  kvType: KvType;
  contextTokens: number;
};

/**
 * Arrays of full pages by layer: keys [P, K, D, T], values [P, K, T, D]; in int8 their scales [P, K, 1, T], [P, K, 1, D]; and the
 * largest and smallest value of each channel in each run of keys, [P, K, D, runs].
 */
export const PAGE_PARTS = ['k', 'v', 'k_scales', 'v_scales', 'k_max', 'k_min'] as const;
export type PagePart = (typeof PAGE_PARTS)[number];

/** The page that is being filled, by layer: keys float32 [K, D, T], values [K, T, D]. */
export type TailPage = { keys: Float32Array[]; values: Float32Array[] };

/** Values of the parts of one page of one layer; 0 for a part that a form has not. */
export function pageValues({ kvHeads, headDim, kvPage, kvType }: CacheShape): Record<PagePart, number> {
  const values = kvHeads * headDim * kvPage;
  const bounds = kvHeads * headDim * runsOf(kvPage);
  const scales = kvType === 'int8' ? { k_scales: kvHeads * kvPage, v_scales: kvHeads * headDim } : null;
  return { k: values, v: values, k_max: bounds, k_min: bounds, ...(scales ?? { k_scales: 0, v_scales: 0 }) };
}

/** Bytes of a full page over all layers. */
export function pageBytes(shape: CacheShape): number {
  const values = pageValues(shape);
  const width = { float32: 4, float16: 2, int8: 1 }[shape.kvType];
  const { k, v, ...float32s } = values;
  return shape.layers * ((k + v) * width + Object.values(float32s).reduce((sum, one) => sum + one, 0) * 4);
}

/**
 * Full pages of keys and values: the application's own memory, one array of each part a layer, which grows in place.
 * A sequence writes pages at the end of its own; what others share of it is never written again.
 */
export class KvPages {
  readonly shape: CacheShape;
  readonly #arrays: Record<PagePart, GrowingArray>[];
  /** Pages that are written. */
  count = 0;
  /** Sequences that use the first of them without owning them. */
  #shares: number[] = [];
  #isUnowned = false;

  constructor(shape: CacheShape) {
    this.shape = shape;
    const values = pageValues(shape);
    const most = Math.ceil(shape.contextTokens / shape.kvPage);
    const array = (perPage: number, type: KvType) => new GrowingArray(type, perPage, most);
    this.#arrays = Array.from({ length: shape.layers }, () => ({
      k: array(values.k, shape.kvType),
      v: array(values.v, shape.kvType),
      k_scales: array(values.k_scales, 'float32'),
      v_scales: array(values.v_scales, 'float32'),
      k_max: array(values.k_max, 'float32'),
      k_min: array(values.k_min, 'float32'),
    }));
  }

  get byteLength(): number {
    return pageBytes(this.shape) * this.count;
  }

  /** Pages [from, to) of one part of a layer. */
  slice(layer: number, part: PagePart, from: number, to: number): TensorData {
    return this.#arrays[layer]![part].view(from, to);
  }

  /** Adds pages whose parts are written through `slice`. */
  extend(pages: number): void {
    this.reserve(pages);
    this.count += pages;
  }

  /** Makes room for more pages: up to their number nothing moves, and they can be written before they are added. */
  reserve(pages: number): void {
    for (const layer of this.#arrays) for (const part of PAGE_PARTS) layer[part].grow(this.count + pages);
  }

  /** Adds pages that mean nothing. They are written all the same: untouched memory is one page of zeros. */
  pretend(pages: number): void {
    const from = this.count;
    this.extend(pages);
    this.#arrays.forEach((_, layer) => {
      for (const part of PAGE_PARTS) {
        const values = this.slice(layer, part, from, this.count);
        if (values instanceof Float32Array) values.fill(0.01);
        else if (values instanceof Int8Array) values.fill(1);
        else if (values instanceof Uint16Array) values.fill(HALF_OF_A_HUNDREDTH);
      }
    });
  }

  /** Adds a page that has been filled. */
  append(tail: TailPage): void {
    this.extend(1);
    const page = this.count - 1;
    for (let layer = 0; layer < this.shape.layers; layer++) {
      const target = (part: PagePart) => this.#arrays[layer]![part].view(page, page + 1);
      const [keys, values] = [tail.keys[layer]!, tail.values[layer]!];
      boundRuns(keys, target('k_max') as Float32Array, target('k_min') as Float32Array, this.shape.kvPage);
      if (this.shape.kvType === 'int8') {
        roundKeys(keys, target('k') as Int8Array, target('k_scales') as Float32Array, this.shape);
        roundValues(values, target('v') as Int8Array, target('v_scales') as Float32Array, this.shape);
      } else {
        copy(keys, target('k') as Float32Array | Uint16Array);
        copy(values, target('v') as Float32Array | Uint16Array);
      }
    }
  }

  /** Writes page `page` as it was before `append`, as far as its form kept it. */
  restore(page: number, tail: TailPage): void {
    for (let layer = 0; layer < this.shape.layers; layer++) {
      const source = (part: PagePart) => this.#arrays[layer]![part].view(page, page + 1);
      const [keys, values] = [tail.keys[layer]!, tail.values[layer]!];
      if (this.shape.kvType === 'int8') {
        const { headDim, kvPage } = this.shape;
        scaleBack(source('k') as Int8Array, source('k_scales') as Float32Array, keys, headDim, kvPage);
        scaleBack(source('v') as Int8Array, source('v_scales') as Float32Array, values, kvPage, headDim);
      } else {
        copyBack(source('k') as Float32Array | Uint16Array, keys);
        copyBack(source('v') as Float32Array | Uint16Array, values);
      }
    }
  }

  /** Copies pages [from, to) of another store behind its own. */
  copy(other: KvPages, from: number, to: number): void {
    const at = this.count;
    this.extend(to - from);
    for (let layer = 0; layer < this.shape.layers; layer++) {
      for (const part of PAGE_PARTS) {
        this.slice(layer, part, at, this.count).set(other.slice(layer, part, from, to) as never);
      }
    }
  }

  /** Forgets pages from `count` on; never those that others share. */
  truncate(count: number): void {
    this.count = Math.min(this.count, Math.max(count, this.shared));
  }

  /** Pages that others use. */
  get shared(): number {
    return Math.max(0, ...this.#shares);
  }

  share(pages: number): void {
    this.#shares.push(pages);
  }

  unshare(pages: number): void {
    this.#shares.splice(this.#shares.indexOf(pages), 1);
    if (this.#isUnowned) this.free();
  }

  /** Gives its memory back: at once, or when the last who shares it lets go. Nothing may be computing with it. */
  free(): void {
    this.#isUnowned = true;
    if (this.#shares.length > 0) return;
    this.count = 0;
    giveBack(this.#arrays.flatMap((layer) => PAGE_PARTS.map((part) => layer[part])));
  }
}

/** 0.01 as the bits of float16. */
const HALF_OF_A_HUNDREDTH = 0x211f;
const ARRAYS = { float32: Float32Array, float16: Uint16Array, int8: Int8Array } as const;

/** Addresses are reserved for so many pages at first, then for twice as many: they are not endless, least of all in Electron. */
const FIRST_PAGES = 64;

/**
 * An array that grows without moving as far as its addresses are reserved; its memory is taken as it is needed. Views of where
 * it lay before stay what they were.
 */
class GrowingArray {
  #buffer: ArrayBuffer;
  readonly #type: KvType;
  readonly #perPage: number;
  readonly #mostPages: number;

  constructor(type: KvType, perPage: number, mostPages: number) {
    this.#type = type;
    this.#perPage = perPage;
    this.#mostPages = mostPages;
    this.#buffer = this.#reserve(FIRST_PAGES);
  }

  empty(): void {
    this.#buffer.resize(0);
  }

  grow(pages: number): void {
    const bytes = this.#bytes(pages);
    if (bytes <= this.#buffer.byteLength) return;
    if (bytes > this.#buffer.maxByteLength) {
      const old = new Uint8Array(this.#buffer);
      this.#buffer = this.#reserve(2 * pages);
      this.#buffer.resize(bytes);
      new Uint8Array(this.#buffer).set(old);
    } else {
      this.#buffer.resize(bytes);
    }
  }

  view(from: number, to: number): Float32Array | Uint16Array | Int8Array {
    return new ARRAYS[this.#type](this.#buffer, this.#bytes(from), (to - from) * this.#perPage);
  }

  #reserve(pages: number): ArrayBuffer {
    return new ArrayBuffer(0, { maxByteLength: Math.max(this.#bytes(Math.min(pages, this.#mostPages)), 1) });
  }

  #bytes(pages: number): number {
    return pages * this.#perPage * ARRAYS[this.#type].BYTES_PER_ELEMENT;
  }
}

/** Array by array: a gigabyte at once would hold everything up for a third of a second. */
function giveBack(arrays: readonly GrowingArray[], at = 0): void {
  arrays[at]?.empty();
  if (at + 1 < arrays.length) setImmediate(giveBack, arrays, at + 1);
}

/** An empty page to be filled. */
export function newTail({ layers, kvHeads, headDim, kvPage }: CacheShape): TailPage {
  const arrays = () => Array.from({ length: layers }, () => pinnedFloat32(kvHeads * headDim * kvPage));
  return { keys: arrays(), values: arrays() };
}

export function copyTail(from: TailPage, to: TailPage): void {
  from.keys.forEach((keys, layer) => to.keys[layer]!.set(keys));
  from.values.forEach((values, layer) => to.values[layer]!.set(values));
}

function copy(from: Float32Array, to: Float32Array | Uint16Array): void {
  if (to instanceof Uint16Array) halves(to).set(from);
  else to.set(from);
}

function copyBack(from: Float32Array | Uint16Array, to: Float32Array): void {
  to.set(from instanceof Uint16Array ? halves(from) : from);
}

/** The runtime takes float16 as its bits. */
function halves(bits: Uint16Array): Float16Array {
  return new Float16Array(bits.buffer, bits.byteOffset, bits.length);
}

/** The largest and the smallest value of each run of each row of keys [K, D, T]. */
function boundRuns(keys: Float32Array, most: Float32Array, least: Float32Array, kvPage: number): void {
  const run = kvPage / runsOf(kvPage);
  for (let at = 0, out = 0; at < keys.length; at += run, out++) {
    let [high, low] = [keys[at]!, keys[at]!];
    for (let i = at + 1; i < at + run; i++) {
      const value = keys[i]!;
      if (value > high) high = value;
      else if (value < low) low = value;
    }
    most[out] = high;
    least[out] = low;
  }
}

type Rounding = Pick<CacheShape, 'kvHeads' | 'headDim' | 'kvPage'>;

/** Keys [K, D, T] become int8 with a scale a token and head. */
function roundKeys(from: Float32Array, codes: Int8Array, scales: Float32Array, shape: Rounding): void {
  roundColumns(from, codes, scales, shape.kvHeads, shape.headDim, shape.kvPage);
}

/** Values [K, T, D] become int8 with a scale a channel and head. */
function roundValues(from: Float32Array, codes: Int8Array, scales: Float32Array, shape: Rounding): void {
  roundColumns(from, codes, scales, shape.kvHeads, shape.kvPage, shape.headDim);
}

/** Rounds each column of `heads` matrices [rows, columns] to int8 by its largest magnitude. */
function roundColumns(
  from: Float32Array,
  codes: Int8Array,
  scales: Float32Array,
  heads: number,
  rows: number,
  columns: number,
): void {
  const factors = new Float32Array(columns);
  for (let head = 0; head < heads; head++) {
    const start = head * rows * columns;
    factors.fill(0);
    for (let row = 0, at = start; row < rows; row++) {
      for (let column = 0; column < columns; column++, at++) {
        const magnitude = Math.abs(from[at]!);
        if (magnitude > factors[column]!) factors[column] = magnitude;
      }
    }
    for (let column = 0; column < columns; column++) {
      const scale = factors[column]! / 127;
      scales[head * columns + column] = scale;
      factors[column] = scale === 0 ? 0 : 1 / scale;
    }
    for (let row = 0, at = start; row < rows; row++) {
      for (let column = 0; column < columns; column++, at++) codes[at] = Math.round(from[at]! * factors[column]!);
    }
  }
}

/** The values of codes, matrices [rows, columns] whose columns have a scale each. */
function scaleBack(codes: Int8Array, scales: Float32Array, to: Float32Array, rows: number, columns: number): void {
  const size = rows * columns;
  for (let at = 0; at < codes.length; at++) {
    to[at] = codes[at]! * scales[Math.floor(at / size) * columns + (at % columns)]!;
  }
}
