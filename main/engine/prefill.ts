import type { PrefillProgress, Prompt } from '../contract/engine.ts';
import { checkRoom, encodePrompt, type GenerateContext } from './generate.ts';

/**
 * Reads a prompt into the cache and answers nothing. The first event tells what is known of it already; leaving the loop, or
 * the signal, ends it, and what was read is kept. Where an answer has meanwhile read more of the same, it goes on from there.
 * @throws LonghandError `context-length-exceeded` with both counts, before any work
 */
export async function* prefill(
  prompt: Prompt,
  { model, cache, turns, owner = null, signal }: GenerateContext,
): AsyncGenerator<PrefillProgress, void, void> {
  const tokens = Array.from(await encodePrompt(model, prompt, signal));
  checkRoom(tokens.length, model.info.contextTokens);
  let sequence = cache.acquire(tokens, owner);
  try {
    await cache.restore(sequence, tokens, signal);
    yield { done: sequence.length, total: tokens.length };
    while (sequence.length < tokens.length) {
      const { length } = sequence;
      const block = tokens.slice(length, model.blocks.end(length));
      await turns.turn((ended) => model.forward(sequence, block, { signal: ended, rows: [] }), signal);
      cache.grew(sequence);
      yield { done: sequence.length, total: tokens.length };
      sequence = cache.catchUp(sequence, tokens, owner);
    }
  } finally {
    cache.release(sequence);
  }
}
