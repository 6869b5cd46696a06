import type { GenerateEvent, Metrics, Prompt, Sampling } from '../contract/engine.ts';
import { LonghandError } from '../contract/errors.ts';
import { AnswerText } from './answer-text.ts';
import type { Chat } from './encoder.ts';
import type { KvSequence } from './kv-cache.ts';
import type { Model } from './model.ts';
import type { PrefixCache } from './prefix-cache.ts';
import { Recall } from './recall.ts';
import { Sampler } from './sampler.ts';
import type { SchedulerClient } from './scheduler.ts';

export type GenerateContext = {
  model: Model;
  cache: PrefixCache;
  turns: SchedulerClient;
  /** Whom the prompt belongs to (`conversation:ID`), so that what was computed of it can be saved and deleted for them. */
  owner?: string | null;
  signal?: AbortSignal | undefined;
};

/**
 * Answers a prompt: reads what is not cached in blocks, then decodes token by token.
 * An abort ends the computation at once, within a block too; the stream then ends with `aborted`.
 * @throws LonghandError `context-length-exceeded` with both counts, before any work
 */
export async function* generate(
  prompt: Prompt,
  sampling: Sampling,
  { model, cache, turns, owner = null, signal }: GenerateContext,
): AsyncGenerator<GenerateEvent, void, void> {
  const encoded = await encodePrompt(model, prompt, signal);
  const room = checkRoom(encoded.length, model.info.contextTokens);
  const tokens = Array.from(encoded);
  const clock = new Clock(tokens.length);
  const sequence = cache.acquire(tokens, owner);
  const recall = new Recall();
  const forward = async (step: 'block' | 'token', ids: readonly number[]) => {
    if (model.readsSparsely(sequence) && recall.isDue(step)) {
      const check = (ended?: AbortSignal) => model.attentionRecall(sequence, ids, { tokens: 1, signal: ended });
      recall.add(await turns.turn(check, signal));
    }
    return turns.turn((ended) => model.forward(sequence, ids, { signal: ended }), signal);
  };
  try {
    clock.restored(await cache.restore(sequence, tokens, signal));
    clock.cached = sequence.length;
    yield { type: 'start', promptTokens: tokens.length, cachedTokens: clock.cached, ...clock.fromDisk };
    const sampler = new Sampler(sampling, model.tokenizer.vocabSize, tokens);
    const text = new AnswerText(model.tokenizer, sampling.stop);
    const ends = new Set(model.tokenizerSource.eosTokenIds);
    const limit = Math.min(sampling.maxTokens ?? Infinity, room);
    let finishReason: 'stop' | 'length' | 'aborted' = 'length';
    try {
      let logits!: Float32Array;
      for (const block of model.blocks.of(tokens, sequence.length)) {
        logits = await forward('block', block);
        cache.grew(sequence);
        if (sequence.length < tokens.length) {
          yield { type: 'prefill', done: sequence.length - clock.cached, total: tokens.length - clock.cached };
        }
      }
      clock.prefilled();
      while (clock.generated < limit) {
        const id = sampler.next(logits);
        if (ends.has(id)) {
          finishReason = 'stop';
          break;
        }
        clock.token();
        const part = text.push(id);
        if (part !== null) yield { type: 'token', ...part };
        if (text.stopped) {
          finishReason = 'stop';
          break;
        }
        if (clock.generated < limit) logits = await forward('token', [id]);
      }
    } catch (error) {
      if (!signal?.aborted) throw error;
      finishReason = 'aborted';
    }
    const rest = text.finish();
    if (rest !== null) yield { type: 'token', ...rest };
    yield { type: 'end', finishReason, metrics: { ...clock.metrics(), ...formOf(model, sequence, recall) } };
  } finally {
    cache.release(sequence);
  }
}

/** Token ids of a conversation in the model's own chat format. */
export async function encodePrompt(
  model: Model,
  { messages, continueFinal, tools = [] }: Prompt,
  signal?: AbortSignal,
): Promise<Int32Array> {
  const known = messages.map((message) => ({ ...message, tokens: usable(message.tokens, model.tokenizer.vocabSize) }));
  const { template, options } = formatOf(model, continueFinal);
  return model.encoder.encode({ template, options: { ...options, tools }, messages: known }, signal);
}

