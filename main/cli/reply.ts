import type { Message } from '../contract/chat.ts';
import type { Sampling } from '../contract/engine.ts';
import type { Answer } from './answer.ts';
import { parseNumber, type Options } from './command.ts';

/** The options of commands that ask. */
export const samplingOptions = {
  temperature: { type: 'string', value: 'T', help: '0 always takes the likeliest token' },
  seed: { type: 'string', value: 'N', help: 'the same seed gives the same answer' },
  'max-tokens': { type: 'string', value: 'N', help: 'end the answer after so many tokens' },
} as const satisfies Options;

type SamplingValues = { temperature?: string; seed?: string; 'max-tokens'?: string };

/** Only what was said: everything else is the user's settings. @throws UsageError */
export function samplingOf(values: SamplingValues): Partial<Sampling> {
  const chosen: Partial<Sampling> = {};
  const temperature = parseNumber('temperature', values.temperature, { min: 0, max: 5 });
  const seed = parseNumber('seed', values.seed, { min: 0, max: 0xffff_ffff, isWhole: true });
  const maxTokens = parseNumber('max-tokens', values['max-tokens'], { min: 1, max: 1e9, isWhole: true });
  if (temperature !== undefined) chosen.temperature = temperature;
  if (seed !== undefined) chosen.seed = seed;
  if (maxTokens !== undefined) chosen.maxTokens = maxTokens;
  return chosen;
}

/** What `--json` prints of an answer. */
export function answerJson({ message, continuations }: Answer) {
  return {
    answer: message.text,
    model: message.model,
    conversationId: message.conversationId,
    messageId: message.id,
    state: message.state,
    finishReason: message.finishReason,
    continuations,
    metrics: message.metrics,
    sources: message.sources,
    calls: message.calls,
    error: message.error,
  };
}

/** A shell's code for Ctrl-C where the user stopped the answer. */
export function exitCodeOf(message: Message): number {
  return message.state === 'stopped' ? 130 : 0;
}
