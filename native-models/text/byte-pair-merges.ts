/** Pieces of up to this many bytes are merged by repeated scanning, which beats a heap until about here. */
const SCAN_LIMIT = 96;
const NO_RANK = 0x7fffffff;

/** Two adjacent tokens and what they become. */
export type Merge = { left: number; right: number; merged: number };

/**
 * Byte-pair merging: starts from one token per UTF-8 byte and always joins the adjacent pair that comes first in the
 * list of merges, the leftmost on ties, until none is left (Sennrich et al., arXiv 1508.07909; byte level as in GPT-2).
 */
export class BytePairMerges {
  readonly #byteIds: Int32Array;
  readonly #table: MergeTable;
  readonly #scratch = { ids: new Int32Array(SCAN_LIMIT), ranks: new Int32Array(SCAN_LIMIT) };

  /** `byteIds[b]` is the token of byte b, or -1 where the vocabulary has none: such bytes are left out, as in the reference. */
  constructor(byteIds: Int32Array, merges: readonly Merge[]) {
    this.#byteIds = byteIds;
    this.#table = new MergeTable(merges);
  }

  /** Appends the tokens of one piece of text. Time n log n, memory some 60 bytes a character. */
  encode(piece: string, out: number[]): void {
    const maxBytes = piece.length * 3; // a UTF-16 unit becomes at most three bytes
    const ids = maxBytes <= SCAN_LIMIT ? this.#scratch.ids : new Int32Array(maxBytes);
    const count = this.#toByteTokens(piece, ids);
    if (count <= SCAN_LIMIT) this.#mergeByScanning(ids, count, out);
    else this.#mergeByHeap(ids.subarray(0, count), out);
  }

  #toByteTokens(piece: string, ids: Int32Array): number {
    const byteIds = this.#byteIds;
    let count = 0;
    for (let i = 0; i < piece.length; i++) {
      let code = piece.charCodeAt(i);
      if (code < 0x80) {
        count = append(ids, count, byteIds[code]!);
        continue;
      }
      if (code >= 0xd800 && code <= 0xdfff) {
        const point = piece.codePointAt(i)!;
        if (point > 0xffff) i++;
        code = point > 0xffff ? point : 0xfffd; // half a surrogate pair has no UTF-8 form
      }
      if (code < 0x800) count = append(ids, count, byteIds[0xc0 | (code >> 6)]!);
      else {
        if (code < 0x10000) count = append(ids, count, byteIds[0xe0 | (code >> 12)]!);
        else {
          count = append(ids, count, byteIds[0xf0 | (code >> 18)]!);
          count = append(ids, count, byteIds[0x80 | ((code >> 12) & 63)]!);
        }
        count = append(ids, count, byteIds[0x80 | ((code >> 6) & 63)]!);
      }
      count = append(ids, count, byteIds[0x80 | (code & 63)]!);
    }
    return count;
  }

  /** Quadratic, without allocation: right for words. */
  #mergeByScanning(ids: Int32Array, count: number, out: number[]): void {
    const table = this.#table;
    const { ranks } = this.#scratch; // rank of the pair (i, i + 1)
    for (let i = 0; i + 1 < count; i++) ranks[i] = table.rank(ids[i]!, ids[i + 1]!);
    while (count > 1) {
      let best = NO_RANK;
      let at = 0;
      for (let i = 0; i + 1 < count; i++) {
        if (ranks[i]! < best) {
          best = ranks[i]!;
          at = i;
        }
      }
      if (best === NO_RANK) break;
      ids[at] = table.mergedId(best);
      for (let i = at + 1; i + 1 < count; i++) {
        ids[i] = ids[i + 1]!;
        ranks[i] = ranks[i + 1]!;
      }
      count--;
      if (at > 0) ranks[at - 1] = table.rank(ids[at - 1]!, ids[at]!);
      if (at + 1 < count) ranks[at] = table.rank(ids[at]!, ids[at + 1]!);
    }
    for (let i = 0; i < count; i++) out.push(ids[i]!);
  }

  /** n log n: a heap of pairs ordered by rank, then place; tokens form a linked list by the place of their first byte. */
  #mergeByHeap(ids: Int32Array, out: number[]): void {
    const table = this.#table;
    const count = ids.length;
    const next = Int32Array.from({ length: count }, (_, i) => i + 1);
    const previous = Int32Array.from({ length: count }, (_, i) => i - 1);
    const ranks = new Int32Array(count).fill(NO_RANK); // current rank of the pair that starts here
    const heap = new PairHeap(count);
    const consider = (at: number) => {
      const after = next[at]!;
      const rank = after < count ? table.rank(ids[at]!, ids[after]!) : NO_RANK;
      ranks[at] = rank;
      if (rank !== NO_RANK) heap.push(rank, at);
    };

    for (let at = 0; at < count; at++) consider(at);
    for (let pair = heap.pop(); pair; pair = heap.pop()) {
      const { rank, at } = pair;
      if (ranks[at] !== rank) continue; // one of its tokens has been merged since
      const after = next[at]!;
      ids[at] = table.mergedId(rank);
      ranks[after] = NO_RANK;
      next[at] = next[after]!;
      if (next[at] < count) previous[next[at]] = at;
      consider(at);
      if (at > 0) consider(previous[at]!);
    }
    for (let at = 0; at < count; at = next[at]!) out.push(ids[at]!);
  }
}

