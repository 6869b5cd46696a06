import type { ReadableDb } from './db.ts';
import { signsOf, similarity } from './vector-code.ts';

export type Neighbour = { vectorId: number; similarity: number };

/** As many as are looked at whole: of the nearest by signs, some are not the nearest. */
const RESCORED = 400;
const SPARE = 1024;

export const NEW_VECTORS = /* sql */ `
  SELECT id, bits FROM vectors WHERE id > :after AND embedder_id = :embedderId ORDER BY id`;

/**
 * The signs of all vectors of one embedder, in memory: 48 bytes for 384 components. All of 100,000 are compared with a
 * question's in some 4 ms, wherefore there is no other structure; the nearest are then read and compared whole.
 *
 * A vector that is deleted stays here until many are: it has no row any more, which is seen when it would be read.
 */
export class VectorIndex {
  readonly embedderId: number;
  readonly #newVectors;
  readonly #getCodes;
  #ids = new Float64Array(0);
  #signs = new Uint32Array(0);
  #distances = new Uint16Array(0);
  #words = 0;
  #count = 0;
  #missing = 0;

  constructor(db: ReadableDb, embedderId: number) {
    this.embedderId = embedderId;
    this.#newVectors = db.prepare<{ after: number; embedderId: number }, [number, Uint8Array]>(NEW_VECTORS).raw();
    this.#getCodes = db.prepare<{ id: number }, Uint8Array>('SELECT codes FROM vectors WHERE id = :id').pluck();
  }

  /** Takes in what was stored since, and drops what was deleted once it is a tenth. Within a transaction of the caller's. */
  refresh(): void {
    if (this.#missing > this.#count / 10) this.#count = this.#missing = 0;
    const after = this.#count === 0 ? 0 : this.#ids[this.#count - 1]!;
    for (const [id, bits] of this.#newVectors.iterate({ after, embedderId: this.embedderId })) this.#add(id, bits);
  }

  /** The `limit` vectors nearest to `query` (of length 1), nearest first; `scope`: only those with these ids. */
  nearest(query: Float32Array, limit: number, scope: ReadonlySet<number> | null): Neighbour[] {
    if (this.#count === 0 || Math.ceil(query.length / 32) !== this.#words) return [];
    const found: Neighbour[] = [];
    for (const vectorId of this.#candidates(signsOf(query), Math.max(RESCORED, limit), scope)) {
      const codes = this.#getCodes.get({ id: vectorId });
      if (codes === undefined) this.#missing++;
      else found.push({ vectorId, similarity: similarity(new Int8Array(codes.buffer, codes.byteOffset), query) });
    }
    return found.toSorted((a, b) => b.similarity - a.similarity).slice(0, limit);
  }

  /** Ids with the fewest differing signs: counted by distance, and cut where there are enough. */
  #candidates(query: Uint32Array, wanted: number, scope: ReadonlySet<number> | null): number[] {
    const [words, signs, distances] = [this.#words, this.#signs, this.#distances];
    const byDistance = new Uint32Array(words * 32 + 1);
    const outside = byDistance.length; // of no distance
    for (let index = 0, at = 0; index < this.#count; index++) {
      let distance = 0;
      for (let word = 0; word < words; word++, at++) distance += countBits(signs[at]! ^ query[word]!);
      if (scope !== null && !scope.has(this.#ids[index]!)) distance = outside;
      else byDistance[distance]!++;
      distances[index] = distance;
    }
    let limit = -1;
    for (let total = 0; total < wanted && limit < words * 32;) total += byDistance[++limit]!;
    const ids: number[] = [];
    for (let index = 0; index < this.#count; index++) if (distances[index]! <= limit) ids.push(this.#ids[index]!);
    return ids;
  }

  #add(id: number, bits: Uint8Array): void {
    this.#words ||= bits.length / 4;
    if (bits.length / 4 !== this.#words) return;
    if (this.#count === this.#ids.length) this.#grow(Math.ceil(this.#count * 1.5) + SPARE);
    this.#ids[this.#count] = id;
    new Uint8Array(this.#signs.buffer).set(bits, this.#count * this.#words * 4);
    this.#count++;
  }

  #grow(capacity: number): void {
    const [ids, signs] = [this.#ids, this.#signs];
    this.#ids = new Float64Array(capacity);
    this.#signs = new Uint32Array(capacity * this.#words);
    this.#distances = new Uint16Array(capacity);
    this.#ids.set(ids);
    this.#signs.set(signs);
  }
}

/** Set bits of a 32-bit word, by halves: Hacker's Delight, section 5-1. */
function countBits(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
