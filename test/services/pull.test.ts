import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LonghandClient } from '../../main/contract/index.ts';
import { failureOf, startAssistant, until } from './assistant-support.ts';
import { closedPort, someBytes, startHub, type Hub } from './hub-support.ts';

const REPOSITORY = 'someone/Tiny-GGUF';
const at = (path: string) => `/${REPOSITORY}/resolve/main/${path}`;
const file = someBytes(50_000);

async function startWith(hub: Hub) {
  const env = { LONGHAND_HUB: hub.base, LONGHAND_MIRROR: await closedPort() };
  const network = { pips: [['no-such-pip']], probeMs: 300, retryMs: [1, 1], stallMs: 500 };
  return startAssistant({ memoryBytes: 4e9, env, network });
}

const ended = (client: LonghandClient, id: string) =>
  until(async () => {
    const job = (await client.jobs.list()).find((one) => one.id === id)!;
    return ['done', 'failed', 'cancelled'].includes(job.state) ? job : null;
  });

describe('pulling a repository by its name', () => {
  it('takes the quantisation that is asked for, and names the model after the checkpoint', async () => {
    const hub = await startHub({ [at('tiny-q4_0.gguf')]: someBytes(10), [at('tiny-q8_0.gguf')]: file });
    const { client, reader, dataDir } = await startWith(hub);
    const job = await ended(client, (await client.models.pull({ name: `${REPOSITORY}:q8_0` })).id);
    expect(job).toMatchObject({ state: 'done', result: { name: 'Tiny' } });
    expect(readFileSync(reader.compiled[0]!.path).equals(file)).toBe(true);
    expect(readdirSync(join(dataDir, 'downloads'))).toEqual(['someone--Tiny-GGUF--q8_0']);
    await client.models.remove({ name: 'Tiny' });
    expect(readdirSync(join(dataDir, 'downloads'))).toEqual([]);
  });

  it('brings every part of a split file, and begins at the first', async () => {
    const parts = ['tiny-q8_0-00001-of-00002.gguf', 'tiny-q8_0-00002-of-00002.gguf'];
    const hub = await startHub(Object.fromEntries(parts.map((path) => [at(path), file])));
    const { client, reader } = await startWith(hub);
    await ended(client, (await client.models.pull({ name: REPOSITORY })).id);
    expect(reader.compiled[0]!.path).toMatch(/tiny-q8_0-00001-of-00002\.gguf$/);
    expect(existsSync(reader.compiled[0]!.path.replace('00001-of', '00002-of'))).toBe(true);
  });

  it('hands the folder of safetensors to the reader', async () => {
    const hub = await startHub({ [at('config.json')]: Buffer.from('{}'), [at('model.safetensors')]: file });
    const { client, reader, dataDir } = await startWith(hub);
    await ended(client, (await client.models.pull({ name: REPOSITORY })).id);
    expect(reader.compiled[0]!.path).toBe(join(dataDir, 'downloads', 'someone--Tiny-GGUF--preferred'));
  });

  it('tells beforehand what there is, and fetches nothing for that', async () => {
    const hub = await startHub({ [at('tiny-q4_0.gguf')]: someBytes(10), [at('tiny-q8_0.gguf')]: file });
    hub.license = 'llama3';
    const { client } = await startWith(hub);
    expect(await client.models.look({ name: REPOSITORY })).toMatchObject({
      license: 'llama3',
      page: `${hub.base}/${REPOSITORY}`,
      needsAcknowledgement: true,
      choices: [
        { name: `${REPOSITORY}:Q4_0`, files: 1, bytes: 10 },
        { name: `${REPOSITORY}:Q8_0`, files: 1, bytes: 50_000 },
      ],
    });
    expect(hub.storage()).toEqual([]);
  });

  it('takes in what changed at the hub between its list and the file, once', async () => {
    const hub = await startHub({ [at('tiny-q8_0.gguf')]: file });
    const { client, reader } = await startWith(hub);
    const newer = someBytes(50_000, 7);
    hub.onListed = () => {
      hub.files[at('tiny-q8_0.gguf')] = newer;
    };
    expect((await ended(client, (await client.models.pull({ name: REPOSITORY })).id)).state).toBe('done');
    expect(readFileSync(reader.compiled[0]!.path).equals(newer)).toBe(true);
  });

  it('gives up where every list is wrong', async () => {
    const hub = await startHub({ [at('tiny-q8_0.gguf')]: file });
    const { client, reader } = await startWith(hub);
    let seed = 1;
    hub.onListed = () => {
      hub.files[at('tiny-q8_0.gguf')] = someBytes(50_000, ++seed);
    };
    const { error } = await ended(client, (await client.models.pull({ name: REPOSITORY })).id);
    expect([error?.code, reader.compiled]).toEqual(['checksum-mismatch', []]);
  });

  it('refuses names that lead elsewhere before anything is asked', async () => {
    const hub = await startHub({ [at('tiny-q8_0.gguf')]: file });
    const { client } = await startWith(hub);
    for (const name of ['../../etc', 'a/../b', `${REPOSITORY}:../../x`, 'http://a/b']) {
      expect((await failureOf(client.models.pull({ name }))).code).toBe('invalid-input');
    }
    expect(hub.requests).toEqual([]);
  });
});

describe('a licence that restricts use', () => {
  it('of the catalogue is acknowledged before the hub is asked', async () => {
    const hub = await startHub();
    const { client } = await startWith(hub);
    const error = await failureOf(client.models.pull({ name: 'qwen2.5-3b-instruct' }));
    expect(error).toMatchObject({ code: 'license-not-acknowledged', details: { license: 'qwen-research' } });
    expect([hub.requests, await client.jobs.list()]).toEqual([[], []]);
    const job = await client.models.pull({ name: 'qwen2.5-3b-instruct', acknowledged: true });
    expect((await ended(client, job.id)).error?.code).toBe('not-at-hub');
  });

  it.each(['llama3', null])(
    'of a repository (%s) is acknowledged before any of its files is fetched',
    async (license) => {
      const hub = await startHub({ [at('tiny-q8_0.gguf')]: file });
      hub.license = license;
      const { client } = await startWith(hub);
      const refused = await ended(client, (await client.models.pull({ name: REPOSITORY })).id);
      expect([refused.error?.code, hub.storage()]).toEqual(['license-not-acknowledged', []]);
      const agreed = await client.models.pull({ name: REPOSITORY, acknowledged: true });
      expect((await ended(client, agreed.id)).state).toBe('done');
    },
  );
});

describe('several downloads', () => {
  it('run one at a time, in the order in which they were asked for; one that waits can be taken out', async () => {
    const names = ['a/one', 'a/two', 'a/three'];
    const files = names.map((name, i) => [`/${name}/resolve/main/m-q8_0.gguf`, someBytes(20_000, i)] as const);
    const hub = await startHub(Object.fromEntries(files));
    const { client } = await startWith(hub);
    hub.stallAfter = [5000];
    const [first, second, third] = await Promise.all(names.map((name) => client.models.pull({ name })));
    expect([first, second, third].map((job) => job?.state)).toEqual(['running', 'queued', 'queued']);
    expect((await client.jobs.cancel({ id: second!.id })).state).toBe('cancelled');
    await ended(client, third!.id);
    const asked = hub.storage().map(({ url }) => url);
    expect(new Set(asked)).toEqual(new Set([`/storage${files[0]![0]}`, `/storage${files[2]![0]}`]));
    expect(asked.at(-1)).toBe(`/storage${files[2]![0]}`);
  });
});
