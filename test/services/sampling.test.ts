import { describe, expect, it } from 'vitest';
import { sampling as schema } from '../../main/contract/engine.ts';
import { settings as settingsSchema } from '../../main/contract/system.ts';
import { chooseSampling } from '../../main/services/chat/sampling.ts';
import { installModel, startAssistant, tempFolder, until } from './assistant-support.ts';

const defaults = schema.parse({});
const noSettings = settingsSchema.parse({});

describe('choosing how an answer is sampled', () => {
  it('takes the call, the conversation, the settings, the model and the defaults, in this order', () => {
    const model = { temperature: 0.1, topP: 0.1, topK: 1, minP: 0.1 };
    const settings = { ...noSettings, temperature: 0.2, topP: 0.2, topK: 2 };
    const conversation = { temperature: 0.4, topP: 0.4 };
    const chosen = chooseSampling({ temperature: 0.3 }, settings, { conversation, model });
    expect(chosen).toMatchObject({ temperature: 0.3, topP: 0.4, topK: 2, minP: 0.1 });
    expect(chosen.repetitionPenalty).toBe(defaults.repetitionPenalty);
  });

  it('lets a call ask for greedy decoding, which is zero and not nothing', () => {
    expect(chooseSampling({ temperature: 0 }, { ...noSettings, temperature: 0.9 }).temperature).toBe(0);
  });

  it('ignores what a call leaves undefined', () => {
    expect(chooseSampling({ topK: undefined }, { ...noSettings, topK: 5 }).topK).toBe(5);
  });

  it('draws a seed unless one is given, so that the answer can be had again', () => {
    const seeds = new Set(Array.from({ length: 5 }, () => chooseSampling({}, noSettings).seed));
    expect(seeds.size).toBe(5);
    expect([...seeds].every((seed) => Number.isInteger(seed))).toBe(true);
    expect(chooseSampling({}, { ...noSettings, seed: 3 }).seed).toBe(3);
    expect(chooseSampling({ seed: 0 }, { ...noSettings, seed: 3 }).seed).toBe(0);
  });
});

describe('settings over the contract', () => {
  it('change one without touching the others, and reach the engine with the next answer', async () => {
    const dataDir = tempFolder();
    installModel(dataDir);
    const { client, engine } = startAssistant({ dataDir });
    engine.sampling = { topP: 0.5, topK: 9 };
    await client.system.changeSettings({ temperature: 1.5, theme: 'dark' });
    await client.system.changeSettings({ topK: 3 });
    expect(await client.system.settings()).toMatchObject({ temperature: 1.5, theme: 'dark', topK: 3, seed: null });

    await until(async () => (await client.models.status()).state === 'ready');
    const { id } = await client.chat.create({});
    await client.chat.send({ conversationId: id, text: 'Hi', sampling: { temperature: 0 } });
    const answer = await engine.nextAnswer();
    expect(answer.sampling).toMatchObject({ temperature: 0, topK: 3, topP: 0.5, minP: defaults.minP });
  });

  it('give way to what one conversation wants, until it wants nothing any more', async () => {
    const dataDir = tempFolder();
    installModel(dataDir);
    const { client, engine } = startAssistant({ dataDir });
    await client.system.changeSettings({ temperature: 1.5, topK: 3 });
    await until(async () => (await client.models.status()).state === 'ready');
    const { id, sampling } = await client.chat.create({});
    expect(sampling).toBeNull();
    const ask = async (text: string) => {
      const { reply } = await client.chat.send({ conversationId: id, text });
      const answer = (await engine.nextAnswer()).say('ok').end();
      await until(
        async () => (await client.chat.path({ id })).find((one) => one.id === reply.id)?.state === 'complete',
      );
      return answer.sampling;
    };
    expect(await client.chat.setSampling({ id, sampling: { temperature: 0.2 } })).toMatchObject({
      sampling: { temperature: 0.2 },
    });
    expect(await ask('one')).toMatchObject({ temperature: 0.2, topK: 3 });
    await client.chat.setSampling({ id, sampling: null });
    expect(await ask('two')).toMatchObject({ temperature: 1.5, topK: 3 });
  });

  it('survive a restart, and one that cannot be read any more counts as not set', async () => {
    const first = startAssistant();
    await first.client.system.changeSettings({ temperature: 1.5, language: 'zh-CN' });
    await first.close();
    const { openStore } = await import('../../main/services/store/open.ts');
    const store = openStore(`${first.dataDir}/longhand.db`);
    store.settings.set({ language: 'tlh', fromTheFuture: { a: 1 } });
    store.close();
    const second = startAssistant({ dataDir: first.dataDir });
    expect(await second.client.system.settings()).toMatchObject({ temperature: 1.5, language: 'system' });
  });

  it('refuse a value out of range', async () => {
    const { client } = startAssistant();
    await expect(client.system.changeSettings({ temperature: -1 })).rejects.toMatchObject({ code: 'invalid-input' });
  });
});
