import { describe, expect, it } from 'vitest';
import { databaseIn, failure, open, tempFolder } from './store-support.ts';

describe('a job', () => {
  it('starts queued and empty', () => {
    const { jobs } = open();
    const job = jobs.insert({ kind: 'download', title: 'Qwen2.5-0.5B', unit: 'bytes', params: { url: 'https://hub' } });
    expect(job).toMatchObject({
      state: 'queued',
      stage: null,
      done: 0,
      total: null,
      unit: 'bytes',
      params: { url: 'https://hub' },
      checkpoint: null,
    });
    expect(jobs.get(job.id)).toEqual(job);
  });

  it('keeps what a step of progress does not mention', () => {
    const { jobs } = open();
    const { id } = jobs.insert({ kind: 'compile', title: 'tiny', total: 100, unit: 'tensors' });
    jobs.update(id, { stage: 'quantise', done: 10, checkpoint: { tensor: 10 } });
    jobs.update(id, { done: 20 });
    expect(jobs.get(id)).toMatchObject({ stage: 'quantise', done: 20, total: 100, checkpoint: { tensor: 10 } });
    jobs.update(id, { total: null, checkpoint: null });
    expect(jobs.get(id)).toMatchObject({ done: 20, total: null, checkpoint: null });
  });

  it('counts past 32 bits', () => {
    const { jobs } = open();
    const { id } = jobs.insert({ kind: 'download', title: 'large', total: 2 ** 45 });
    expect(jobs.update(id, { done: 2 ** 44 + 1 })).toMatchObject({ done: 2 ** 44 + 1, total: 2 ** 45 });
  });

  it('has the outcome that belongs to its state', () => {
    const { jobs } = open();
    const { id } = jobs.insert({ kind: 'download', title: 'tiny' });
    const error = { code: 'disk-full' as const, message: 'The disk is full.', details: { freeBytes: 0 } };
    expect(jobs.setState(id, 'failed', { error })).toMatchObject({ state: 'failed', error, result: null });
    expect(jobs.setState(id, 'done', { result: { path: 'models/tiny' } })).toMatchObject({
      state: 'done',
      error: null,
      result: { path: 'models/tiny' },
    });
  });

  it('is found after a restart while it can still go on', () => {
    const path = databaseIn(tempFolder());
    const store = open(path);
    const states = ['queued', 'running', 'paused', 'done', 'failed', 'cancelled', 'interrupted'] as const;
    for (const state of states) store.jobs.insert({ kind: 'download', title: state, state });
    store.close();
    const { jobs } = open(path);
    expect(jobs.unfinished().map(({ title }) => title)).toEqual(['queued', 'running', 'paused', 'interrupted']);
    expect(jobs.list().map(({ title }) => title)).toEqual([...states].reverse());
    expect(jobs.list({ limit: 2 })).toHaveLength(2);
  });

  it('that is not there cannot go on', () => {
    const { jobs } = open();
    expect(failure(() => jobs.update('none', { done: 1 })).code).toBe('not-found');
    expect(failure(() => jobs.setState('none', 'done')).code).toBe('not-found');
    expect(jobs.get('none')).toBeNull();
  });
});

describe('settings', () => {
  it('keep any JSON value over a restart, and forget what is undefined', () => {
    const path = databaseIn(tempFolder());
    const store = open(path);
    store.settings.set({ theme: 'dark', threads: null, nested: { list: [1, '二', false] } });
    store.settings.set({ theme: undefined, threads: 4 });
    store.close();
    const { settings } = open(path);
    expect(settings.all()).toEqual({ threads: 4, nested: { list: [1, '二', false] } });
    expect(settings.get('threads')).toBe(4);
    expect(settings.get('theme')).toBeUndefined();
  });

  it('are all set or none', () => {
    const { settings } = open();
    expect(() => settings.set({ theme: 'dark', threads: 1n })).toThrow('BigInt');
    expect(settings.all()).toEqual({});
  });
});
