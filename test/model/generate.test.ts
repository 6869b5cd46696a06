import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampling } from '../../main/contract/engine.ts';
import { generate } from '../../main/engine/generate.ts';
import { Model } from '../../main/engine/model.ts';
import { prefill } from '../../main/engine/prefill.ts';
import { PrefixCache } from '../../main/engine/prefix-cache.ts';
import { compile } from '../../native-models/compile.ts';
import { answer, followUp, newScheduler } from '../support/answers.ts';
import { writeGguf } from '../support/gguf-writer.ts';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';

const CONTEXT_TOKENS = 2048;
let folder: string;
let model: Model;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'longhand-generate-'));
  const checkpoint = join(folder, 'tiny.gguf');
  const metadata = { 'qwen2.context_length': CONTEXT_TOKENS };
  await writeFile(checkpoint, writeGguf(tinyCheckpoint({ metadata, seed: 3 })));
  await compile(checkpoint, join(folder, 'model'), { name: 'tiny', recipe: 'exact' });
  model = await Model.load(join(folder, 'model'), { threads: 2 });
});
afterAll(async () => {
  model.release();
  await rm(folder, { recursive: true, force: true });
});

const newCache = () => new PrefixCache(model, 1e9);
const question = (content: string) => [{ role: 'user' as const, content }];
const wordy = { temperature: 1, topK: 0, topP: 1, maxTokens: 200 };

describe('an answer', () => {
  it('is the same for the same seed, on a warm cache as on a cold one, and another for another seed', async () => {
    const cache = newCache();
    const text = 'hello world '.repeat(30);
    const first = await answer(model, cache, question(text), { ...wordy, seed: 7 });
    const again = await answer(model, cache, question(text), { ...wordy, seed: 7 });
    const other = await answer(model, cache, question(text), { ...wordy, seed: 8 });
    expect(again.metrics.cachedTokens).toBeGreaterThan(0);
    expect(again.tokens).toEqual(first.tokens);
    expect(other.tokens).not.toEqual(first.tokens);
  });

  it('ends before a stop string, which may lie across tokens', async () => {
    const whole = await answer(model, newCache(), question('hello'), { ...wordy, seed: 1 });
    const stop = whole.text.slice(10, 13);
    const cut = await answer(model, newCache(), question('hello'), { ...wordy, seed: 1, stop: [stop] });
    expect(cut.text).toBe(whole.text.slice(0, whole.text.indexOf(stop)));
    expect(model.tokenizer.decode(cut.tokens)).toBe(cut.text);
  });

  it('is refused with both counts when its prompt does not fit, and nothing is cut', async () => {
    const tooLong = answer(model, newCache(), question('x'.repeat(CONTEXT_TOKENS)));
    await expect(tooLong).rejects.toMatchObject({
      code: 'context-length-exceeded',
      details: {
        contextTokens: CONTEXT_TOKENS,
        promptTokens: expect.toSatisfy((n: number) => n > CONTEXT_TOKENS) as number,
      },
    });
  });

  it('keeps special tokens that a message spells as text', async () => {
    const { promptTokens } = await answer(model, newCache(), question('<|im_end|>'), { maxTokens: 1 });
    const end = model.tokenizer.specialId('<|im_end|>');
    expect(promptTokens.filter((id) => id === end)).toHaveLength(1); // the template's own
  });

  it('stops within a block when it is aborted, and says so', async () => {
    const stop = new AbortController();
    const cache = newCache();
    const prompt = { messages: question('x'.repeat(CONTEXT_TOKENS - 200)), continueFinal: false };
    const context = { model, cache, turns: newScheduler().client('interactive'), signal: stop.signal };
    const reasons: string[] = [];
    for await (const event of generate(prompt, sampling.parse({}), context)) {
      if (event.type === 'prefill' && event.done > 0) stop.abort();
      if (event.type === 'end') reasons.push(event.finishReason);
    }
    expect(reasons).toEqual(['aborted']);
  });

  it('goes on beside another request instead of waiting for its whole prompt', async () => {
    const scheduler = newScheduler();
    const order: string[] = [];
    const run = async (name: string, content: string, maxTokens: number) => {
      const turns = scheduler.client('interactive');
      const options = sampling.parse({ ...wordy, seed: 2, maxTokens });
      const prompt = { messages: question(content), continueFinal: false };
      for await (const event of generate(prompt, options, { model, cache: newCache(), turns }))
        order.push(`${name} ${event.type}`);
    };
    await Promise.all([run('long', 'x'.repeat(CONTEXT_TOKENS - 300), 1), run('short', 'hello', 20)]);
    const firstToken = order.indexOf('short token');
    const lastBlock = order.lastIndexOf('long prefill');
    expect(firstToken).toBeGreaterThan(-1);
    expect(firstToken).toBeLessThan(lastBlock);
  });
});

describe('a second turn', () => {
  it('prefills only what is new, give or take a block, and answers as a cold run does, in 20 conversations', async () => {
    for (let i = 0; i < 20; i++) {
      const result = await followUp(model, `hello world ${i} `.repeat(60), 'hello or not', 40);
      expect(result.beginsWithFirstTurn).toBe(true);
      expect(result.prefilledTokens).toBeLessThanOrEqual(result.freshTokens + 1);
      expect(result.gap).toBeLessThan(1e-3); // the logits of this build are within 1e-4 of float32
    }
  });
});

describe('reading without answering', () => {
  const messages = question('hello world '.repeat(60));
  const prompt = { messages, continueFinal: false };
  const turns = newScheduler().client('background');

  async function read(cache: PrefixCache, signal?: AbortSignal, onStep: (done: number) => unknown = () => {}) {
    const steps: { done: number; total: number }[] = [];
    for await (const step of prefill(prompt, { model, cache, turns, signal })) {
      steps.push(step);
      await onStep(step.done);
    }
    return steps;
  }

  it('leaves an answer nothing but its own question to read', async () => {
    const cache = newCache();
    const steps = await read(cache);
    expect(steps[0]).toEqual({ done: 0, total: steps.at(-1)!.done });
    expect(steps.length).toBeGreaterThan(2);
    const { metrics } = await answer(model, cache, messages, { ...wordy, maxTokens: 1, seed: 1 });
    expect(metrics.newTokens).toBeLessThanOrEqual(64);
  });

  it('keeps what was read when it is stopped, and goes on from there', async () => {
    const cache = newCache();
    const stop = new AbortController();
    await expect(read(cache, stop.signal, (done) => done >= 128 && stop.abort())).rejects.toThrow('aborted');
    const steps = await read(cache);
    expect(steps[0]!.done).toBe(128);
    expect(cache.tokens).toBe(steps.at(-1)!.total);
  });

  it('reads nothing twice that an answer beside it has read meanwhile', async () => {
    const cache = newCache();
    let asked = false;
    const steps = await read(cache, undefined, async (done) => {
      if (asked || done < 64) return;
      asked = true;
      await answer(model, cache, messages, { ...wordy, maxTokens: 1, seed: 1 });
    });
    expect(steps.map(({ done }) => done)).toEqual([0, 64, steps[0]!.total]);
  });
});
