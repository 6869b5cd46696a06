import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { BenchReport } from '../../main/contract/system.ts';
import { decodeBound, median } from '../../main/services/system/bench.ts';
import { checkDisk, checkMemory, checkNode } from '../../main/services/system/doctor.ts';
import { failureOf, installModel, startAssistant, tempFolder, until, type Setup } from './assistant-support.ts';

async function startReady(setup: Setup = {}) {
  const dataDir = tempFolder();
  installModel(dataDir);
  const started = startAssistant({ ...setup, dataDir });
  started.engine.contextTokens = 4096;
  await until(async () => (await started.client.models.status()).state === 'ready');
  return started;
}

describe('the bench', () => {
  it('measures every point once a round, and reports medians, memory and the share of the bound', async () => {
    const { client, engine } = await startReady();
    let report: BenchReport | undefined;
    const labels: string[] = [];
    for await (const event of await client.system.bench({ repeats: 3 })) {
      if (event.type === 'report') report = event.report;
      else labels.push(`${event.done}/${event.total} ${event.label}`);
    }
    expect(engine.benched.slice(0, 5)).toEqual([
      'prefill 512',
      'prefill 2048',
      'decode 128',
      'decode 2048',
      'prefill 512',
    ]);
    expect(labels[0]).toBe('0/13 memory bandwidth');
    expect(labels.at(-1)).toBe('13/13 done');
    // The stand-in's decode speed is the number of the call, so that the order can be seen.
    expect(report?.points).toEqual([
      { kind: 'prefill', tokens: 512, tokensPerSecond: 200, runs: [200, 200, 200] },
      { kind: 'prefill', tokens: 2048, tokensPerSecond: 200, runs: [200, 200, 200] },
      { kind: 'decode', tokens: 128, tokensPerSecond: 7, runs: [3, 7, 11] },
      { kind: 'decode', tokens: 2048, tokensPerSecond: 8, runs: [4, 8, 12] },
    ]);
    expect(report).toMatchObject({ model: 'tiny', threads: 2, rssBytes: 9, bandwidthGBs: 2 });
    // 1 MB of weights and 144 cached tokens of 1 KB, at 2 GB/s: 1748 tokens/s would be the bound.
    expect(report?.shareOfBound[0]?.share).toBeCloseTo(7 / (2e9 / (1e6 + 144_000)), 10);
  });

  it('leaves out points beyond the context, and is refused without a model', async () => {
    const { client, engine } = await startReady();
    engine.contextTokens = 600;
    await client.system.changeSettings({ threads: 1 }); // loads again
    await until(async () => (await client.models.status()).contextTokens === 600);
    for await (const _ of await client.system.bench({ repeats: 1 }));
    expect(engine.benched).toEqual(['prefill 512', 'decode 128']);

    const { client: bare } = startAssistant();
    const running = (async () => {
      for await (const _ of await bare.system.bench({}));
    })();
    expect((await failureOf(running)).code).toBe('no-model');
  });

  it('keeps the model from being removed while it measures', async () => {
    const { client, engine } = await startReady();
    const held = Promise.withResolvers<void>();
    engine.holdBench = held.promise;
    for await (const event of await client.system.bench({ repeats: 1 })) {
      if (event.type === 'report' || event.done === 0) continue;
      expect((await failureOf(client.models.remove({ name: 'tiny' }))).code).toBe('model-in-use');
      break; // which ends the bench
    }
    held.resolve();
    await until(() =>
      client.models.remove({ name: 'tiny' }).then(
        () => true,
        () => null,
      ),
    );
  });

  it('takes the middle of the runs', () => {
    expect(median([5])).toBe(5);
    expect(median([9, 1, 5])).toBe(5);
    expect(median([9, 1, 5, 6])).toBe(5.5);
  });

  it('bounds decoding by weights and cache over bandwidth', () => {
    const model = { weightBytes: 400e6, kvBytesPerToken: 25_000 } as Parameters<typeof decodeBound>[0];
    // (400e6 + 25e3 * (2048 + 16)) bytes at 20 GB/s
    expect(decodeBound(model, 2048, 20)).toBeCloseTo(44.287, 2);
  });
});

describe('the doctor', () => {
  it('finds a healthy installation healthy', async () => {
    const { client } = await startReady();
    const findings = await client.system.doctor();
    expect(findings.filter(({ level }) => level === 'failure')).toEqual([]);
    const ids = findings.map(({ id }) => id);
    for (const id of ['node', 'engine', 'disk', 'memory', 'data-folder', 'model', 'database', 'pip'])
      expect(ids).toContain(id);
    expect(findings.find(({ id }) => id === 'model')).toMatchObject({ level: 'ok' });
  });

  it('names what is wrong and what to do', async () => {
    const { client, dataDir, engine } = await startReady();
    writeFileSync(join(dataDir, 'models', 'tiny', 'weights.bin'), 'x');
    engine.die();
    const findings = await client.system.doctor();
    const model = findings.find(({ id }) => id === 'model');
    expect(model).toMatchObject({ level: 'failure' });
    expect(model?.action).toContain('models pull tiny');
    expect(findings.find(({ id }) => id === 'engine')?.level).toBe('failure');
    rmSync(join(dataDir, 'models'), { recursive: true });
    const later = await client.system.doctor();
    expect(later.filter(({ id }) => id === 'model').map(({ level }) => level)).not.toContain('ok');
  });

  it('judges versions, disk and memory by figures', () => {
    expect(checkNode('20.19.4').level).toBe('failure');
    expect(checkNode('22.17.1').level).toBe('failure');
    expect(checkNode('22.18.0').level).toBe('ok');
    expect(checkNode('24.1.0').level).toBe('ok');
    expect(checkDisk(1.9e9).level).toBe('warning');
    expect(checkDisk(2e9).level).toBe('ok');
    expect(checkMemory(1e9, 8e9, 4e9).level).toBe('warning');
    expect(checkMemory(4e9, 8e9, 4e9).level).toBe('ok');
    expect(checkMemory(1e9, 8e9, null).level).toBe('ok');
  });
});

describe('the system', () => {
  it('tells who it is, and hands on what the shell knows of the processes', async () => {
    const { client, dataDir, shell } = startAssistant();
    expect(await client.system.hello()).toEqual({ version: 'test', dataFolder: dataDir, pid: process.pid });
    shell.infos = [{ role: 'engine', pid: 7, restarts: 1, failed: false, lastExit: 'SIGKILL' }];
    expect(await client.system.processes()).toEqual(shell.infos);
  });
});
