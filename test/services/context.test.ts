import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LonghandClient } from '../../main/contract/index.ts';
import { contextOptions } from '../../main/contract/models.ts';
import { compile } from '../../native-models/compile.ts';
import { writeGguf } from '../support/gguf-writer.ts';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';
import { chosenKvType } from '../../main/services/models/load-options.ts';
import {
  attach,
  failureOf,
  installModel,
  ScriptedEngine,
  startAssistant,
  tempFolder,
  until,
} from './assistant-support.ts';

const ready = (client: LonghandClient) =>
  until(async () => {
    const status = await client.models.status();
    return status.state === 'ready' ? status : null;
  });

async function start(claimed = 8192) {
  const dataDir = tempFolder();
  installModel(dataDir, 'tiny', { contextTokens: claimed });
  const started = startAssistant({ dataDir });
  started.engine.contextTokens = claimed;
  await ready(started.client);
  return { ...started, dataDir };
}

describe('the context of a model', () => {
  it('is as the checkpoint claims until another one is chosen', async () => {
    const { client, engine } = await start();
    expect(engine.inputs).toEqual([expect.objectContaining({ contextTokens: null, method: 'dca', kvType: 'float32' })]);
    expect((await client.models.status()).context).toEqual({
      contextTokens: 8192,
      claimedTokens: 8192,
      beyond: null,
      sparse: null,
      kvType: 'float32',
    });
  });

  it('is loaded as chosen, now and after a restart', async () => {
    const { client, engine, close, dataDir } = await start();
    await client.models.setContext({ name: 'tiny', contextTokens: 32_768, kvType: 'int8' });
    const { context } = await ready(client);
    expect(context).toEqual({
      contextTokens: 32_768,
      claimedTokens: 8192,
      beyond: { method: 'dca', fromTokens: 8192 },
      sparse: null,
      kvType: 'int8',
    });
    await client.models.setContext({ name: 'tiny', method: 'yarn' });
    await ready(client);
    const findings = await client.system.doctor();
    const values = { contextTokens: 32_768, kvType: 'int8', method: 'yarn', fromTokens: 8192 };
    expect(findings.find(({ id }) => id === 'context')).toMatchObject({ level: 'ok', code: 'context-beyond', values });
    expect(engine.inputs.at(-1)).toMatchObject({ contextTokens: 32_768, method: 'yarn', kvType: 'int8' });
    await close();
    const again = startAssistant({ dataDir });
    await ready(again.client);
    expect(again.engine.inputs.at(-1)).toMatchObject({ contextTokens: 32_768, method: 'yarn', kvType: 'int8' });
  });

  it('is read sparsely where that is chosen, as far as it is long enough', async () => {
    const { client, engine, close, dataDir } = await start();
    expect(engine.inputs).toEqual([expect.objectContaining({ sparse: false })]);
    await client.models.setContext({ name: 'tiny', sparse: true });
    expect((await ready(client)).context?.sparse).toBeNull();
    await client.models.setContext({ name: 'tiny', contextTokens: 32_768 });
    const inForce = { fromTokens: 16_384, readTokens: 6144 };
    expect((await ready(client)).context?.sparse).toEqual(inForce);
    const { options, sparse } = await client.models.contexts({ name: 'tiny' });
    expect([options.sparse, sparse]).toEqual([true, inForce]);
    await close();
    const again = startAssistant({ dataDir });
    await ready(again.client);
    expect(again.engine.inputs.at(-1)).toMatchObject({ contextTokens: 32_768, sparse: true });
  });

  it('changes only once the running answer has ended, which loses nothing', async () => {
    const { client, engine } = await start();
    const { id } = await client.chat.create({});
    await client.chat.send({ conversationId: id, text: 'Hi' });
    const answer = (await engine.nextAnswer()).say('Hel');
    await client.models.setContext({ name: 'tiny', kvType: 'float16' });
    expect(engine.inputs).toHaveLength(1);
    answer.say('lo').end();
    expect((await ready(client)).context?.kvType).toBe('float16');
    expect((await client.chat.path({ id })).at(-1)).toMatchObject({ text: 'Hello', state: 'complete' });
  });

  it('is not loaded anew for a choice that changes nothing', async () => {
    const { client, engine } = await start();
    await client.models.setContext({ name: 'tiny', kvType: 'auto' });
    await client.models.setContext({ name: 'tiny', contextTokens: null });
    expect(engine.inputs).toHaveLength(1);
    expect((await failureOf(client.models.setContext({ name: 'none', kvType: 'int8' }))).code).toBe('model-not-found');
  });

  it('is loaded as chosen by an engine that was started again', async () => {
    const { client, engine, assistant } = await start();
    await client.models.setContext({ name: 'tiny', kvType: 'int8' });
    await ready(client);
    engine.die();
    const next = new ScriptedEngine();
    attach(assistant, 'engine', next);
    await until(() => next.inputs.length > 0);
    expect(next.inputs[0]).toMatchObject({ kvType: 'int8' });
  });
});

