import { describe, expect, it } from 'vitest';
import type { ModelStatus } from '../../main/contract/models.ts';
import type { Connection } from '../../renderer/app/connection.ts';
import { Model } from '../../renderer/state/model.svelte.ts';
import { downloadJob, readyStatus, smolModel } from '../support/scripted-data.ts';

/** A model in the state given, and the names of the calls that it makes. */
function modelIn(status: Partial<ModelStatus>) {
  const calls: string[] = [];
  const note = (name: string) => (input: unknown) => Promise.resolve(calls.push(`${name} ${JSON.stringify(input)}`));
  const client = {
    jobs: { resume: note('resume'), pause: note('pause'), cancel: note('cancel') },
    models: { pull: note('pull'), use: note('use') },
  };
  const connection = { call: (run: (to: typeof client) => unknown) => run(client) } as unknown as Connection;
  const model = new Model(connection);
  model.status = { ...readyStatus, ...status };
  return { model, calls };
}

const failure = (code: string) => ({ code, message: '', details: {} });

describe('the one button that gets a model', () => {
  it.each([
    ['gets the starter where there is none', { state: 'none', model: null }, 'pull {"name":"starter"}'],
    [
      'goes on with a download that failed',
      { state: 'failed', model: null, job: downloadJob({ state: 'failed' }) },
      'resume {"id":"job"}',
    ],
    [
      'goes on with one that was paused',
      { state: 'installing', job: downloadJob({ state: 'paused' }) },
      'resume {"id":"job"}',
    ],
    [
      'loads a model again that is whole but did not load',
      { state: 'failed', model: smolModel, error: failure('engine-stopped') },
      'use {"name":"SmolLM2-135M"}',
    ],
    [
      'gets the starter where the files of the model are gone',
      { state: 'failed', model: smolModel, error: failure('model-not-found') },
      'pull {"name":"starter"}',
    ],
  ] as [string, Partial<ModelStatus>, string][])('%s', async (_title, status, call) => {
    const { model, calls } = modelIn(status);
    await model.install();
    expect(calls).toEqual([call]);
    expect(model.asking).toBe(false);
  });

  it('asks once however often it is pressed', async () => {
    const { model, calls } = modelIn({ state: 'none', model: null });
    await Promise.all([model.install(), model.install()]);
    expect(calls).toHaveLength(1);
  });
});

describe('an installation that failed', () => {
  const failed = (kind: string, code: 'disk-full' | 'not-a-checkpoint') => {
    const error = { code, message: '', details: {} };
    return modelIn({ state: 'failed', model: null, error, job: downloadJob({ kind, state: 'failed', error }) });
  };

  it('of a file of the user’s can be let go of, but not a download, whose parts would go', async () => {
    const { model, calls } = failed('import', 'disk-full');
    expect(model.canDismiss).toBe(true);
    await model.cancel();
    expect(calls).toEqual(['cancel {"id":"job"}']);
    expect(failed('pull', 'disk-full').model.canDismiss).toBe(false);
  });

  it('is not tried again with a file that is no checkpoint', () => {
    expect(failed('import', 'not-a-checkpoint').model.isOfFile).toBe(true);
    expect(failed('import', 'disk-full').model.isOfFile).toBe(false);
  });
});

it('says that the network is in use only while something is downloaded', () => {
  const { model } = modelIn({ state: 'installing', job: downloadJob() });
  expect(model.downloading).toBe(true);
  model.status = { ...readyStatus, state: 'installing', job: downloadJob({ stage: 'compile' }) };
  expect(model.downloading).toBe(false);
  model.status = { ...readyStatus, state: 'installing', job: downloadJob({ state: 'paused' }) };
  expect(model.downloading).toBe(false);
});
