import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkpointsIn, chooseCheckpoint } from '../../main/services/models/checkpoint-files.ts';
import { fetchCheckpoint, fetchedCheckpoint } from '../../main/services/models/fetch-checkpoint.ts';
import { listRepository } from '../../main/services/models/hub.ts';
import { isPlainPath, parseRepositoryName, resolveEntry } from '../../main/services/models/model-name.ts';
import { LonghandError } from '../../main/contract/errors.ts';
import { failureOf, tempFolder } from './assistant-support.ts';
import { closedPort, sha256, someBytes, startHub, type Hub } from './hub-support.ts';

const REPOSITORY = 'Qwen/Qwen2.5-7B-Instruct';
const at = (path: string) => `/${REPOSITORY}/resolve/main/${path}`;
const signal = new AbortController().signal;

const SAFETENSORS = {
  'config.json': Buffer.from('{"model_type":"qwen2"}'),
  'tokenizer.json': Buffer.from('{"model":{}}'),
  'README.md': Buffer.from('# Read me'),
  'model.safetensors.index.json': Buffer.from('{"weight_map":{}}'),
  'model-00001-of-00002.safetensors': someBytes(40_000, 1),
  'model-00002-of-00002.safetensors': someBytes(30_000, 2),
  'onnx/model.onnx': someBytes(10, 3),
};
const filesOf = (files: Record<string, Buffer>) =>
  Object.fromEntries(Object.entries(files).map(([path, bytes]) => [at(path), bytes]));

async function list(hosts: { hub?: Hub; mirror?: Hub }, options = {}) {
  const nowhere = await closedPort();
  const env = { LONGHAND_HUB: hosts.hub?.base ?? nowhere, LONGHAND_MIRROR: hosts.mirror?.base ?? nowhere };
  return listRepository(REPOSITORY, { env, signal, probeMs: 300, ...options });
}

/** Lists and fetches into a folder; what went wrong at the hub is set on it before. */
async function fetchFrom(hub: Hub, options: { folder?: string; selector?: string | null; free?: number } = {}) {
  const { folder = join(tempFolder(), 'checkpoint'), selector = null, free = 1e12 } = options;
  const listing = await list({ hub });
  const steps: { stage: string; done: number; total: number | null }[] = [];
  const run = (stop: AbortSignal = signal) =>
    fetchCheckpoint(listing, chooseCheckpoint(listing, selector), folder, {
      signal: stop,
      reserveBytes: 1000,
      retryMs: [1, 1],
      stallMs: 300,
      freeBytes: async () => free,
      onProgress: (step) => void steps.push(step),
    });
  return { folder, steps, run };
}

