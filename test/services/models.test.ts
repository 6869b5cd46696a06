import { existsSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LonghandError } from '../../main/contract/errors.ts';
import type { LonghandClient } from '../../main/contract/index.ts';
import type { ModelStatus } from '../../main/contract/models.ts';
import {
  attach,
  failureOf,
  installModel,
  startAssistant,
  tempFolder,
  until,
  watchConversation,
} from './assistant-support.ts';

const reaches = (client: LonghandClient, state: ModelStatus['state']) =>
  until(async () => {
    const status = await client.models.status();
    return status.state === state ? status : null;
  });

const ask = async (client: LonghandClient, text = 'Hi') => {
  const { id } = await client.chat.create({});
  return client.chat.send({ conversationId: id, text });
};

describe('at start', () => {
  it('loads the newest installed model', async () => {
    const dataDir = tempFolder();
    installModel(dataDir, 'old');
    installModel(dataDir, 'new');
    const { client, engine } = startAssistant({ dataDir });
    const { model, contextTokens } = await reaches(client, 'ready');
    expect(model).toMatchObject({ name: 'new', loaded: true });
    expect(contextTokens).toBe(100);
    expect(engine.loads).toEqual(['new']);
    expect((await client.models.list()).map(({ name, loaded }) => [name, loaded])).toEqual([
      ['new', true],
      ['old', false],
    ]);
  });

  it('loads the one that was chosen, also after a restart, and another where that is gone', async () => {
    const dataDir = tempFolder();
    const chosen = installModel(dataDir, 'old');
    installModel(dataDir, 'new');
    const first = startAssistant({ dataDir });
    await reaches(first.client, 'ready');
    await first.client.models.use({ name: 'old' });
    expect((await reaches(first.client, 'ready')).model?.name).toBe('old');
    await first.close();
    const second = startAssistant({ dataDir });
    expect((await reaches(second.client, 'ready')).model?.name).toBe('old');
    await second.close();
    rmSync(chosen, { recursive: true });
    expect((await reaches(startAssistant({ dataDir }).client, 'ready')).model?.name).toBe('new');
  });

  it('has no model where none is installed, and says so to a message', async () => {
    const { client } = startAssistant();
    expect(await client.models.status()).toMatchObject({ state: 'none', model: null, error: null });
    const { id } = await client.chat.create({});
    const error = await failureOf(client.chat.send({ conversationId: id, text: 'Hi' }));
    expect(error.code).toBe('no-model');
    expect(await client.chat.path({ id })).toEqual([]);
    expect((await failureOf(client.chat.count({ text: 'Hi' }))).code).toBe('no-model');
  });

  it('removes what a compiler that was killed left behind, but not what is being written', async () => {
    const dataDir = tempFolder();
    installModel(dataDir);
    const partial = join(dataDir, 'models', 'other.partial');
    const fresh = join(dataDir, 'models', 'fresh.partial');
    for (const dir of [partial, fresh]) {
      mkdirSync(dir);
      writeFileSync(join(dir, 'weights.bin'), 'half');
    }
    const long = new Date(Date.now() - 60_000);
    for (const path of [join(partial, 'weights.bin'), partial]) utimesSync(path, long, long);
    const { client } = startAssistant({ dataDir });
    expect((await client.models.list()).map(({ name }) => name)).toEqual(['tiny']);
    expect(existsSync(partial)).toBe(false);
    expect(existsSync(fresh)).toBe(true);
  });

  it('ignores folders that are no models of ours', async () => {
    const dataDir = tempFolder();
    for (const [name, text] of [
      ['broken', '{"format":1'],
      ['foreign', '{"a":1}'],
    ] as const) {
      mkdirSync(join(dataDir, 'models', name), { recursive: true });
      writeFileSync(join(dataDir, 'models', name, 'manifest.json'), text);
    }
    writeFileSync(join(dataDir, 'models', 'notes.txt'), 'x');
    const { client } = startAssistant({ dataDir });
    expect(await client.models.list()).toEqual([]);
    expect((await client.models.status()).state).toBe('none');
  });
});

