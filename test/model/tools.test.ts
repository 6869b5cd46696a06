import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sampling, type EngineMessage } from '../../main/contract/engine.ts';
import { generate } from '../../main/engine/generate.ts';
import { Model } from '../../main/engine/model.ts';
import { PrefixCache } from '../../main/engine/prefix-cache.ts';
import { tools } from '../../main/services/tools/index.ts';
import { definitionOf } from '../../main/services/tools/tool.ts';
import { compile } from '../../native-models/compile.ts';
import { newScheduler } from '../support/answers.ts';
import { writeGguf } from '../support/gguf-writer.ts';
import { qwen25 } from '../support/golden-tokenizers.ts';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';

let folder: string;
let model: Model;

// A random model with the chat template of Qwen2.5.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'longhand-tools-'));
  const checkpoint = join(folder, 'tiny.gguf');
  const metadata = { 'qwen2.context_length': 4096, 'tokenizer.chat_template': qwen25().chatTemplate };
  await writeFile(checkpoint, writeGguf(tinyCheckpoint({ metadata, seed: 3 })));
  await compile(checkpoint, join(folder, 'model'), { name: 'tiny', recipe: 'exact' });
  model = await Model.load(join(folder, 'model'), { threads: 2 });
});
afterAll(async () => {
  model.release();
  await rm(folder, { recursive: true, force: true });
});

it('a round after a call, and the turn after that, read only what is new', async () => {
  expect(model.info.toolFormat).toBe('hermes');
  const cache = new PrefixCache(model, 1e9);
  const round = async (messages: EngineMessage[]) => {
    const prompt = { messages, continueFinal: false, tools: tools.map(definitionOf) };
    const wordy = sampling.parse({ temperature: 1, topK: 0, topP: 1, maxTokens: 40, seed: 1 });
    const tokens: number[] = [];
    let start = { promptTokens: 0, cachedTokens: 0 };
    for await (const event of generate(prompt, wordy, { model, cache, turns: newScheduler().client('interactive') })) {
      if (event.type === 'start') start = event;
      if (event.type === 'token') tokens.push(...event.tokens);
    }
    return { ...start, tokens };
  };
  const asked: EngineMessage[] = [{ role: 'user', content: 'How long are they?' }];
  const first = await round(asked);
  const called: EngineMessage[] = [
    ...asked,
    { role: 'assistant', content: '', tokens: first.tokens },
    { role: 'tool', content: 'total\n4601.5' },
  ];
  const second = await round(called);
  // The last token that was generated has no keys and values yet.
  expect(second.cachedTokens).toBeGreaterThanOrEqual(first.promptTokens + first.tokens.length - 1);
  const next = await round([
    ...called,
    { role: 'assistant', content: '', tokens: second.tokens },
    { role: 'user', content: 'And the next?' },
  ]);
  expect(next.cachedTokens).toBeGreaterThanOrEqual(second.promptTokens + second.tokens.length - 1);
  expect(next.promptTokens - next.cachedTokens).toBeLessThan(80); // the question, and what the template writes around it
});
