import { describe, expect, it, onTestFinished } from 'vitest';
import { Readings } from '../../renderer/state/readings.svelte.ts';
import { TestLine, until } from '../support/renderer-support.ts';

async function watch() {
  const line = new TestLine();
  const changed: string[] = [];
  const readings = new Readings(line.connection, (id) => changed.push(id));
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  void readings.watch(stop.signal);
  await until(() => expect(line.connection.state).toBe('connected'));
  return { line, readings, changed };
}

describe('conversations that are read in the background', () => {
  it('are each known by their job, from whichever window it was begun', async () => {
    const { line, readings } = await watch();
    line.assistant.read('c1');
    await until(() => expect(readings.of('c1')).toMatchObject({ done: 12_400, total: 38_000 }));
    expect(readings.of('c2')).toBeNull();
    expect(readings.of(null)).toBeNull();
  });

  it('can be paused, gone on with and given up', async () => {
    const { line, readings, changed } = await watch();
    await readings.start('c1');
    expect(line.assistant.calls).toEqual(['prefill c1']);
    await readings.act('pause', readings.of('c1')!);
    expect(readings.of('c1')?.state).toBe('paused');
    expect(changed).toEqual(['c1']); // what is cached of it is counted anew
    await readings.act('resume', readings.of('c1')!);
    expect(readings.of('c1')?.state).toBe('running');
    await readings.act('cancel', readings.of('c1')!);
    expect(readings.of('c1')).toBeNull();
  });

  it('know no more of a try that failed once another began', async () => {
    const { line, readings } = await watch();
    line.assistant.read('c1', { id: 'first', state: 'failed', createdMs: 1 });
    await until(() => expect(readings.of('c1')?.state).toBe('failed'));
    line.assistant.read('c1', { id: 'second', createdMs: 2 });
    await until(() => expect(readings.of('c1')?.id).toBe('second'));
    line.assistant.read('c1', { id: 'second', createdMs: 2, state: 'done' });
    await until(() => expect(readings.of('c1')).toBeNull());
  });

  it('are forgotten when they ended while the line was down', async () => {
    const { line, readings, changed } = await watch();
    line.assistant.read('c1');
    await until(() => expect(readings.of('c1')?.state).toBe('running'));
    line.cut();
    line.assistant.read('c1', { state: 'done' });
    await until(() => expect(line.connection.state).toBe('connected'));
    await until(() => expect(readings.of('c1')).toBeNull());
    expect(changed).toContain('c1');
  });

  it('are forgotten once they are read', async () => {
    const { line, readings, changed } = await watch();
    line.assistant.read('c1');
    await until(() => expect(readings.of('c1')).not.toBeNull());
    line.assistant.read('c1', { state: 'done' });
    await until(() => expect(readings.of('c1')).toBeNull());
    expect(changed).toContain('c1');
  });
});
