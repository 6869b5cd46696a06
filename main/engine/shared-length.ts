import type { Blocks } from '../../native-models/attention/blocks.ts';

/** How many tokens two sequences have in common from the start on. */
export function sharedLength(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const limit = Math.min(a.length, b.length);
  let shared = 0;
  while (shared < limit && a[shared] === b[shared]) shared++;
  return shared;
}

/**
 * Tokens of `prompt` that `shared` cached ones save. A prompt that goes on behind them goes on at that very token. One that
 * is known whole is read again from the start of its last block, so that repeating it gives the same bits.
 */
export function usable(shared: number, prompt: ArrayLike<number>, blocks: Blocks): number {
  return shared < prompt.length - 1 ? shared : blocks.start(prompt.length - 1);
}
