import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connect } from '../../main/contract/client.ts';
import type { LonghandClient } from '../../main/contract/index.ts';
import type { Job } from '../../main/contract/jobs.ts';
import type { ProcessRole } from '../../main/contract/shell.ts';
import { createNodeSupervisor } from '../../main/shell/node/start.ts';
import { compile } from '../../native-models/compile.ts';
import { WEIGHTS_FILE } from '../../native-models/graph/weights.ts';
import { writeGguf } from '../support/gguf-writer.ts';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';
import { tempFolder, until } from './assistant-support.ts';

const processFile = (name: string) => fileURLToPath(new URL(`../support/processes/${name}.ts`, import.meta.url));

/** The real assistant and the real reader in processes of their own, and a checkpoint that takes them a second or two. */
function start() {
  const dataDir = tempFolder();
  const path = join(dataDir, 'mine.gguf');
  writeFileSync(path, writeGguf(tinyCheckpoint({ type: 'Q8_0', layers: 6, seed: 9 })));
  const log = join(dataDir, 'packed.txt');
  writeFileSync(log, '');
  process.env.PACKED_LOG = log;
  const supervisor = createNodeSupervisor({
    dataFolder: dataDir,
    fetch: 'never',
    say() {},
    log() {},
    files: { engine: processFile('talking-engine'), reader: processFile('slow-reader') },
  });
  supervisor.start();
  onTestFinished(() => supervisor.stop());
  const pidOf = (role: ProcessRole) => supervisor.processes().find((one) => one.role === role)?.pid ?? null;
  return {
    path,
    models: join(dataDir, 'models'),
    connectClient: () => connect<LonghandClient>(supervisor.connectClient()),
    /** Steps in the order in which they were packed, over all processes. */
    packed: () => readFileSync(log, 'utf8').split('\n').slice(0, -1),
    /** Kills processes at once, and waits until others are in their place. */
    async kill(...roles: ProcessRole[]) {
      const killed = roles.map((role) => pidOf(role)!);
      for (const pid of killed) process.kill(pid, 'SIGKILL');
      await until(() => roles.every((role, i) => pidOf(role) !== null && pidOf(role) !== killed[i]));
    },
  };
}

const inState = (client: LonghandClient, id: string, ...states: Job['state'][]) =>
  until(async () => {
    const job = (await client.jobs.list()).find((one) => one.id === id);
    return job && states.includes(job.state) ? job : null;
  });

/** A step that was packed when its process died, and not yet recorded, is the only one that may come twice. */
function expectOncePacked(packed: readonly string[], interruptions: number): void {
  expect(packed.length - new Set(packed).size).toBeLessThanOrEqual(interruptions);
}

async function expectWhole({ path, models }: { path: string; models: string }, name: string): Promise<void> {
  const wanted = join(models, '..', 'wanted');
  await compile(path, wanted, { name, recipe: 'fast' });
  expect(readdirSync(models)).toHaveLength(1);
  const [folder = ''] = readdirSync(models);
  const weights = (of: string) => readFileSync(join(of, WEIGHTS_FILE));
  expect(weights(join(models, folder)).equals(weights(wanted))).toBe(true);
}

describe('an import whose processes are killed in the middle', () => {
  it('goes on by itself where it was, with nothing packed again, however often that happens', async () => {
    const app = start();
    let client = app.connectClient();
    const { id } = await client.models.import({ path: app.path, name: 'mine', recipe: 'fast' });
    for (const count of [8, 20]) {
      await until(() => app.packed().length >= count);
      await app.kill('assistant', 'reader');
      client = app.connectClient();
    }
    expect((await inState(client, id, 'done', 'failed')).error).toBe(null);
    expectOncePacked(app.packed(), 2);
    await expectWhole(app, 'mine');
  }, 30_000);

  it('goes on while the reader that the dead assistant had asked is still there', async () => {
    const app = start();
    const { id } = await app.connectClient().models.import({ path: app.path, name: 'mine', recipe: 'fast' });
    await until(() => app.packed().length >= 8);
    await app.kill('assistant');
    expect((await inState(app.connectClient(), id, 'done', 'failed')).error).toBe(null);
    expectOncePacked(app.packed(), 2); // the old run ends behind the step that it is at
    await expectWhole(app, 'mine');
  }, 30_000);

  it('fails when only the reader dies, and goes on where it was when it is tried again', async () => {
    const app = start();
    const client = app.connectClient();
    const { id } = await client.models.import({ path: app.path, name: 'mine', recipe: 'fast' });
    await until(() => app.packed().length >= 8);
    await app.kill('reader');
    expect((await inState(client, id, 'failed')).error?.code).toBe('reader-stopped');
    await client.jobs.resume({ id });
    expect((await inState(client, id, 'done', 'failed')).error).toBe(null);
    expectOncePacked(app.packed(), 1);
    await expectWhole(app, 'mine');
  }, 30_000);
});

describe('an import that is stopped in the middle', () => {
  it('goes on after a pause, and leaves nothing when it is cancelled', async () => {
    const app = start();
    const client = app.connectClient();
    const { id } = await client.models.import({ path: app.path, name: 'mine', recipe: 'fast' });
    await until(() => app.packed().length >= 8);
    await client.jobs.pause({ id });
    const before = app.packed().length;
    expect(readdirSync(app.models)).toEqual(['mine.partial']);
    await client.jobs.resume({ id });
    await until(() => app.packed().length >= before + 4);
    expectOncePacked(app.packed(), 1);
    await client.jobs.cancel({ id });
    await until(() => !existsSync(join(app.models, 'mine.partial')));
    expect(readdirSync(app.models)).toEqual([]);
  }, 30_000);
});
