import { describe, expect, it } from 'vitest';
import type { LonghandClient } from '../../main/contract/index.ts';
import type { ScriptedEngine } from './assistant-support.ts';
import { failureOf, installModel, startAssistant, tempFolder, until } from './assistant-support.ts';

const ready = (client: LonghandClient) => until(async () => (await client.models.status()).state === 'ready');

async function start(dataDir = tempFolder()) {
  installModel(dataDir, 'tiny', { contextTokens: 1024 });
  const started = startAssistant({ dataDir });
  started.engine.contextTokens = 1024;
  await ready(started.client);
  return { ...started, dataDir };
}

/** Answers as a model would that finds every number, except where `misses` says so. */
async function answerAll(engine: ScriptedEngine, count: number, misses: (question: string) => boolean = () => false) {
  const asked: string[] = [];
  for (let index = 0; index < count; index++) {
    const answer = await engine.nextAnswer();
    const question = answer.prompt.messages[0]!.content;
    asked.push(question);
    expect(answer.sampling).toMatchObject({ temperature: 0, repetitionPenalty: 1 });
    const name = /number of (\w+)\? Answer/.exec(question)?.[1];
    const number = name
      ? new RegExp(`number of ${name} is (\\d+)`).exec(question)
      : /(?:key is|the number) (\d+)/.exec(question);
    answer.say(misses(question) ? 'I do not know.' : `It is ${number![1]!}.`).end();
  }
  return asked;
}

const ALL = 3 * 5 * 2;
const jobOf = async (client: LonghandClient, id: string) => (await client.jobs.list()).find((job) => job.id === id)!;

