import { randomInt } from 'node:crypto';
import { sampling, type Sampling, type SamplingChanges } from '../../contract/engine.ts';
import type { Settings } from '../../contract/system.ts';

/**
 * How the next answer is sampled: what the call asks for, else the conversation, else the settings, else what the model's makers recommend,
 * else the defaults. A seed is drawn where none is given, so that the answer can tell with which it was made.
 */
export function chooseSampling(
  call: SamplingChanges,
  settings: Settings,
  { conversation, model = {} }: { conversation?: SamplingChanges | null; model?: SamplingChanges | undefined } = {},
): Sampling {
  const { temperature, topP, topK, minP, repetitionPenalty, seed, maxTokens } = settings;
  const wishes = { temperature, topP, topK, minP, repetitionPenalty, seed, maxTokens };
  const set = Object.fromEntries(Object.entries(wishes).filter(([, value]) => value !== null));
  const chosen = sampling.parse({
    ...model,
    ...set,
    ...withoutUndefined(conversation ?? {}),
    ...withoutUndefined(call),
  });
  return { ...chosen, seed: chosen.seed ?? randomInt(2 ** 32) };
}

function withoutUndefined(changes: SamplingChanges): SamplingChanges {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
}
