import { sampling, type EngineMessage, type Metrics, type Sampling } from '../../main/contract/engine.ts';
import { encodePrompt, generate } from '../../main/engine/generate.ts';
import type { Model } from '../../main/engine/model.ts';
import { PrefixCache } from '../../main/engine/prefix-cache.ts';
import { Scheduler } from '../../main/engine/scheduler.ts';

const MOST_BYTES = 2e9;

export type TestAnswer = { text: string; tokens: number[]; metrics: Metrics; promptTokens: number[] };

export function newScheduler(): Scheduler {
  return new Scheduler({
    limitMs: () => 600_000,
    onHung() {
      throw new Error('a step hangs');
    },
  });
}

/** One answer by the real engine, without its process; greedy unless asked otherwise. */
export async function answer(
  model: Model,
  cache: PrefixCache,
  messages: EngineMessage[],
  wishes: Partial<Sampling> = {},
  owner: string | null = null,
): Promise<TestAnswer> {
  const options = sampling.parse({ temperature: 0, repetitionPenalty: 1, ...wishes });
  const prompt = { messages, continueFinal: false };
  const result: TestAnswer = {
    text: '',
    tokens: [],
    metrics: undefined!,
    promptTokens: Array.from(await encodePrompt(model, prompt)),
  };
  const turns = newScheduler().client('interactive');
  for await (const event of generate(prompt, options, { model, cache, turns, owner })) {
    if (event.type === 'token') {
      result.text += event.text;
      result.tokens.push(...event.tokens);
    }
    if (event.type === 'end') result.metrics = event.metrics;
  }
  return result;
}

export type FollowUp = {
  /** Tokens of the second prompt that the first turn (prompt and answer) had not. */
  freshTokens: number;
  /** Tokens that were prefilled for it. */
  prefilledTokens: number;
  beginsWithFirstTurn: boolean;
  sameAsCold: boolean;
  /** Where the warm and the cold answer part: how far apart the cold run's logits of the two tokens lie. */
  gap: number;
};

/** Two turns of one conversation, the second one warm and once more cold. */
export async function followUp(model: Model, first: string, second: string, maxTokens: number): Promise<FollowUp> {
  const warmCache = new PrefixCache(model, MOST_BYTES);
  const opening: EngineMessage = { role: 'user', content: first };
  const before = await answer(model, warmCache, [opening], { maxTokens });
  const messages: EngineMessage[] = [
    opening,
    { role: 'assistant', content: before.text, tokens: before.tokens },
    { role: 'user', content: second },
  ];
  const warm = await answer(model, warmCache, messages, { maxTokens });
  const cold = await answer(model, new PrefixCache(model, MOST_BYTES), messages, { maxTokens });
  const known = [...before.promptTokens, ...before.tokens];
  const at = warm.tokens.findIndex((id, i) => id !== cold.tokens[i]);
  return {
    freshTokens: warm.promptTokens.length - known.length,
    prefilledTokens: warm.metrics.newTokens,
    beginsWithFirstTurn: known.every((id, i) => warm.promptTokens[i] === id),
    sameAsCold: warm.text === cold.text,
    gap: warm.text === cold.text ? 0 : await logitGap(model, cold, at, warm.tokens[at]),
  };
}

async function logitGap(model: Model, cold: TestAnswer, at: number, other: number | undefined): Promise<number> {
  const sequence = model.newSequence();
  const logits = await model.forward(sequence, [...cold.promptTokens, ...cold.tokens.slice(0, at)]);
  const gap = Math.abs(logits[cold.tokens[at] ?? 0]! - logits[other ?? 0]!);
  model.forget(sequence);
  return gap;
}
