import { describe, expect, it } from 'vitest';
import type { Job } from '../../main/contract/jobs.ts';
import { LonghandError } from '../../main/contract/errors.ts';
import type { LonghandClient } from '../../main/contract/index.ts';
import type { Prefilling, ScriptedEngine } from './assistant-support.ts';
import { attach, failureOf, installModel, startAssistant, startTalk, until } from './assistant-support.ts';

const jobOf = async (client: LonghandClient, id: string) => (await client.jobs.list()).find((job) => job.id === id)!;
const reaches = (client: LonghandClient, { id }: Job, state: Job['state']) =>
  until(async () => ((await jobOf(client, id)).state === state ? jobOf(client, id) : null));
const prefilling = (engine: ScriptedEngine, count = 1): Promise<Prefilling> => until(() => engine.prefills[count - 1]);

/** A conversation of one question and its answer. */
async function startReading() {
  const talk = await startTalk();
  await talk.ask('A long story', 'Indeed');
  return talk;
}

describe('reading a conversation ahead', () => {
  it('reads all that will stand before the next question, and tells how far it is', async () => {
    const { client, engine, id } = await startReading();
    const job = await client.chat.prefill({ id });
    expect(job).toMatchObject({ kind: 'prefill', subject: `conversation:${id}`, title: 'Read a conversation' });
    const { prompt, owner } = (await prefilling(engine)).reach(2, 9);
    expect(owner).toBe(`conversation:${id}`);
    expect(prompt.messages.map(({ role, content }) => [role, content])).toEqual([
      ['user', 'A long story'],
      ['assistant', 'Indeed'],
      ['user', 'x'],
    ]);
    const running = await until(async () => ((await jobOf(client, job.id)).total === 9 ? jobOf(client, job.id) : null));
    expect(running).toMatchObject({ stage: 'prefill', done: 2, unit: 'tokens' });
    engine.prefills[0]!.reach(9, 9).end();
    expect((await reaches(client, job, 'done')).result).toEqual({ promptTokens: 9, readTokens: 7 });
  });

  it('is one job a conversation, which goes on when it is asked for again', async () => {
    const { client, engine, id } = await startReading();
    const job = await client.chat.prefill({ id });
    await prefilling(engine);
    expect((await client.chat.prefill({ id })).id).toBe(job.id);
    await client.jobs.pause({ id: job.id });
    expect(engine.prefills[0]!.signal.aborted).toBe(true);
    expect((await client.chat.prefill({ id })).id).toBe(job.id);
    (await prefilling(engine, 2)).reach(9, 9).end();
    await reaches(client, job, 'done');
  });

  it('goes on after the engine died, but not for ever without a token read', async () => {
    const { client, engine, assistant, id } = await startReading();
    const job = await client.chat.prefill({ id });
    for (let deaths = 1; deaths <= 5; deaths++) {
      const reading = await prefilling(engine, deaths);
      for (let done = 0; deaths <= 3 && done !== deaths * 10;) {
        reading.reach(deaths * 10, 90); // what comes too soon after the last is stored with the next
        ({ done } = await jobOf(client, job.id));
      }
      engine.die();
      attach(assistant, 'engine', engine);
    }
    expect((await jobOf(client, job.id)).state).toBe('running');
    await prefilling(engine, 6);
    engine.die();
    expect((await reaches(client, job, 'failed')).error?.code).toBe('engine-stopped');
  });

  it('does not keep anybody from loading the model otherwise, and then goes on', async () => {
    const { client, engine, id } = await startReading();
    const job = await client.chat.prefill({ id });
    (await prefilling(engine)).reach(2, 9);
    await client.models.setContext({ name: 'tiny', kvType: 'int8' });
    (await prefilling(engine, 2)).reach(9, 9).end();
    expect(engine.prefills[0]!.signal.aborted).toBe(true);
    await reaches(client, job, 'done');
    expect(engine.inputs.at(-1)).toMatchObject({ kvType: 'int8' });
  });

  it('stops where another model is chosen, and can go on once its own answers again', async () => {
    const { client, engine, id, dataDir } = await startReading();
    installModel(dataDir, 'other');
    const job = await client.chat.prefill({ id });
    await prefilling(engine);
    await client.models.use({ name: 'other' });
    const { error } = await reaches(client, job, 'failed');
    expect(error).toMatchObject({ code: 'model-in-use', details: { name: 'other', wanted: 'tiny' } });
    await client.models.use({ name: 'tiny' });
    await client.jobs.resume({ id: job.id });
    (await prefilling(engine, 2)).end();
    await reaches(client, job, 'done');
  });

  it('says why where it cannot be read', async () => {
    const { client, engine, id } = await startReading();
    const job = await client.chat.prefill({ id });
    const details = { promptTokens: 200, contextTokens: 100 };
    (await prefilling(engine)).end(new LonghandError('context-length-exceeded', 'Too long.', details));
    expect((await reaches(client, job, 'failed')).error).toMatchObject({ code: 'context-length-exceeded', details });
    expect((await failureOf(client.chat.prefill({ id: 'none' }))).code).toBe('not-found');
  });

  it('ends when the conversation is deleted', async () => {
    const { client, engine, id } = await startReading();
    const job = await client.chat.prefill({ id });
    const { signal } = await prefilling(engine);
    await client.chat.remove({ id });
    expect(signal.aborted).toBe(true);
    expect((await jobOf(client, job.id)).state).toBe('cancelled');
  });

  it('goes on after a restart of the app', async () => {
    const first = await startReading();
    const job = await first.client.chat.prefill({ id: first.id });
    (await prefilling(first.engine)).reach(2, 9);
    await first.close();
    const { client, engine } = startAssistant({ dataDir: first.dataDir });
    (await prefilling(engine)).reach(9, 9).end();
    await reaches(client, job, 'done');
  });
});
