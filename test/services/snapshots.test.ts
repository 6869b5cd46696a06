import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { attach, installModel, startAssistant, tempFolder, until } from './assistant-support.ts';

async function started() {
  const dataDir = tempFolder();
  installModel(dataDir);
  const all = startAssistant({ dataDir });
  await until(() => all.engine.snapshots !== null && all.engine.loads.length > 0);
  return all;
}

describe('caches on the disk', () => {
  it('lie in the data folder and take a tenth of what is free, 8 GiB at most', async () => {
    const { engine, dataDir } = await started();
    const { bavail, bsize } = statfsSync(dataDir);
    expect(engine.snapshots?.folder).toBe(join(dataDir, 'cache', 'kv'));
    const most = Math.min(8 * 1024 ** 3, (bavail * bsize) / 10);
    expect(engine.snapshots?.budgetBytes).toBeGreaterThan(most * 0.9);
    expect(engine.snapshots?.budgetBytes).toBeLessThan(Math.min(most * 1.1, 8 * 1024 ** 3 + 1));
  });

  it('take what the settings say, at once and after the engine came back', async () => {
    const { client, engine, assistant } = await started();
    await client.system.changeSettings({ cacheGigabytes: 2 });
    await until(() => engine.snapshots?.budgetBytes === 2 * 1024 ** 3);
    engine.snapshots = null;
    engine.die();
    attach(assistant, 'engine', engine);
    await until(() => engine.snapshots?.budgetBytes === 2 * 1024 ** 3);
  });

  it('are saved for the conversation, and deleted when that is destroyed, not when it goes into the bin', async () => {
    const { client, engine } = await started();
    const { id } = await client.chat.create({});
    void client.chat.send({ conversationId: id, text: 'Hello' });
    const answer = await engine.nextAnswer();
    expect(answer.owner).toBe(`conversation:${id}`);
    await client.chat.remove({ id });
    expect(engine.forgotten).toEqual([]);
    await client.chat.purge({ id });
    await until(() => engine.forgotten.includes(`conversation:${id}`));
  });

  it('of what was destroyed while the engine was away are deleted when it comes back', async () => {
    const { client, engine, assistant } = await started();
    const kept = await client.chat.create({});
    const gone = await client.chat.create({});
    await client.chat.remove({ id: gone.id });
    engine.die();
    await client.chat.purge({ id: gone.id });
    engine.owners = [`conversation:${kept.id}`, `conversation:${gone.id}`, 'document:gone', 'of something else'];
    attach(assistant, 'engine', engine);
    await until(() => engine.forgotten.length > 0);
    expect(engine.forgotten).toEqual([`conversation:${gone.id}`, 'document:gone']);
  });

  it('are named by the doctor and cleared on demand', async () => {
    const { client, engine } = await started();
    const findings = await client.system.doctor();
    expect(findings.find(({ id }) => id === 'cache')).toMatchObject({ level: 'ok', values: { cacheBytes: 11 } });
    await client.system.changeSettings({ cacheGigabytes: 2 });
    expect(await client.system.cache()).toEqual({ bytes: 11, budgetBytes: 2 * 1024 ** 3 });
    expect(await client.system.clearCache()).toEqual({ freedBytes: 11 });
    expect(engine.forgotten).toEqual(['everything']);
    engine.die();
    expect(await client.system.cache()).toBeNull();
  });
});