describe('the files of a repository', () => {
  it('come from the hub with sizes and checksums, page by page, and with the licence', async () => {
    const hub = await startHub(filesOf(SAFETENSORS));
    hub.pageSize = 2;
    const { files, license, urlOf } = await list({ hub });
    expect(license).toBe('apache-2.0');
    expect(files.map(({ path }) => path).sort()).toEqual(Object.keys(SAFETENSORS).sort());
    const shard = files.find(({ path }) => path === 'model-00001-of-00002.safetensors')!;
    const bytes = SAFETENSORS['model-00001-of-00002.safetensors'];
    expect(shard).toMatchObject({ sizeBytes: 40_000, checksum: { kind: 'sha256', value: sha256(bytes) } });
    expect(files.find(({ path }) => path === 'config.json')?.checksum?.kind).toBe('git-blob');
    expect(urlOf('a b#.gguf')).toBe(`${hub.base}/${REPOSITORY}/resolve/main/a%20b%23.gguf`);
  });

  it('come from the mirror where the hub does not answer, has none, or answers nonsense', async () => {
    const mirror = await startHub({ [`/models/${REPOSITORY}/resolve/master/x-q4_0.gguf`]: someBytes(100) });
    const nonsense = await startHub(filesOf(SAFETENSORS));
    nonsense.listing = '<html>Log in to the network</html>';
    const silent = await startHub();
    silent.silent = true;
    for (const hub of [undefined, await startHub(), nonsense, silent]) {
      const { files, urlOf } = await list({ ...(hub && { hub }), mirror });
      expect(files).toMatchObject([{ path: 'x-q4_0.gguf', sizeBytes: 100, checksum: { kind: 'sha256' } }]);
      expect(urlOf('x-q4_0.gguf')).toBe(`${mirror.base}/models/${REPOSITORY}/resolve/master/x-q4_0.gguf`);
    }
  });

  it.each([
    [404, 'not-at-hub', 'Check the name'],
    [401, 'not-at-hub', 'asks for a login'],
    [403, 'not-at-hub', 'asks for a login'],
    [500, 'download-failed', 'answered 500'],
    [429, 'download-failed', 'answered 429'],
  ])('are refused with %i: %s', async (status, code, words) => {
    const hub = await startHub(filesOf(SAFETENSORS));
    hub.listing = status;
    const error = await failureOf(list({ hub }));
    expect([error.code, error.message]).toEqual([code, expect.stringContaining(words)]);
  });

  it('cannot be had where no host answers', async () => {
    expect((await failureOf(list({}))).code).toBe('offline');
  });

  it.each(['[{"type":"file"}]', '{"error":"x"}', '[{"type":"file","path":"a.gguf","size":-1}]', '[', ''])(
    'are not taken from an answer that makes no sense: %s',
    async (answer) => {
      const hub = await startHub(filesOf(SAFETENSORS));
      hub.listing = answer;
      expect((await failureOf(list({ hub }))).code).toBe('download-failed');
    },
  );

  it('are not waited for when they come drop by drop, or without end', async () => {
    const server = createServer((_request, response) => {
      response.write('[');
      const timer = setInterval(() => response.write(' '), 10);
      response.on('close', () => clearInterval(timer));
    });
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const hub = { base: `http://127.0.0.1:${(server.address() as AddressInfo).port}` } as Hub;
    const started = performance.now();
    expect((await failureOf(list({ hub }, { probeMs: 50 }))).code).toBe('offline');
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('are offered only under paths that lead into a folder', async () => {
    const paths = ['../../evil.gguf', '/etc/evil.gguf', 'a/../../evil.gguf', 'C:\\evil.gguf', '.bashrc', 'con.gguf'];
    const hub = await startHub();
    hub.listing = JSON.stringify(
      [...paths, 'evil\u0000.gguf', 'good-q4_0.gguf'].map((path) => ({ type: 'file', path, size: 5 })),
    );
    const { files } = await list({ hub });
    expect(files.map(({ path }) => path)).toEqual(['good-q4_0.gguf']);
  });

  it('are not looked for on another host that a page points to', async () => {
    const other = await startHub(filesOf(SAFETENSORS));
    const server = createServer((_request, response) => {
      response.setHeader('link', `<${other.base}/api/models/${REPOSITORY}/tree/main?cursor=1>; rel="next"`);
      response.end('[]');
    });
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    onTestFinished(() => void server.close());
    const hub = { base: `http://127.0.0.1:${(server.address() as AddressInfo).port}` } as Hub;
    expect((await list({ hub })).files).toEqual([]);
    expect(other.requests).toEqual([]);
  });
});

describe('the checkpoints in a repository', () => {
  const file = (path: string, sizeBytes = 10) => ({ path, sizeBytes, checksum: null });
  const listing = (paths: string[]) => ({
    ...{ repository: 'a/b', host: 'h', page: 'p', license: null, urlOf: String },
    files: paths.map((path) => file(path)),
  });

  it('are each quantisation, split files as one, and the folder of safetensors', () => {
    const found = checkpointsIn([
      ...Object.keys(SAFETENSORS).map((path) => file(path)),
      file('m-q8_0-00002-of-00002.gguf'),
      file('m-q8_0-00001-of-00002.gguf'),
      file('m-q4_k_m.gguf'),
      file('UD/m-Q4_0.gguf'),
      file('mmproj-m-f16.gguf'),
      file('m-q6_k-00001-of-00003.gguf'), // the others are missing
    ]);
    expect(found.map(({ selector, files, main }) => [selector, files.length, main])).toEqual([
      ['Q4_0', 1, 'm-Q4_0.gguf'],
      ['Q8_0', 2, 'm-q8_0-00001-of-00002.gguf'],
      ['Q4_K_M', 1, 'm-q4_k_m.gguf'],
      [null, 5, null],
    ]);
    expect(found.at(-1)?.files.map(({ path }) => path)).not.toContain('README.md');
  });

  it('are chosen by quantisation in any case, by file, or by preference', () => {
    const ggufs = listing(['m-q4_0.gguf', 'm-q8_0.gguf', 'm-iq2_xs.gguf']);
    const main = (selector: string | null) => chooseCheckpoint(ggufs, selector).main;
    expect([main('q8_0'), main('Q8_0'), main('m-iq2_xs.gguf'), main(null)]).toEqual([
      'm-q8_0.gguf',
      'm-q8_0.gguf',
      'm-iq2_xs.gguf',
      'm-q4_0.gguf',
    ]);
    expect(() => main('Q5_K_M')).toThrow('it has Q4_0, Q8_0, IQ2_XS');
    expect(() => chooseCheckpoint(listing(['pytorch_model.bin']), null)).toThrow('no checkpoint that can be read');
  });

  it('are not taken where a part says that there are a billion', () => {
    expect(checkpointsIn([file('m-00001-of-99999.gguf')])).toEqual([]);
  });
});

describe('names of models', () => {
  it('are repositories with an owner, and may say which checkpoint', () => {
    expect(parseRepositoryName('Qwen/Qwen2.5-7B-Instruct-GGUF')).toEqual({
      repository: 'Qwen/Qwen2.5-7B-Instruct-GGUF',
      selector: null,
    });
    expect(parseRepositoryName('a/b:UD/m-q4_0.gguf')).toEqual({ repository: 'a/b', selector: 'UD/m-q4_0.gguf' });
    expect(parseRepositoryName('qwen2.5-0.5b-instruct')).toBeNull();
  });

  it.each([
    ...[
      '../x',
      'a/..',
      './b',
      'a/b/c',
      '/etc/passwd',
      'a//b',
      'a/b?x=1',
      'a/b#x',
      'a/b%2f..',
      'a b/c',
      'a/b\n',
      '\0/b',
    ],
    ...[
      'a/b:../../x',
      'a/b:/etc/passwd',
      'a/b:c:\\x',
      'a/b:',
      'a/b:.hidden',
      'a/b:con',
      'http://evil/x',
      'а/b',
      'a/b.git',
    ],
    `a/${'b'.repeat(97)}`,
    `a/b:${'c'.repeat(200)}`,
  ])('that could lead elsewhere are refused: %j', (name) => {
    if (name.trim() === 'a/b') return expect(parseRepositoryName(name)).toMatchObject({ repository: 'a/b' });
    expect(() => parseRepositoryName(name)).toThrow(LonghandError);
  });

  it('of the catalogue may ask for another form', () => {
    expect(resolveEntry('qwen2.5-7b-instruct:q8_0').source).toMatchObject({ quantization: 'Q8_0' });
    expect(resolveEntry('Qwen2.5-7B-Instruct').source).toBeNull();
    expect(() => resolveEntry('qwen2.5-7b-instruct:q3_k')).toThrow('qwen2.5-7b-instruct:Q8_0');
  });

  it('of files lead nowhere on any system', () => {
    expect(['a.gguf', 'a/b.gguf', '模型.gguf'].every(isPlainPath)).toBe(true);
    expect(['', '..', 'a/', 'a\\b', 'a:b', 'nul', 'a/COM1.gguf', 'x.', 'a\u202eb'].some(isPlainPath)).toBe(false);
  });
});

describe('fetching a checkpoint of several files', () => {
  it('brings what belongs to it and nothing else, with progress over all of it', async () => {
    const hub = await startHub(filesOf(SAFETENSORS));
    const { folder, steps, run } = await fetchFrom(hub);
    expect(await run()).toBe(folder);
    const { 'README.md': _readme, 'onnx/model.onnx': _other, ...wanted } = SAFETENSORS;
    expect(readdirSync(folder).sort()).toEqual([...Object.keys(wanted), 'checkpoint.json'].sort());
    for (const [name, bytes] of Object.entries(wanted))
      expect(readFileSync(join(folder, name)).equals(bytes)).toBe(true);
    const total = Object.values(wanted).reduce((sum, { length }) => sum + length, 0);
    expect(new Set(steps.map((step) => step.total))).toEqual(new Set([total]));
    const downloaded = steps.filter(({ stage }) => stage === 'download').map(({ done }) => done);
    expect(downloaded).toEqual(downloaded.toSorted((a, b) => a - b));
    expect(downloaded.at(-1)).toBe(total);
    expect(fetchedCheckpoint(folder)).toBe(folder);
  });

  it('goes on where it was stopped, without fetching again what is whole', async () => {
    const hub = await startHub(filesOf(SAFETENSORS));
    const { folder, run } = await fetchFrom(hub);
    const stop = new AbortController();
    const second = at('model-00002-of-00002.safetensors');
    hub.stallAfter = [10_000]; // taken by the first file that is asked for
    const waiting = setInterval(() => {
      if (existsSync(join(folder, 'config.json.part')) || hub.storage().length > 0) stop.abort(new Error('killed'));
    }, 5);
    await expect(run(stop.signal)).rejects.toThrow();
    clearInterval(waiting);
    expect(fetchedCheckpoint(folder)).toBeNull();
    await run();
    const asked = hub.storage().filter(({ url }) => url === `/storage${second}`);
    expect(asked).toHaveLength(1);
    expect(fetchedCheckpoint(folder)).toBe(folder);

    const again = hub.storage().length;
    await run();
    expect(hub.storage()).toHaveLength(again);
  });

  it('asks only for the rest of a file that was cut', async () => {
    const hub = await startHub(filesOf({ 'm-q4_0.gguf': someBytes(50_000) }));
    const { folder, run } = await fetchFrom(hub);
    hub.cutAfter = [20_000];
    expect(await run()).toBe(join(folder, 'm-q4_0.gguf'));
    expect(hub.storage().map(({ range }) => range)).toEqual([null, 'bytes=20000-']);
  });

  it('refuses a large file with a wrong checksum, and a small one, and leaves neither', async () => {
    for (const name of ['model-00001-of-00002.safetensors', 'config.json']) {
      const hub = await startHub(filesOf(SAFETENSORS));
      const { folder, run } = await fetchFrom(hub);
      const bytes = Buffer.from(hub.files[at(name)]!);
      bytes[3]! ^= 1; // changed after it was listed
      hub.files[at(name)] = bytes;
      expect((await failureOf(run())).code).toBe('checksum-mismatch');
      expect(existsSync(join(folder, name))).toBe(false);
      expect(fetchedCheckpoint(folder)).toBeNull();
    }
  });

  it('fetches anew what the hub has otherwise than before', async () => {
    const hub = await startHub(filesOf(SAFETENSORS));
    const first = await fetchFrom(hub);
    await first.run();
    const name = 'model-00002-of-00002.safetensors';
    const changed = (hub.files[at(name)] = someBytes(30_000, 9));
    const before = hub.storage().length;
    await (await fetchFrom(hub, { folder: first.folder })).run();
    expect(readFileSync(join(first.folder, name)).equals(changed)).toBe(true);
    expect(hub.storage()).toHaveLength(before + 1);
  });

  it('says before the first byte that the disk is too small, counting what is here already', async () => {
    const hub = await startHub(filesOf(SAFETENSORS));
    const { folder } = await fetchFrom(hub);
    const small = await fetchFrom(hub, { folder, free: 60_000 });
    const error = await failureOf(small.run());
    expect(error).toMatchObject({ code: 'disk-full', details: { freeBytes: 60_000 } });
    expect(hub.storage()).toEqual([]);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'model-00001-of-00002.safetensors'), SAFETENSORS['model-00001-of-00002.safetensors']);
    await (await fetchFrom(hub, { folder, free: 60_000 })).run();
  });

  it('does not take a login page of the right name for the file', async () => {
    const hub = await startHub(filesOf({ 'm-q4_0.gguf': someBytes(50_000) }));
    hub.tellsHash = false;
    const { folder, run } = await fetchFrom(hub);
    hub.files[at('m-q4_0.gguf')] = Buffer.from('<html>Please log in</html>');
    expect((await failureOf(run())).code).toBe('checksum-mismatch');
    expect(existsSync(join(folder, 'm-q4_0.gguf'))).toBe(false);
  });

  it('fails clearly where the storage refuses what the hub lists', async () => {
    const hub = await startHub(filesOf({ 'm-q4_0.gguf': someBytes(50_000) }));
    const { run } = await fetchFrom(hub);
    hub.failWith = [403];
    expect(await failureOf(run())).toMatchObject({ code: 'download-failed', details: { status: 403 } });
  });
});
