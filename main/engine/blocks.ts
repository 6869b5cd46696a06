/** Tokens that are prefilled at once, before attention to what is cached outweighs the rest. */
export const PREFILL_BLOCK = 64;

/**
 * Where the block that begins at `position` ends: at a multiple of its size, so that the same prompt is always read in
 * the same blocks, and never beyond the page that is being filled.
 */
export function blockEnd(position: number): number {
  return blockStart(position) + PREFILL_BLOCK;
}

/** Where the block that holds `position` begins. */
export function blockStart(position: number): number {
  return position - (position % PREFILL_BLOCK);
}

/** `tokens` from `position` on, block by block. */
export function* blocksOf(tokens: readonly number[], position: number): Generator<readonly number[], void, void> {
  for (let at = position; at < tokens.length; at = blockEnd(at)) yield tokens.slice(at, blockEnd(at));
}
