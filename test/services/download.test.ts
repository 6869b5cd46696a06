import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { download, type DownloadOptions } from '../../main/services/models/download.ts';
import { failureOf, tempFolder, until } from './assistant-support.ts';
import { closedPort, sha256, someBytes, startHub, startProxy } from './hub-support.ts';

const bytes = someBytes(300_000);

/** A download of `bytes` from a hub of its own into an empty folder. */
async function prepare(options: Partial<DownloadOptions> = {}) {
  const hub = await startHub({ '/model.gguf': bytes });
  const path = join(tempFolder(), 'model.gguf');
  const steps: { stage: string; done: number; total: number | null }[] = [];
  const defaults = { sha256: sha256(bytes), signal: new AbortController().signal, stallMs: 200, retryMs: [1, 1, 1] };
  const run = (more: Partial<DownloadOptions> = {}) =>
    download(`${hub.base}/model.gguf`, path, {
      ...defaults,
      onProgress: (step) => void steps.push(step),
      ...options,
      ...more,
    });
  const leftovers = () => readdirSync(join(path, '..'));
  return { hub, path, steps, run, leftovers };
}

describe('a download', () => {
  it('arrives whole, with its progress and its check, and leaves nothing beside it', async () => {
    const { path, steps, run, leftovers } = await prepare();
    await run();
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(leftovers()).toEqual(['model.gguf']);
    const { length } = bytes;
    expect(steps[0]).toEqual({ stage: 'download', done: 0, total: length });
    expect(steps.findLast(({ stage }) => stage === 'download')).toMatchObject({ done: length, total: length });
    expect(steps.at(-1)).toEqual({ stage: 'check', done: length, total: length });
  });

  it('asks only for the rest when the connection breaks', async () => {
    const { hub, path, run } = await prepare();
    hub.cutAfter = [100_000, 50_000];
    await run();
    expect(readFileSync(path).equals(bytes)).toBe(true);
    const ranges = hub.storage().map(({ range }) => range);
    expect(ranges[0]).toBe(null);
    expect(ranges).toHaveLength(3);
    expect(ranges.slice(1).every((range) => /^bytes=[1-9]\d*-$/.test(range ?? ''))).toBe(true);
  });

  it('is patient with a connection that breaks again and again, as long as each brings something', async () => {
    const { hub, path, run } = await prepare({ retryMs: [1, 1] });
    hub.cutAfter = Array.from({ length: 8 }, () => 30_000);
    await run();
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  it('connects anew when nothing comes for a while', async () => {
    const { hub, path, run } = await prepare();
    hub.stallAfter = [100_000];
    await run();
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(hub.storage().at(-1)?.range).toMatch(/^bytes=\d+-$/);
  });

  it('goes on after it was stopped, from what had come', async () => {
    const { hub, path, steps, run } = await prepare();
    hub.stallAfter = [100_000];
    const stop = new AbortController();
    const stopped = run({ signal: stop.signal, stallMs: 5000 });
    await until(() => (steps.at(-1)?.done ?? 0) >= 100_000);
    stop.abort();
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
    expect(existsSync(path)).toBe(false);
    await run();
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(hub.storage().at(-1)?.range).toBe('bytes=100000-');
  });

  it('begins again at a source that ignores ranges', async () => {
    const { hub, path, run } = await prepare();
    hub.cutAfter = [100_000];
    hub.ignoresRanges = true;
    await run();
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  it('begins again when the file has changed at its source meanwhile', async () => {
    const { hub, path, run } = await prepare({ sha256: null });
    hub.cutAfter = [100_000];
    const changed = someBytes(250_000, 99);
    const running = run();
    await until(() => hub.storage().length === 1);
    hub.files['/model.gguf'] = changed;
    await running;
    expect(readFileSync(path).equals(changed)).toBe(true);
    expect(hub.storage()).toHaveLength(2); // told at once, by If-Range, that the rest would not fit
  });

  it('begins again when the source mixes up ranges of two versions', async () => {
    const { hub, path, run } = await prepare();
    let version = 0;
    hub.etag = () => `W/"${Math.min(version++, 1)}"`; // weak, so If-Range cannot be asked, and another one each time
    hub.cutAfter = [100_000];
    await run();
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(hub.storage().map(({ range }) => range === null)).toEqual([true, false, true]);
  });

  it('ignores a part that belongs to another address, or whose record was cut short', async () => {
    const { hub, path, run } = await prepare();
    writeFileSync(`${path}.part`, 'x'.repeat(1000));
    writeFileSync(`${path}.part.json`, '{"url":"http://elsewhere/model.gguf","etag":null,"sizeBytes":300000}');
    await run();
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(hub.storage()[0]?.range).toBe(null);

    const second = await prepare();
    writeFileSync(`${second.path}.part`, 'x'.repeat(1000));
    writeFileSync(`${second.path}.part.json`, '{"url":"http');
    await second.run();
    expect(readFileSync(second.path).equals(bytes)).toBe(true);
  });

  it('takes a part that is whole already, as after a kill before the last rename', async () => {
    const { hub, path, run } = await prepare();
    writeFileSync(`${path}.part`, bytes);
    const etag = hub.etag(bytes);
    writeFileSync(
      `${path}.part.json`,
      JSON.stringify({ url: `${hub.base}/model.gguf`, etag, sizeBytes: bytes.length }),
    );
    await run();
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(hub.storage()).toHaveLength(1);
  });

  it('is refused and deleted when its hash is wrong', async () => {
    const { hub, path, run, leftovers } = await prepare({ sha256: 'f'.repeat(64) });
    const error = await failureOf(run());
    expect(error.code).toBe('checksum-mismatch');
    expect(error.details).toMatchObject({
      expected: 'f'.repeat(64),
      found: sha256(bytes),
      url: `${hub.base}/model.gguf`,
    });
    expect(existsSync(path)).toBe(false);
    expect(leftovers()).toEqual([]);
  });

  it('does not begin on a disk without room for it and what is made of it', async () => {
    const { hub, run, leftovers } = await prepare({ freeBytes: async () => 350_000, reserveBytes: 60_000 });
    const error = await failureOf(run());
    expect(error.code).toBe('disk-full');
    expect(error.details).toMatchObject({ freeBytes: 350_000, neededBytes: 360_000 });
    expect(leftovers()).toEqual([]);
    await run({ reserveBytes: 40_000 });
    expect(hub.storage()).toHaveLength(2);
  });

  it('survives errors of the server that pass, and ends with those that do not', async () => {
    const { hub, path, run } = await prepare();
    hub.failWith = [503, 429];
    await run();
    expect(existsSync(path)).toBe(true);

    const second = await prepare();
    second.hub.failWith = [403];
    const error = await failureOf(second.run());
    expect(error).toMatchObject({ code: 'download-failed', details: { status: 403 } });
    expect(second.hub.storage()).toHaveLength(1);
  });

  it('gives up after some failures in a row without a byte between them, keeping what it has', async () => {
    const { hub, run, leftovers } = await prepare();
    hub.cutAfter = [1000];
    hub.failWith = [];
    const stop = new AbortController();
    const first = run({ signal: stop.signal, retryMs: [60_000] });
    await until(() => leftovers().includes('model.gguf.part.json'));
    stop.abort();
    await first.catch(() => {});
    hub.failWith = Array.from({ length: 10 }, () => 500);
    const error = await failureOf(run());
    expect(error).toMatchObject({ code: 'download-failed' });
    expect(error.message).toContain('500');
    expect(hub.failWith).toHaveLength(6); // one attempt and three more
    expect(leftovers()).toContain('model.gguf.part');
  });

  it('goes through the proxy that the environment names, for which the shell sets NODE_USE_ENV_PROXY', async () => {
    const { hub, path } = await prepare();
    const proxy = await startProxy();
    const url = `http://hub.invalid:${new URL(hub.base).port}/storage/model.gguf`; // a name that only the proxy knows
    const module = new URL('../../main/services/models/download.ts', import.meta.url).href;
    const script = `
      import { download } from ${JSON.stringify(module)};
      const { signal } = new AbortController();
      await download(${JSON.stringify(url)}, ${JSON.stringify(path)}, { signal, sha256: null, onProgress() {}, retryMs: [] });`;
    const env = {
      ...process.env,
      NODE_USE_ENV_PROXY: '1',
      HTTP_PROXY: proxy.base,
      http_proxy: proxy.base,
      NO_PROXY: '',
      no_proxy: '',
    };
    await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { env });
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(proxy.hosts).toEqual(['hub.invalid']);
  });

  it('says that there is no network where there is none', async () => {
    const path = join(tempFolder(), 'model.gguf');
    const { signal } = new AbortController();
    const url = `${await closedPort()}/model.gguf`;
    const call = download(url, path, { sha256: null, signal, onProgress() {}, retryMs: [1] });
    const error = await failureOf(call);
    expect(error.code).toBe('offline');
    expect(error.message).toContain('127.0.0.1');
  });
});