/** Tokens of the prompt that each text would make as the only message, a question. */
export function countEach(model: Model, texts: readonly string[], signal?: AbortSignal): Promise<number[]> {
  return model.encoder.countEach({ ...formatOf(model, false), texts }, signal);
}

function formatOf(model: Model, continueFinal: boolean): Omit<Chat, 'messages'> {
  const { chatTemplate, bosTokenId, eosTokenIds, tokens } = model.tokenizerSource;
  if (chatTemplate === null) throw new LonghandError('bad-chat-template', 'This model has no chat template.', {});
  const spell = (id: number | null | undefined) => (id === null || id === undefined ? null : (tokens[id] ?? null));
  const tokensOfFormat = { bosToken: spell(bosTokenId), eosToken: spell(eosTokenIds[0]) };
  return { template: chatTemplate, options: { continueFinal, addGenerationPrompt: !continueFinal, ...tokensOfFormat } };
}

/** Kept tokens, unless one is none of this vocabulary: then they are another model's, and the text counts. */
function usable(tokens: readonly number[] | undefined, vocabSize: number): readonly number[] | undefined {
  return tokens?.every((id) => id >= 0 && id < vocabSize) ? tokens : undefined;
}

/** Tokens that an answer may have; there must be room for at least one. @throws LonghandError `context-length-exceeded` */
export function checkRoom(promptTokens: number, contextTokens: number): number {
  const room = contextTokens - promptTokens;
  if (room > 0) return room;
  throw new LonghandError(
    'context-length-exceeded',
    `The conversation has ${promptTokens} tokens; the model reads at most ${contextTokens}.`,
    { promptTokens, contextTokens },
  );
}

/** How the answer's keys and values were kept, and how what lies far behind was read. */
function formOf(model: Model, sequence: KvSequence, { mean }: Recall): Pick<Metrics, 'kvType' | 'beyond' | 'sparse'> {
  const { kvType, beyond, sparse } = model.info;
  return {
    kvType,
    beyond: beyond !== null && sequence.length > beyond.fromTokens ? beyond : null,
    sparse: sparse !== null && model.readsSparsely(sequence) ? { ...sparse, recall: mean } : null,
  };
}

/** Times of one answer. */
class Clock {
  readonly prompt: number;
  cached = 0;
  /** What came from the disk; nothing: {}. */
  fromDisk: { restoredTokens?: number; restoreMs?: number } = {};
  readonly #started = performance.now();
  #prefillMs: number | null = null;
  #firstTokenMs = 0;
  generated = 0;

  constructor(prompt: number) {
    this.prompt = prompt;
  }

  restored(restoredTokens: number): void {
    if (restoredTokens > 0) this.fromDisk = { restoredTokens, restoreMs: this.#elapsed() };
  }

  prefilled(): void {
    this.#prefillMs = this.#elapsed();
  }

  token(): void {
    if (this.generated++ === 0) this.#firstTokenMs = this.#elapsed();
  }

  metrics(): Metrics {
    const total = this.#elapsed();
    const prefillMs = this.#prefillMs ?? total;
    const decodeMs = total - prefillMs;
    const newTokens = this.prompt - this.cached;
    const finished = this.#prefillMs !== null;
    return {
      promptTokens: this.prompt,
      cachedTokens: this.cached,
      ...this.fromDisk,
      newTokens,
      generatedTokens: this.generated,
      prefillMs,
      decodeMs,
      firstTokenMs: this.#firstTokenMs,
      prefillTokensPerSecond: finished && prefillMs > 0 ? (newTokens / prefillMs) * 1000 : null,
      // The first token comes out of the prefill.
      decodeTokensPerSecond: this.generated > 1 && decodeMs > 0 ? ((this.generated - 1) / decodeMs) * 1000 : null,
    };
  }

  #elapsed(): number {
    return performance.now() - this.#started;
  }
}