describe('the form of the cache, left to us,', () => {
  const shape = { layers: 24, heads: 14, kvHeads: 2, headDim: 64 };
  const auto = contextOptions.parse({});
  const bytes = 24 * 2 * 2 * 64 * 4; // of a token in float32

  it('is exact while a whole context takes at most a quarter of memory, and int8 beyond', () => {
    expect(chosenKvType(shape, 32_768, auto, 4 * bytes * 32_768)).toBe('float32');
    expect(chosenKvType(shape, 32_768, auto, 4 * bytes * 32_768 - 4)).toBe('int8');
  });

  it('is what was chosen otherwise', () => {
    expect(chosenKvType(shape, 1e6, { kvType: 'float32' }, 1)).toBe('float32');
    expect(chosenKvType(shape, 256, { kvType: 'float16' }, 1e12)).toBe('float16');
  });
});

describe('the price of reading a prompt', () => {
  /** An assistant with a model that was really compiled, on a machine that is as the scripted engine says. */
  async function startCompiled() {
    const dataDir = tempFolder();
    const file = join(dataDir, 'tiny.gguf');
    writeFileSync(file, writeGguf(tinyCheckpoint({ metadata: { 'qwen2.context_length': 100_000 } })));
    mkdirSync(join(dataDir, 'models'));
    await compile(file, join(dataDir, 'models', 'tiny'), { name: 'tiny', recipe: 'exact' });
    const started = startAssistant({ dataDir });
    await ready(started.client);
    return started;
  }

  it('is that of what is not cached, by what was measured here', async () => {
    const { client, engine } = await startCompiled();
    const whole = (await client.models.readingPrice({ promptTokens: 40_000, cachedTokens: 0 }))!;
    const half = (await client.models.readingPrice({ promptTokens: 20_000, cachedTokens: 0 }))!;
    const rest = (await client.models.readingPrice({ promptTokens: 40_000, cachedTokens: 20_000 }))!;
    // Of two layers and four heads of 16 values, a pair costs (16 + 64) / (128 + 64) of a measured one.
    const attention = (tokens: number) => (2 * 4 * tokens ** 2 * 80) / 192 / 2 / 200e6;
    expect(whole.seconds - 2 * half.seconds).toBeCloseTo(attention(40_000) - 2 * attention(20_000), 1);
    expect(rest.seconds).toBeCloseTo(whole.seconds - half.seconds, 1);
    expect(rest.kvBytes).toBe(20_000 * 2 * 2 * 2 * 16 * 4);
    expect(whole.followUpSeconds).toBeLessThan(0.1);
    expect(whole.fits).toBe(true);
    expect(engine.probed.length).toBeGreaterThan(0);
  });

  it('is not worth measuring the machine for where little is read', async () => {
    const { client, engine } = await startCompiled();
    expect(await client.models.readingPrice({ promptTokens: 900, cachedTokens: 0 })).toBeNull();
    expect(engine.probed).toEqual([]);
  });
});
