/**
 * Sparse reading: of pages far behind, each KV head reads the `pages` best; the last `recentPages` are always read. Behind
 * fewer than `fromPages` full pages everything is read.
 */
export type Sparsity = { pages: number; recentPages: number; fromPages?: number };

/**
 * What is read where a user chooses it, in pages of 256 tokens: 4,096 of the tokens far behind and the last 2,048, from 16,384
 * on. In the 0.5B shape that is 0.8 to 1.0 times as fast as reading everything at 8,192 cached tokens, 1.3 to 1.8 at 16,384
 * and 1.2 to 2.6 at 32,768 (test/bench/results/long-context-0.5b.json, `sparse@...`).
 */
export const SPARSITY = { pages: 16, recentPages: 8, fromPages: 64 } as const satisfies Sparsity;

/** The same in tokens, where pages have `kvPage`: from how many cached ones on, and how many are read. */
export function sparseReadingOf(kvPage: number): { fromTokens: number; readTokens: number } {
  const { pages, recentPages, fromPages } = SPARSITY;
  return { fromTokens: fromPages * kvPage, readTokens: (pages + recentPages) * kvPage };
}