describe('the self-test of a model', () => {
  it('verifies it to the longest text in which everything was found', async () => {
    const { client, engine } = await start();
    expect((await client.models.status()).verifiedTokens).toBeNull();
    const { id } = await client.models.verify({ name: 'tiny' });
    const questions = await answerAll(engine, ALL);
    const job = await until(async () => ((await jobOf(client, id)).state === 'done' ? jobOf(client, id) : null));
    expect(job.result).toEqual({ name: 'tiny', verifiedTokens: 1024 });
    expect((await client.models.status()).verifiedTokens).toBe(1024);
    const { cells } = await client.models.verification({ name: 'tiny' });
    expect(cells).toHaveLength(15);
    for (const question of questions) {
      const words = question.split(/\s+/).length; // which are the tokens of the scripted engine
      expect(words).toBeGreaterThan(900);
      expect(words).toBeLessThanOrEqual(1000);
    }
  });

  it('asks twice more where one of two was missed, and lets three of four pass', async () => {
    const { client, engine } = await start();
    const { id } = await client.models.verify({ name: 'tiny' });
    let passkeys = 0;
    const isMissed = (question: string) => question.includes('pass key?') && ++passkeys === 1;
    const questions = await answerAll(engine, ALL + 2, isMissed);
    await until(async () => (await jobOf(client, id)).state === 'done');
    const { cells, verifiedTokens } = await client.models.verification({ name: 'tiny' });
    expect(cells.find(({ asked }) => asked > 2)).toMatchObject({ task: 'passkey', depth: 0, found: 3, asked: 4 });
    expect(verifiedTokens).toBe(1024);
    expect(new Set(questions.slice(0, 4)).size).toBe(4); // each hides another number in another text
  });

  it('does not let half of them pass, and asks no more than it has to', async () => {
    const { client, engine } = await start();
    const { id } = await client.models.verify({ name: 'tiny' });
    let passkeys = 0;
    const isMissed = (question: string) => question.includes('pass key?') && [1, 3].includes(++passkeys);
    await answerAll(engine, ALL + 1, isMissed);
    await until(async () => (await jobOf(client, id)).state === 'done');
    const { cells, verifiedTokens } = await client.models.verification({ name: 'tiny' });
    expect(cells.find(({ asked }) => asked > 2)).toMatchObject({ found: 1, asked: 3 });
    expect(verifiedTokens).toBeNull();
  });

  it('measures by position how well a book is foretold, once', async () => {
    const { client, engine } = await start();
    engine.bookTokens = 900;
    const { id } = await client.models.verify({ name: 'tiny' });
    await answerAll(engine, ALL);
    const job = await until(async () => ((await jobOf(client, id)).state === 'done' ? jobOf(client, id) : null));
    expect(job.done).toBe(job.total);
    const [near, ...far] = (await client.models.verification({ name: 'tiny' })).surprises;
    expect([near?.tokens, near?.count, far]).toEqual([1024, 899, []]);
    expect(near?.surprise).toBeCloseTo(3, 10);
    const again = await client.models.verify({ name: 'tiny' });
    await until(async () => (await jobOf(client, again.id)).state === 'done');
    expect((await client.models.verification({ name: 'tiny' })).surprises).toEqual([near]);
    expect(engine.scored).toEqual([1024, 1024]); // the second time only to learn that there is nothing new
  });

  it('tells stretches of the book apart, as far as the context goes', async () => {
    const { client, engine } = await start();
    await client.models.setContext({ name: 'tiny', contextTokens: 2500 });
    await until(async () => (await client.models.status()).contextTokens === 2500);
    await client.models.verify({ name: 'tiny', to: 2500 });
    await engine.nextAnswer();
    expect(engine.scored).toEqual([2500]);
    const { surprises } = await client.models.verification({ name: 'tiny' });
    expect(surprises.map(({ tokens, count }) => [tokens, count])).toEqual([
      [1024, 1023],
      [2048, 1024],
      [4096, 452],
    ]);
    expect(surprises.map(({ surprise }) => Math.round(surprise * 1e6) / 1e6)).toEqual([3, 2, 2]);
  });

  it('says so where something was not found', async () => {
    const { client, engine } = await start();
    const { id } = await client.models.verify({ name: 'tiny' });
    await answerAll(engine, ALL, (question) => question.includes('box of'));
    await until(async () => (await jobOf(client, id)).state === 'done');
    const { cells, verifiedTokens } = await client.models.verification({ name: 'tiny' });
    expect(verifiedTokens).toBeNull();
    expect(cells.filter(({ found }) => found === 0).map(({ task }) => task)).toEqual(Array(5).fill('tracking'));
  });

  it('goes on after a restart with the first cell that is not known', async () => {
    const first = await start();
    const { id } = await first.client.models.verify({ name: 'tiny' });
    await answerAll(first.engine, 7); // three cells, and half of the fourth
    await first.engine.nextAnswer();
    await first.close();
    const second = startAssistant({ dataDir: first.dataDir });
    second.engine.contextTokens = 1024;
    await answerAll(second.engine, ALL - 6);
    await until(async () => (await jobOf(second.client, id)).state === 'done');
    expect((await second.client.models.status()).verifiedTokens).toBe(1024);
  });

  it('holds for the form of the cache in which it was made', async () => {
    const { client, engine } = await start();
    const { id } = await client.models.verify({ name: 'tiny' });
    await answerAll(engine, ALL);
    await until(async () => (await jobOf(client, id)).state === 'done');
    await client.models.setContext({ name: 'tiny', kvType: 'int8' });
    await until(async () => (await client.models.status()).context?.kvType === 'int8');
    expect(await client.models.verification({ name: 'tiny' })).toMatchObject({ verifiedTokens: null, isStale: true });
    await client.models.setContext({ name: 'tiny', kvType: 'auto' });
    await until(async () => (await client.models.status()).context?.kvType === 'float32');
    expect(await client.models.verification({ name: 'tiny' })).toMatchObject({ verifiedTokens: 1024, isStale: false });
  });

  it('is what another choice of model is told to wait for, not an answer', async () => {
    const { client, engine, dataDir } = await start();
    installModel(dataDir, 'other', { contextTokens: 1024 });
    const { id } = await client.models.verify({ name: 'tiny' });
    await engine.nextAnswer();
    const refusal = await failureOf(client.models.use({ name: 'other' }));
    expect(refusal).toMatchObject({ code: 'model-in-use', details: { name: 'tiny', holder: 'self-test' } });
    await client.jobs.pause({ id });
    expect((await client.models.use({ name: 'other' })).model?.name).toBe('other');
  });

  it('holds for the way of reading far down with which it was made', async () => {
    const { client, engine } = await start();
    await client.models.setContext({ name: 'tiny', contextTokens: 32_768 });
    await until(async () => (await client.models.status()).contextTokens === 32_768);
    const { id } = await client.models.verify({ name: 'tiny', to: 1024 });
    await answerAll(engine, ALL);
    await until(async () => (await jobOf(client, id)).state === 'done');
    await client.models.setContext({ name: 'tiny', sparse: true });
    await until(async () => (await client.models.status()).context?.sparse);
    expect(await client.models.verification({ name: 'tiny' })).toMatchObject({ verifiedTokens: null, isStale: true });
    await client.models.setContext({ name: 'tiny', sparse: false });
    await until(async () => (await client.models.status()).context?.sparse === null);
    expect(await client.models.verification({ name: 'tiny' })).toMatchObject({ verifiedTokens: 1024, isStale: false });
  });

  it('stops where another model answers, and knows no model that is not there', async () => {
    const { client, dataDir } = await start();
    installModel(dataDir, 'other', { contextTokens: 1024 });
    const { id } = await client.models.verify({ name: 'other' });
    const job = await until(async () => ((await jobOf(client, id)).state === 'failed' ? jobOf(client, id) : null));
    expect(job.error).toMatchObject({ code: 'model-in-use', details: { name: 'tiny', wanted: 'other' } });
    expect((await failureOf(client.models.verify({ name: 'none' }))).code).toBe('model-not-found');
  });
});
