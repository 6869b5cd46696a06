import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LonghandError } from '../../main/contract/errors.ts';
import { startAssistant, tempFolder, until } from './assistant-support.ts';

/** A copy as the browser shell leaves it. */
function upload(dataDir: string, name = 'model.gguf', { ageMs = 0 } = {}): string {
  const folder = join(dataDir, 'incoming', `00000000-${name}`);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, name);
  writeFileSync(path, 'a checkpoint');
  const then = (Date.now() - ageMs) / 1000;
  for (const one of [path, folder]) utimesSync(one, then, then);
  return path;
}

const OLD = { ageMs: 3_600_000 };

describe('the copy of a file that the page has sent', () => {
  it('goes when its import is done', async () => {
    const { client, dataDir } = startAssistant();
    const path = upload(dataDir);
    await client.models.import({ path });
    await until(async () => (await client.jobs.list())[0]?.state === 'done');
    expect(existsSync(join(dataDir, 'incoming', '00000000-model.gguf'))).toBe(false);
    expect((await client.models.list()).map(({ sourceName }) => sourceName)).toEqual(['model.gguf']);
  });

  it('goes with its whole folder where the import is of the folder', async () => {
    const { client, dataDir } = startAssistant();
    const folder = dirname(upload(dataDir, 'config.json'));
    await client.models.import({ path: folder });
    await until(async () => (await client.jobs.list())[0]?.state === 'done');
    expect([existsSync(folder), existsSync(dirname(folder))]).toEqual([false, true]);
  });

  it('stays while a failed import can be tried again, and goes when it succeeds', async () => {
    const { client, dataDir, reader } = startAssistant();
    reader.error = new LonghandError('disk-full', 'No room.');
    const path = upload(dataDir);
    const { id } = await client.models.import({ path });
    await until(async () => (await client.jobs.list())[0]?.state === 'failed');
    expect(existsSync(path)).toBe(true);
    reader.error = null;
    await client.jobs.resume({ id });
    await until(async () => (await client.jobs.list())[0]?.state === 'done');
    expect(existsSync(path)).toBe(false);
    expect((await client.models.list()).map(({ sourceName }) => sourceName)).toEqual(['model.gguf']);
  });

  it('goes when its failed import is dismissed, or another installation takes its place', async () => {
    const { client, dataDir, reader } = startAssistant();
    reader.error = new LonghandError('reader-stopped', 'It stopped.');
    const [first, second] = [upload(dataDir, 'a.gguf'), upload(dataDir, 'b.gguf')];
    const fail = async (path: string) => {
      const { id } = await client.models.import({ path });
      await until(async () => (await client.jobs.list()).find((job) => job.id === id)?.state === 'failed');
      return id;
    };
    await fail(first);
    const id = await fail(second);
    expect([existsSync(first), existsSync(second)]).toEqual([false, true]);
    await client.jobs.cancel({ id });
    expect(existsSync(second)).toBe(false);
    expect((await client.models.status()).state).toBe('none');
  });

  it('goes when its import fails by a fault of the file', async () => {
    const { client, dataDir, reader } = startAssistant();
    reader.error = new LonghandError('not-a-checkpoint', 'It is a picture.');
    const path = upload(dataDir);
    await client.models.import({ path });
    await until(async () => (await client.jobs.list())[0]?.state === 'failed');
    expect(existsSync(path)).toBe(false);
  });

  it('goes when its import is cancelled, also before its turn came', async () => {
    const { client, dataDir, reader } = startAssistant();
    const { promise, resolve } = Promise.withResolvers<void>();
    reader.hold = promise;
    const [running, waiting] = [upload(dataDir, 'a.gguf'), upload(dataDir, 'b.gguf')];
    const jobs = [await client.models.import({ path: running }), await client.models.import({ path: waiting })];
    for (const { id } of jobs.reverse()) await client.jobs.cancel({ id });
    resolve();
    expect([existsSync(running), existsSync(waiting)]).toEqual([false, false]);
  });

  it('stays while its import is paused', async () => {
    const { client, dataDir, reader } = startAssistant();
    const { promise, resolve } = Promise.withResolvers<void>();
    reader.hold = promise;
    const path = upload(dataDir);
    const { id } = await client.models.import({ path });
    await until(() => reader.inspected.length > 0);
    await client.jobs.pause({ id });
    expect(existsSync(path)).toBe(true);
    resolve();
    await client.jobs.resume({ id });
    await until(async () => (await client.jobs.list())[0]?.state === 'done');
    expect(existsSync(path)).toBe(false);
  });

  it('is told from a file of the user, which is never touched', async () => {
    const { client, dataDir } = startAssistant();
    const elsewhere = tempFolder();
    const path = join(elsewhere, 'mine.gguf');
    writeFileSync(path, 'mine');
    const tricky = join(dataDir, 'incoming', '..', '..', elsewhere.split('/').at(-1)!, 'mine.gguf');
    for (const one of [path, tricky]) await client.models.import({ path: one }).catch(() => {});
    await until(async () => (await client.jobs.list()).every(({ state }) => state === 'done'));
    expect(existsSync(path)).toBe(true);
  });
});

describe('at the next start', () => {
  it('what nobody imported goes, but not what is being sent, nor what an import still needs', async () => {
    const dataDir = tempFolder();
    const first = startAssistant({ dataDir });
    first.reader.hold = new Promise(() => {});
    const needed = upload(dataDir, 'needed.gguf', OLD);
    await first.client.models.import({ path: needed });
    await until(() => first.reader.inspected.length > 0);
    await first.close();

    const left = upload(dataDir, 'left.gguf', OLD);
    const fresh = upload(dataDir, 'fresh.gguf');
    writeFileSync(join(dataDir, 'incoming', 'stray'), 'x');
    const second = startAssistant({ dataDir, connectReader: false });
    expect([existsSync(left), existsSync(fresh), existsSync(needed)]).toEqual([false, true, true]);
    expect(existsSync(join(dataDir, 'incoming', 'stray'))).toBe(false);
    await second.close();
  });
});
