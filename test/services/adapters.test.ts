import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LonghandClient } from '../../main/contract/index.ts';
import { failureOf, installModel, startAssistant, tempFolder, until } from './assistant-support.ts';

const REPOSITORY = 'Qwen/Qwen2.5-0.5B-Instruct';

/** An assistant with an adapter to import, and the base of it among what was fetched, if `isFetched`. */
function start({ isFetched = true } = {}) {
  const dataDir = tempFolder();
  const adapter = join(dataDir, 'adapter');
  mkdirSync(adapter);
  writeFileSync(join(adapter, 'adapter_model.safetensors'), 'x');
  const fetched = join(dataDir, 'downloads', 'Qwen--Qwen2.5-0.5B-Instruct--preferred');
  if (isFetched) {
    mkdirSync(fetched, { recursive: true });
    writeFileSync(join(fetched, 'model.safetensors'), 'four');
    const files = [{ name: 'model.safetensors', sizeBytes: 4, checksum: null }];
    writeFileSync(join(fetched, 'checkpoint.json'), JSON.stringify({ repository: REPOSITORY, main: null, files }));
  }
  const started = startAssistant({ dataDir });
  started.reader.needsBase = REPOSITORY;
  return { ...started, dataDir, adapter, fetched };
}

const ended = (client: LonghandClient, id: string) =>
  until(async () => {
    const job = (await client.jobs.list()).find((one) => one.id === id)!;
    return ['done', 'failed'].includes(job.state) ? job : null;
  });

describe('importing an adapter', () => {
  it('compiles it with the base that is named by its path', async () => {
    const { client, reader, adapter, dataDir } = start({ isFetched: false });
    const base = join(dataDir, 'base');
    cpSync(adapter, base, { recursive: true });
    expect((await ended(client, (await client.models.import({ path: adapter, base })).id)).state).toBe('done');
    expect(reader.compiled).toMatchObject([{ path: adapter, base }]);
  });

  it('takes a base that was fetched, by the name it was fetched by', async () => {
    const { client, reader, adapter, fetched } = start();
    const { id } = await client.models.import({ path: adapter, base: REPOSITORY });
    expect((await ended(client, id)).state).toBe('done');
    expect(reader.compiled).toMatchObject([{ base: fetched }]);
  });

  it('takes the fetched base that the adapter itself names, where none is near it', async () => {
    const { client, reader, adapter, fetched } = start();
    expect((await ended(client, (await client.models.import({ path: adapter })).id)).state).toBe('done');
    expect(reader.compiled).toMatchObject([{ base: fetched }]);
  });

  it.each([REPOSITORY, '/home/somebody/base', '../..', 'null'])(
    'says which base it needs where that was never fetched: %s',
    async (name) => {
      const { client, reader, adapter } = start({ isFetched: false });
      reader.needsBase = name;
      const { error } = await ended(client, (await client.models.import({ path: adapter })).id);
      expect(error).toMatchObject({ code: 'adapter-needs-base', details: { base: name } });
    },
  );

  it('takes what an installed model was compiled from, and says so where that is not kept', async () => {
    const { client, reader, adapter, dataDir, fetched } = start();
    const source = { sizeBytes: 4, sha256: '0'.repeat(64) };
    installModel(dataDir, 'mine', { source: { ...source, name: 'Qwen--Qwen2.5-0.5B-Instruct--preferred' } });
    installModel(dataDir, 'gone', { source: { ...source, name: 'gone.gguf' } });
    expect((await ended(client, (await client.models.import({ path: adapter, base: 'mine' })).id)).state).toBe('done');
    expect(reader.compiled).toMatchObject([{ base: fetched }]);
    const failure = await failureOf(client.models.import({ path: adapter, base: 'gone' }));
    expect(failure.code).toBe('model-not-found');
    expect(failure.message).toContain('gone.gguf is not kept here. Give the path');
  });

  it('refuses a base that is nowhere', async () => {
    const { client, adapter, dataDir } = start();
    const importOver = (base: string) => failureOf(client.models.import({ path: adapter, base }));
    expect((await importOver(join(dataDir, 'nothing'))).code).toBe('not-found');
    expect((await importOver('nobody')).code).toBe('model-not-found');
    expect((await importOver('no/such/name')).code).toBe('model-not-found');
  });
});

describe('planning an adapter', () => {
  it('prices it with the base that is named, or that it names itself and that was fetched', async () => {
    const { client, reader, adapter, fetched, dataDir } = start();
    const base = join(dataDir, 'base');
    cpSync(adapter, base, { recursive: true });
    for (const wish of [{ base }, { base: REPOSITORY }, {}])
      expect(await client.models.plan({ name: adapter, ...wish })).toMatchObject({ origin: 'file', source: adapter });
    expect(reader.planned.map((one) => one.base)).toEqual([base, fetched, fetched]);
  });

  it('says which base it needs, and that no other model has one', async () => {
    const { client, adapter } = start({ isFetched: false });
    const failure = await failureOf(client.models.plan({ name: adapter }));
    expect(failure).toMatchObject({ code: 'adapter-needs-base', details: { base: REPOSITORY } });
    expect((await failureOf(client.models.plan({ name: adapter, base: 'nobody' }))).code).toBe('model-not-found');
    const named = await failureOf(client.models.plan({ name: 'qwen2.5-0.5b-instruct', base: adapter }));
    expect(named.code).toBe('invalid-input');
  });
});