describe('a first message', () => {
  it('waits while the model loads, and says so by its state', async () => {
    const dataDir = tempFolder();
    installModel(dataDir);
    const { client, engine, assistant } = startAssistant({ dataDir, connectEngine: false });
    const loaded = Promise.withResolvers<void>();
    engine.holdLoads = loaded.promise;
    const { reply } = await ask(client);
    const watched = await watchConversation(client, reply.conversationId);
    expect(watched.last()?.state).toBe('waiting');
    attach(assistant, 'engine', engine);
    await until(() => engine.loads.length === 1);
    expect((await client.models.status()).state).toBe('loading');
    loaded.resolve();
    (await engine.nextAnswer()).say('Hello').end();
    expect(await watched.reaches('complete')).toMatchObject({ text: 'Hello', model: 'tiny' });
  });

  it('can be stopped while it waits', async () => {
    const dataDir = tempFolder();
    installModel(dataDir);
    const { client } = startAssistant({ dataDir, connectEngine: false });
    const { reply } = await ask(client);
    await client.chat.stop({ messageId: reply.id });
    expect((await client.chat.path({ id: reply.conversationId })).at(-1)?.state).toBe('stopped');
  });

  it('fails with the reason when the model turns out to be damaged', async () => {
    const dataDir = tempFolder();
    installModel(dataDir);
    const { client, engine, assistant } = startAssistant({ dataDir, connectEngine: false });
    engine.loadError = new LonghandError('model-damaged', 'weights.bin is too short.', { expected: 9, found: 7 });
    const { reply } = await ask(client);
    const watched = await watchConversation(client, reply.conversationId);
    attach(assistant, 'engine', engine);
    const failed = await watched.reaches('failed');
    expect(failed.error).toMatchObject({ code: 'model-damaged', details: { expected: 9, found: 7 } });
    expect(await client.models.status()).toMatchObject({ state: 'failed', error: { code: 'model-damaged' } });
    expect((await failureOf(ask(client))).code).toBe('model-damaged');
  });

  it('that turns out too long for the model fails then, with both counts', async () => {
    const dataDir = tempFolder();
    installModel(dataDir);
    const { client, engine, assistant } = startAssistant({ dataDir, connectEngine: false });
    const { reply } = await ask(client, 'word '.repeat(200));
    const watched = await watchConversation(client, reply.conversationId);
    attach(assistant, 'engine', engine);
    const counts = { promptTokens: 200, contextTokens: 100 };
    (await engine.nextAnswer()).fail(new LonghandError('context-length-exceeded', 'Too long.', counts));
    expect((await watched.reaches('failed')).error).toMatchObject({ code: 'context-length-exceeded', details: counts });
  });
});

describe('choosing another model', () => {
  it('is refused by name when there is none, and while an answer runs', async () => {
    const dataDir = tempFolder();
    installModel(dataDir, 'a');
    installModel(dataDir, 'b');
    const { client, engine } = startAssistant({ dataDir });
    await reaches(client, 'ready');
    const error = await failureOf(client.models.use({ name: 'c' }));
    expect(error).toMatchObject({ code: 'model-not-found', details: { name: 'c', installed: ['b', 'a'] } });

    const { reply } = await ask(client);
    await engine.nextAnswer();
    const refusal = await failureOf(client.models.use({ name: 'a' }));
    expect(refusal).toMatchObject({ code: 'model-in-use', details: { name: 'b', holder: 'answer' } });
    await client.chat.stop({ messageId: reply.id });
    expect((await client.models.use({ name: 'a' })).state).toBe('loading');
    await until(() => engine.model?.name === 'a');
  });

  it('waits for the engine to end the block that it computes for a stopped answer', async () => {
    const dataDir = tempFolder();
    installModel(dataDir, 'a');
    installModel(dataDir, 'b');
    const { client, engine } = startAssistant({ dataDir });
    await reaches(client, 'ready');
    engine.loadError = new LonghandError('model-in-use', 'An answer is being computed.');
    await client.models.use({ name: 'a' });
    await until(() => engine.loads.length >= 2);
    engine.loadError = null;
    expect((await reaches(client, 'ready')).model?.name).toBe('a');
  });

  it('works through the settings too, and refuses a model that is not there', async () => {
    const dataDir = tempFolder();
    installModel(dataDir, 'a');
    installModel(dataDir, 'b');
    const { client } = startAssistant({ dataDir });
    await reaches(client, 'ready');
    await client.system.changeSettings({ model: 'a' });
    await until(async () => (await reaches(client, 'ready')).model?.name === 'a');
    expect((await failureOf(client.system.changeSettings({ model: 'c', temperature: 2 }))).code).toBe(
      'model-not-found',
    );
    expect(await client.system.settings()).toMatchObject({ model: 'a', temperature: null });
  });

  it('loads anew with another number of threads once no answer runs', async () => {
    const dataDir = tempFolder();
    installModel(dataDir);
    const { client, engine } = startAssistant({ dataDir });
    await reaches(client, 'ready');
    const { reply } = await ask(client);
    const answer = await engine.nextAnswer();
    await client.system.changeSettings({ threads: 3 });
    answer.say('unhurt').end();
    await until(() => engine.loads.length === 2);
    expect(engine.threads).toEqual([null, 3]);
    expect((await client.chat.path({ id: reply.conversationId })).at(-1)).toMatchObject({
      text: 'unhurt',
      state: 'complete',
    });
  });

  it('loads once when the model and the number of threads change together', async () => {
    const dataDir = tempFolder();
    installModel(dataDir, 'a');
    installModel(dataDir, 'b');
    const { client, engine } = startAssistant({ dataDir });
    await reaches(client, 'ready');
    await client.system.changeSettings({ model: 'a', threads: 3 });
    expect((await reaches(client, 'ready')).model?.name).toBe('a');
    expect(engine.loads).toEqual(['b', 'a']);
    expect(engine.threads).toEqual([null, 3]);
    await client.system.changeSettings({ model: 'a', threads: 3, theme: 'dark' });
    expect(engine.loads).toHaveLength(2);
  });

  it('tells watchers of the status each step', async () => {
    const dataDir = tempFolder();
    installModel(dataDir, 'a');
    installModel(dataDir, 'b');
    const { client } = startAssistant({ dataDir });
    await reaches(client, 'ready');
    const seen: string[] = [];
    const stop = new AbortController();
    const watching = (async () => {
      for await (const { state, model } of await client.models.watch(undefined, { signal: stop.signal })) {
        seen.push(`${state} ${model?.name}`);
      }
    })().catch(() => {});
    await until(() => seen.length === 1);
    await client.models.use({ name: 'a' });
    await until(() => seen.at(-1) === 'ready a');
    expect(seen).toEqual(['ready b', 'loading a', 'ready a']);
    stop.abort();
    await watching;
  });
});

