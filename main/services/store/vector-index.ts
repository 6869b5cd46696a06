import type { ReadableDb } from './db.ts';
import { signsOf, similarity } from './vector-code.ts';

export type Neighbour = { vectorId: number; similarity: number };

/** As many as are looked at whole: of the nearest by signs, some are not the nearest. */
const RESCORED = 400;
const SPARE = 1024;

export const NEW_VECTORS = /* sql */ `
  SELECT id, bits, codes FROM vectors WHERE id > :after AND embedder_id = :embedderId ORDER BY id`;

/**
 * All vectors of one embedder, in memory: 432 bytes for 384 components. The signs of 100,000 are compared with a question's in
 * some 5 ms, wherefore there is no other structure; the nearest are then compared whole. Reading those from the database,
 * which would take an eighth of the memory, took another 5 ms.
 *
 * A vector that is deleted stays here until many are, which the caller sees and says.
 */
export class VectorIndex {
  readonly embedderId: number;
  readonly #newVectors;
  #ids = new Float64Array(0);
  #signs = new Uint32Array(0);
  #codes = new Int8Array(0);
  #distances = new Uint16Array(0);
  #words = 0;
  #components = 0;
  #count = 0;
  #missing = 0;

  constructor(db: ReadableDb, embedderId: number) {
    this.embedderId = embedderId;
    this.#newVectors = db
      .prepare<{ after: number; embedderId: number }, [number, Uint8Array, Uint8Array]>(NEW_VECTORS)
      .raw();
  }

  /** Takes in what was stored since, and drops what was deleted once it is a tenth. Within a transaction of the caller's. */
  refresh(): void {
    if (this.#missing > this.#count / 10) this.#count = this.#missing = 0;
    const after = this.#count === 0 ? 0 : this.#ids[this.#count - 1]!;
    for (const row of this.#newVectors.iterate({ after, embedderId: this.embedderId })) this.#add(...row);
  }

  /** One that was found has no row any more. */
  missed(): void {
    this.#missing++;
  }

  /** Some hundreds of vectors nearest to `query` (of length 1), nearest first; `scope`: only those with these ids. */
  nearest(query: Float32Array, scope: ReadonlySet<number> | null): Neighbour[] {
    if (this.#count === 0 || query.length !== this.#components) return [];
    return this.#candidates(signsOf(query), scope)
      .map((index) => {
        const codes = this.#codes.subarray(index * this.#components, (index + 1) * this.#components);
        return { vectorId: this.#ids[index]!, similarity: similarity(codes, query) };
      })
      .toSorted((a, b) => b.similarity - a.similarity);
  }

  /** Where those with the fewest differing signs stand: counted by distance, and cut where there are enough. */
  #candidates(query: Uint32Array, scope: ReadonlySet<number> | null): number[] {
    const [words, signs, distances] = [this.#words, this.#signs, this.#distances];
    const byDistance = new Uint32Array(words * 32 + 1);
    const outside = byDistance.length; // of no distance
    for (let index = 0, at = 0; index < this.#count; index++, at += words) {
      let distance = differences(signs, at, query);
      if (scope !== null && !scope.has(this.#ids[index]!)) distance = outside;
      else byDistance[distance]!++;
      distances[index] = distance;
    }
    let limit = -1;
    for (let total = 0; total < RESCORED && limit < words * 32;) total += byDistance[++limit]!;
    const found: number[] = [];
    for (let index = 0; index < this.#count; index++) if (distances[index]! <= limit) found.push(index);
    return found;
  }

  #add(id: number, bits: Uint8Array, codes: Uint8Array): void {
    this.#words ||= bits.length / 4;
    this.#components ||= codes.length;
    if (bits.length / 4 !== this.#words || codes.length !== this.#components) return;
    if (this.#count === this.#ids.length) this.#grow(Math.ceil(this.#count * 1.5) + SPARE);
    this.#ids[this.#count] = id;
    new Uint8Array(this.#signs.buffer).set(bits, this.#count * this.#words * 4);
    new Uint8Array(this.#codes.buffer).set(codes, this.#count * this.#components);
    this.#count++;
  }

  #grow(capacity: number): void {
    const [ids, signs, codes] = [this.#ids, this.#signs, this.#codes];
    this.#ids = new Float64Array(capacity);
    this.#signs = new Uint32Array(capacity * this.#words);
    this.#codes = new Int8Array(capacity * this.#components);
    this.#distances = new Uint16Array(capacity);
    this.#ids.set(ids);
    this.#signs.set(signs);
    this.#codes.set(codes);
  }
}

/** In how many bits the words from `at` on differ from `query`'s: three words at a time, by a full adder, are counted as two. */
function differences(signs: Uint32Array, at: number, query: Uint32Array): number {
  let [ones, twos] = [0, 0];
  let word = 0;
  for (; word + 2 < query.length; word += 3) {
    const a = signs[at + word]! ^ query[word]!;
    const b = signs[at + word + 1]! ^ query[word + 1]!;
    const c = signs[at + word + 2]! ^ query[word + 2]!;
    ones += countBits(a ^ b ^ c);
    twos += countBits((a & b) | ((a ^ b) & c));
  }
  for (; word < query.length; word++) ones += countBits(signs[at + word]! ^ query[word]!);
  return ones + 2 * twos;
}

/** Set bits of a 32-bit word, by halves: Hacker's Delight, section 5-1. */
function countBits(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
