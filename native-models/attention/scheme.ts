import { ropeFrequencies, type RopeFrequencies, type RopeParameters } from './rope.ts';

/** Dual Chunk Attention: no distance between a query and a key is larger than `chunkSize`, those up to `localSize` are true. */
export type ChunkParameters = {
  chunkSize: number;
  localSize: number;
  /** Queries beyond the trained length are sharpened, as the published long-context models are. */
  sharpens: boolean;
};

/** How positions become rotations: part of what makes cached keys usable. */
export type AttentionOptions = RopeParameters & {
  /** Tokens that the model was trained on: beyond them a query may be sharpened. */
  trainedTokens: number;
  /** Null: plain attention at any distance. */
  chunks: ChunkParameters | null;
};

/** Which of its rotations a query uses for a key. Dual Chunk Attention knows three, plain attention the first alone. */
export const SAME_CHUNK = 0;
export const PREVIOUS_CHUNK = 1;
export const EARLIER_CHUNK = 2;

/**
 * Positions under plain attention and under Dual Chunk Attention (arXiv 2402.17463; Qwen2.5-1M report, arXiv 2501.15383).
 *
 * With chunks of c = chunkSize - localSize tokens a key at j is always rotated at j mod c. A query at i is rotated for keys
 *
 *     of its own chunk           at i mod c
 *     of the chunk before it     at min(i mod c + c, chunkSize)
 *     of all earlier chunks      at min(2c - 1, chunkSize)
 *
 * which is plain attention up to `chunkSize`. Beyond the trained length scores are multiplied by m^2 where chunks sharpen,
 * m = 0.1 ln(length / trained) + 1. The length is the query's own (i + 1), not the prompt's, so that what is cached never
 * depends on what comes later.
 */
export class AttentionScheme {
  /** Tells caches apart whose keys were rotated otherwise. */
  readonly key: string;
  readonly #rope: RopeFrequencies;
  readonly #options: AttentionOptions;
  /** Tokens of a chunk; without chunks, more than any. */
  readonly #chunk: number;

  /** @throws RangeError where chunks would not end at the end of a page of `kvPage` tokens */
  constructor(options: AttentionOptions, kvPage: number) {
    const { chunks, headDim, ropeTheta, ropeScaling, trainedTokens } = options;
    this.#options = options;
    this.#rope = ropeFrequencies(options);
    this.#chunk = chunks === null ? Infinity : chunks.chunkSize - chunks.localSize;
    if (chunks !== null && !(this.#chunk > 0 && chunks.localSize >= 0 && this.#chunk % kvPage === 0)) {
      throw new RangeError(
        `A chunk of ${chunks.chunkSize} tokens less ${chunks.localSize} is no multiple of a page of ${kvPage}.`,
      );
    }
    this.key = JSON.stringify({ headDim, ropeTheta, ropeScaling, chunks, trained: chunks && trainedTokens });
  }

  /** Versions that queries in the block that begins at `position` need: 1 or 3. */
  versions(position: number): number {
    return position < this.#chunk ? 1 : 3;
  }

  /** Versions with which queries at `position` meet each of `pages` pages of `kvPage` tokens. */
  pageVersions(position: number, pages: number, kvPage: number): number[] {
    const chunk = Math.floor(position / this.#chunk);
    return Array.from({ length: pages }, (_, page) =>
      Math.min(chunk - Math.floor((page * kvPage) / this.#chunk), EARLIER_CHUNK),
    );
  }

  /**
   * Rotary tables of `tokens` tokens from `position` on, a row for each version and token: float32 [versions*tokens, D/2].
   * Angles are computed in float64.
   */
  writeTables(position: number, tokens: number, cos: Float32Array, sin: Float32Array): void {
    const { frequencies, factor } = this.#rope;
    const versions = this.versions(position);
    let at = 0;
    for (let version = 0; version < versions; version++) {
      for (let token = position; token < position + tokens; token++) {
        const place = this.#place(token, version);
        for (const frequency of frequencies) {
          cos[at] = Math.cos(place * frequency) * factor;
          sin[at++] = Math.sin(place * frequency) * factor;
        }
      }
    }
  }

  /** What the scores of a query at `position` are multiplied by: D^-1/2, and m^2 where it is sharpened. */
  queryScale(position: number): number {
    const { chunks, headDim, trainedTokens } = this.#options;
    const sharper = chunks?.sharpens !== true ? 1 : Math.max(1, 0.1 * Math.log((position + 1) / trainedTokens) + 1);
    return sharper ** 2 / Math.sqrt(headDim);
  }

  #place(position: number, version: number): number {
    const { chunks } = this.#options;
    if (chunks === null) return position;
    const within = position % this.#chunk;
    if (version === SAME_CHUNK) return within;
    return Math.min(version === PREVIOUS_CHUNK ? within + this.#chunk : 2 * this.#chunk - 1, chunks.chunkSize);
  }
}