describe('removing a model', () => {
  it('deletes its folder, and the next one answers', async () => {
    const dataDir = tempFolder();
    installModel(dataDir, 'a');
    const folder = installModel(dataDir, 'b');
    const { client, engine } = startAssistant({ dataDir });
    await reaches(client, 'ready');
    await client.models.use({ name: 'b' });
    await client.models.remove({ name: 'b' });
    expect(existsSync(folder)).toBe(false);
    expect(engine.unloads).toBe(1);
    expect((await reaches(client, 'ready')).model?.name).toBe('a');
    expect((await client.system.settings()).model).toBe(null);
    await client.models.remove({ name: 'a' });
    expect((await client.models.status()).state).toBe('none');
    expect(readdirSync(join(dataDir, 'models'))).toEqual([]);
    expect((await failureOf(client.models.remove({ name: 'a' }))).code).toBe('model-not-found');
  });

  it('is refused while it answers, and another one may go meanwhile', async () => {
    const dataDir = tempFolder();
    installModel(dataDir, 'a');
    const folder = installModel(dataDir, 'b');
    const { client, engine } = startAssistant({ dataDir });
    await reaches(client, 'ready');
    const { reply } = await ask(client);
    const answer = await engine.nextAnswer();
    expect((await failureOf(client.models.remove({ name: 'b' }))).code).toBe('model-in-use');
    expect(existsSync(folder)).toBe(true);
    await client.models.remove({ name: 'a' });
    answer.say('still here').end();
    await until(async () => (await client.chat.path({ id: reply.conversationId })).at(-1)?.state === 'complete');
    await client.models.remove({ name: 'b' });
  });
});

describe('a model whose folder vanishes while the app runs', () => {
  it('is named as gone at the next message, which does not hang', async () => {
    const dataDir = tempFolder();
    const folder = installModel(dataDir);
    const { client } = startAssistant({ dataDir });
    await reaches(client, 'ready');
    rmSync(folder, { recursive: true });
    const error = await failureOf(ask(client));
    expect(error).toMatchObject({ code: 'model-not-found', details: { name: 'tiny', path: folder } });
    expect(await client.models.status()).toMatchObject({ state: 'failed', error: { code: 'model-not-found' } });
    expect(await client.models.list()).toEqual([]);
  });

  it('gives way to another one that is chosen, or to itself once it is back', async () => {
    const dataDir = tempFolder();
    installModel(dataDir, 'other');
    const folder = installModel(dataDir);
    const { client } = startAssistant({ dataDir });
    await reaches(client, 'ready');
    rmSync(folder, { recursive: true });
    await failureOf(ask(client));
    await client.models.use({ name: 'other' });
    expect((await reaches(client, 'ready')).model?.name).toBe('other');
  });
});