function append(ids: Int32Array, count: number, id: number): number {
  if (id < 0) return count;
  ids[count] = id;
  return count + 1;
}

/** Open-addressed hash table from a pair of ids to its rank: four times faster here than a Map with numeric keys. */
class MergeTable {
  readonly #merged: Int32Array;
  readonly #mask: number;
  readonly #slots: Int32Array; // left, right, rank per slot; left is -1 where empty

  constructor(merges: readonly Merge[]) {
    const capacity = 2 ** Math.ceil(Math.log2(Math.max(2, merges.length * 2)));
    this.#mask = capacity - 1;
    this.#slots = new Int32Array(capacity * 3).fill(-1);
    this.#merged = Int32Array.from(merges, ({ merged }) => merged);
    for (const [rank, { left, right }] of merges.entries()) this.#insert(left, right, rank);
  }

  /** Place of the pair in the list of merges, `NO_RANK` where it is not in it. */
  rank(left: number, right: number): number {
    const slots = this.#slots;
    for (let slot = this.#hash(left, right); ; slot = (slot + 1) & this.#mask) {
      const found = slots[slot * 3]!;
      if (found === left && slots[slot * 3 + 1] === right) return slots[slot * 3 + 2]!;
      if (found === -1) return NO_RANK;
    }
  }

  mergedId(rank: number): number {
    return this.#merged[rank]!;
  }

  #insert(left: number, right: number, rank: number): void {
    if (this.rank(left, right) !== NO_RANK) return; // the first of two equal merges counts
    let slot = this.#hash(left, right);
    while (this.#slots[slot * 3] !== -1) slot = (slot + 1) & this.#mask;
    this.#slots.set([left, right, rank], slot * 3);
  }

  #hash(left: number, right: number): number {
    const mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    return (mixed ^ (mixed >>> 15)) & this.#mask;
  }
}

/** Binary min-heap; rank and place share one float64, exact because rank < 2^21 and place < 2^32. */
class PairHeap {
  #keys: Float64Array;
  #size = 0;

  constructor(capacity: number) {
    this.#keys = new Float64Array(Math.max(16, capacity));
  }

  push(rank: number, at: number): void {
    if (this.#size === this.#keys.length) {
      const grown = new Float64Array(this.#size * 2);
      grown.set(this.#keys);
      this.#keys = grown;
    }
    const keys = this.#keys;
    const key = rank * 2 ** 32 + at;
    let child = this.#size++;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (keys[parent]! <= key) break;
      keys[child] = keys[parent]!;
      child = parent;
    }
    keys[child] = key;
  }

  pop(): { rank: number; at: number } | null {
    if (this.#size === 0) return null;
    const keys = this.#keys;
    const top = keys[0]!;
    const last = keys[--this.#size]!;
    let parent = 0;
    for (let child = 1; child < this.#size; child = 2 * parent + 1) {
      if (child + 1 < this.#size && keys[child + 1]! < keys[child]!) child++;
      if (keys[child]! >= last) break;
      keys[parent] = keys[child]!;
      parent = child;
    }
    keys[parent] = last;
    const rank = Math.floor(top / 2 ** 32);
    return { rank, at: top - rank * 2 ** 32 };
  }
}
