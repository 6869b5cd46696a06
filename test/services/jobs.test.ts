import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { LonghandError } from '../../main/contract/errors.ts';
import type { Job } from '../../main/contract/jobs.ts';
import { defineJob, type JobContext } from '../../main/services/jobs/job-kind.ts';
import { Jobs } from '../../main/services/jobs/jobs.ts';
import { Speed } from '../../main/services/jobs/speed.ts';
import { openStore } from '../../main/services/store/open.ts';
import { failureOf, tempFolder, until } from './assistant-support.ts';

type Run = JobContext<{ name: string }> & { finish(result?: Record<string, unknown>): void; fail(error: Error): void };

/** Jobs of one kind whose runs the test ends itself. */
function start({
  dir = tempFolder(),
  resumable = true,
  now,
}: { dir?: string; resumable?: boolean; now?: () => number } = {}) {
  const store = openStore(join(dir, 'longhand.db'));
  const log: string[] = [];
  const jobs = new Jobs(store, { log: (line) => void log.push(line), now });
  const runs: Run[] = [];
  const discarded: unknown[] = [];
  jobs.register(
    defineJob({
      kind: 'bake',
      params: z.object({ name: z.string() }),
      title: ({ name }) => `Bake ${name}`,
      subject: ({ name }) => name,
      resumable,
      run: (context) =>
        new Promise((resolve, reject) => {
          runs.push({ ...context, finish: (result = {}) => resolve(result), fail: reject });
          context.signal.addEventListener('abort', () => reject(context.signal.reason as Error));
        }),
      discard: async ({ params, checkpoint }) => void discarded.push([params.name, checkpoint]),
    }),
  );
  let open = true;
  const close = async () => {
    if (open) await jobs.close();
    if (open) store.close();
    open = false;
  };
  onTestFinished(close);
  /** Closes the database under the jobs, as a killed process does. */
  const kill = () => {
    open = false;
    store.close();
  };
  return { jobs, runs, discarded, log, dir, close, kill, store };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('a job', () => {
  it('runs, tells how far it is, and keeps its result', async () => {
    const { jobs, runs } = start();
    const { id, title, subject, state } = jobs.start('bake', { name: 'bread' });
    expect([title, subject, state]).toEqual(['Bake bread', 'bread', 'running']);
    const seen: Job[] = [];
    const watching = (async () => {
      for await (const job of jobs.watch(id)) seen.push(job);
    })();
    await settle();
    runs[0]!.progress({ stage: 'knead', done: 1, total: 10, unit: 'turns' });
    runs[0]!.progress({ stage: 'oven', done: 5, total: 20, unit: 'minutes' });
    runs[0]!.finish({ loaves: 2 });
    await watching; // which ends with the job
    expect(seen.map((job) => job.stage)).toEqual([null, 'knead', 'oven', 'oven']);
    expect(seen.at(-1)).toMatchObject({ state: 'done', done: 5, total: 20, unit: 'minutes', result: { loaves: 2 } });
  });

  it('waits for another of its kind, in the order of the queue', async () => {
    const { jobs, runs } = start();
    const ids = ['a', 'b', 'c'].map((name) => jobs.start('bake', { name }).id);
    expect(ids.map((id) => jobs.get(id).state)).toEqual(['running', 'queued', 'queued']);
    runs[0]!.finish();
    await until(() => runs.length === 2);
    expect(runs[1]!.params.name).toBe('b');
    runs[1]!.fail(new LonghandError('offline', 'No network.', { host: 'x' }));
    await until(() => runs.length === 3);
    expect(jobs.get(ids[1]!)).toMatchObject({ state: 'failed', error: { code: 'offline', details: { host: 'x' } } });
  });

  it('stores progress a few times a second and not at every step', async () => {
    let nowMs = 0;
    const { jobs, runs, store } = start({ now: () => nowMs });
    const { id } = jobs.start('bake', { name: 'bread' });
    let changes = 0;
    jobs.onChange(() => changes++);
    for (let done = 0; done < 1000; done++) {
      runs[0]!.progress({ stage: 'knead', done, total: 1000, unit: 'turns' });
      nowMs += 1;
    }
    expect(changes).toBe(4); // at 0, 250, 500 and 750 ms
    expect(store.jobs.get(id)?.done).toBe(750);
    runs[0]!.finish();
    await until(() => jobs.get(id).state === 'done');
    expect(jobs.get(id).done).toBe(999); // the end is never left out
  });

  it('tells speed and time left over the last seconds', async () => {
    let nowMs = 0;
    const { jobs, runs } = start({ now: () => nowMs });
    const { id } = jobs.start('bake', { name: 'bread' });
    for (nowMs = 0; nowMs <= 4000; nowMs += 500) {
      runs[0]!.progress({ stage: 'get', done: nowMs * 2, total: 20_000, unit: 'bytes' });
    }
    expect(jobs.get(id)).toMatchObject({ speed: 2000, etaMs: 6000 });
  });

  it('stops at once when it is cancelled, and what it left is removed', async () => {
    const { jobs, runs, discarded } = start();
    const { id } = jobs.start('bake', { name: 'bread' });
    runs[0]!.saveCheckpoint({ kneaded: true });
    const cancelled = await jobs.cancel(id);
    expect(cancelled.state).toBe('cancelled');
    expect(runs[0]!.signal.aborted).toBe(true);
    expect(discarded).toEqual([['bread', { kneaded: true }]]);
    expect(jobs.resume(id).state).toBe('cancelled');
    jobs.start('bake', { name: 'cake' });
    await until(() => runs.length === 2);
  });

  it('is cancelled while it waits, too', async () => {
    const { jobs, runs } = start();
    jobs.start('bake', { name: 'a' });
    const { id } = jobs.start('bake', { name: 'b' });
    expect((await jobs.cancel(id)).state).toBe('cancelled');
    runs[0]!.finish();
    await settle();
    expect(runs).toHaveLength(1);
  });

  it('goes on from its checkpoint after a pause', async () => {
    const { jobs, runs, discarded } = start();
    const { id } = jobs.start('bake', { name: 'bread' });
    runs[0]!.saveCheckpoint({ kneaded: true });
    expect((await jobs.pause(id)).state).toBe('paused');
    expect(discarded).toEqual([]);
    expect(jobs.resume(id).state).toBe('running');
    expect(runs[1]!.checkpoint).toEqual({ kneaded: true });
    runs[1]!.finish();
    await until(() => jobs.get(id).state === 'done');
  });

  it('can be tried again after it failed', async () => {
    const { jobs, runs } = start();
    const { id } = jobs.start('bake', { name: 'bread' });
    runs[0]!.fail(new Error('burnt'));
    await until(() => jobs.get(id).state === 'failed');
    expect(jobs.get(id).error).toMatchObject({ code: 'internal', message: 'burnt' });
    jobs.resume(id);
    expect(jobs.get(id)).toMatchObject({ state: 'running', error: null });
    runs[1]!.finish();
    await until(() => jobs.get(id).state === 'done');
  });

  it('says so when it does not exist', async () => {
    const { jobs } = start();
    expect(() => jobs.get('none')).toThrow(LonghandError);
    expect((await failureOf(jobs.cancel('none'))).code).toBe('not-found');
  });
});

describe('after a restart', () => {
  it.each(['killed', 'ended'])(
    'goes on with the job that ran when the app was %s, then with those behind it',
    async (how) => {
      const first = start();
      const { id } = first.jobs.start('bake', { name: 'bread' });
      first.jobs.start('bake', { name: 'cake' });
      first.runs[0]!.saveCheckpoint({ kneaded: true });
      first.runs[0]!.progress({ stage: 'oven', done: 3, total: 9, unit: 'minutes' });
      if (how === 'killed') first.kill();
      else await first.close();
      expect(first.log).toEqual([]);

      const second = start({ dir: first.dir });
      expect(second.jobs.get(id)).toMatchObject({ stage: 'oven', done: 3 });
      second.jobs.resumeInterrupted();
      expect(second.runs).toHaveLength(1);
      expect(second.runs[0]).toMatchObject({ params: { name: 'bread' }, checkpoint: { kneaded: true } });
      second.runs[0]!.finish();
      await until(() => second.runs.length === 2);
      expect(second.runs[1]!.params.name).toBe('cake');
    },
  );

  it('leaves a paused job paused, and one that cannot go on as interrupted until the user says so', async () => {
    const first = start({ resumable: false });
    const paused = first.jobs.start('bake', { name: 'bread' }).id;
    await first.jobs.pause(paused);
    const cut = first.jobs.start('bake', { name: 'cake' }).id;
    first.kill();

    const second = start({ dir: first.dir, resumable: false });
    second.jobs.resumeInterrupted();
    expect([second.jobs.get(paused).state, second.jobs.get(cut).state]).toEqual(['paused', 'interrupted']);
    expect(second.runs).toHaveLength(0);
    second.jobs.resume(cut);
    expect(second.runs).toHaveLength(1);
  });
});

describe('watching jobs', () => {
  it('shows those that are unfinished, then every change of any', async () => {
    const { jobs, runs } = start();
    const old = jobs.start('bake', { name: 'old' }).id;
    runs[0]!.finish();
    await until(() => jobs.get(old).state === 'done');
    jobs.start('bake', { name: 'a' });
    const stop = new AbortController();
    const seen: string[] = [];
    const watching = (async () => {
      for await (const job of jobs.watch(null, stop.signal)) seen.push(`${job.title} ${job.state}`);
    })();
    await settle();
    jobs.start('bake', { name: 'b' });
    await until(() => seen.length === 2);
    expect(seen).toEqual(['Bake a running', 'Bake b queued']);
    stop.abort();
    await watching;
  });
});

describe('the speed of a count', () => {
  it('is unknown at first, after another stage, and when the count began again', () => {
    const speed = new Speed();
    speed.add(0, 0);
    speed.add(50, 100);
    expect(speed.estimate(100).speed).toBe(null); // a tenth of a second says little
    speed.add(500, 1000);
    expect(speed.estimate(1000)).toEqual({ speed: 500, etaMs: 1000 });
    speed.add(0, 1100);
    expect(speed.estimate(1000)).toEqual({ speed: null, etaMs: null });
  });

  it('forgets what is longer ago than some seconds', () => {
    const speed = new Speed();
    for (let ms = 0; ms <= 10_000; ms += 1000) speed.add(ms, ms);
    for (let ms = 11_000; ms <= 17_000; ms += 1000) speed.add(10_000 + (ms - 10_000) * 4, ms);
    expect(speed.estimate(null)).toEqual({ speed: 4000, etaMs: null });
  });

  it('gives no time left while nothing comes', () => {
    const speed = new Speed();
    for (let ms = 0; ms <= 8000; ms += 1000) speed.add(100, ms);
    expect(speed.estimate(1000)).toEqual({ speed: 0, etaMs: null });
  });
});
