import { describe, expect, it, onTestFinished } from 'vitest';
import { LatestJobs } from '../../renderer/state/latest-jobs.svelte.ts';
import { TestLine, until } from '../support/renderer-support.ts';

const C1 = 'conversation:c1';

async function watch() {
  const line = new TestLine();
  const changed: string[] = [];
  const jobs = new LatestJobs(line.connection, ['prefill'], ({ subject, state }) =>
    changed.push(`${subject} ${state}`),
  );
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  void jobs.watch(stop.signal);
  await until(() => expect(line.connection.state).toBe('connected'));
  return { line, jobs, changed };
}

describe('works in the background', () => {
  it('are each known by what they are done to, from whichever window they were begun', async () => {
    const { line, jobs } = await watch();
    line.assistant.read('c1');
    await until(() => expect(jobs.of(C1)).toMatchObject({ done: 12_400, total: 38_000 }));
    expect(jobs.of('conversation:c2')).toBeNull();
  });

  it('can be paused, gone on with and given up', async () => {
    const { line, jobs, changed } = await watch();
    await jobs.begin((client) => client.chat.prefill({ id: 'c1' }));
    expect(line.assistant.calls).toEqual(['prefill c1']);
    await jobs.act('pause', jobs.of(C1)!);
    expect(jobs.of(C1)?.state).toBe('paused');
    expect(changed.at(-1)).toBe(`${C1} paused`);
    await jobs.act('resume', jobs.of(C1)!);
    expect(jobs.of(C1)?.state).toBe('running');
    await jobs.act('cancel', jobs.of(C1)!);
    expect(jobs.of(C1)).toBeNull();
  });

  it('know no more of a try that failed once another began', async () => {
    const { line, jobs } = await watch();
    line.assistant.read('c1', { id: 'first', state: 'failed', createdMs: 1 });
    await until(() => expect(jobs.of(C1)?.state).toBe('failed'));
    line.assistant.read('c1', { id: 'second', createdMs: 2 });
    await until(() => expect(jobs.of(C1)?.id).toBe('second'));
    line.assistant.read('c1', { id: 'second', createdMs: 2, state: 'done' });
    await until(() => expect(jobs.of(C1)).toBeNull());
  });

  it('are forgotten when they ended while the line was down', async () => {
    const { line, jobs, changed } = await watch();
    line.assistant.read('c1');
    await until(() => expect(jobs.of(C1)?.state).toBe('running'));
    line.cut();
    line.assistant.read('c1', { state: 'done' });
    await until(() => expect(line.connection.state).toBe('connected'));
    await until(() => expect(jobs.of(C1)).toBeNull());
    expect(changed).toContain(`${C1} done`);
  });

  it('are forgotten once they are done', async () => {
    const { line, jobs, changed } = await watch();
    line.assistant.read('c1');
    await until(() => expect(jobs.of(C1)).not.toBeNull());
    line.assistant.read('c1', { state: 'done' });
    await until(() => expect(jobs.of(C1)).toBeNull());
    expect(changed).toContain(`${C1} done`);
  });

  it('are of the kinds that were asked for', async () => {
    const { line, jobs } = await watch();
    const reports = new LatestJobs(line.connection, ['summary', 'comparison']);
    const stop = new AbortController();
    onTestFinished(() => stop.abort());
    void reports.watch(stop.signal);
    line.assistant.summarise('d1');
    line.assistant.compare('d1', 'd2');
    await until(() => expect(reports.all.map(({ subject }) => subject)).toEqual(['d1', 'd1 d2']));
    expect(jobs.all).toEqual([]);
  });
});
