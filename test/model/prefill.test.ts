import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Message } from '../../main/contract/chat.ts';
import type { Job } from '../../main/contract/jobs.ts';
import { TinyApp } from '../support/tiny-app.ts';

const CONTEXT_TOKENS = 20_000;
const LETTERS = 16_000;
/** Two pages are saved at a time; two more may be on their way to the disk. */
const UNSAVED_TOKENS = 4 * 256;

let app: TinyApp;

beforeAll(async () => {
  app = await TinyApp.create({ contextTokens: CONTEXT_TOKENS });
}, 60_000);
afterAll(() => app.remove());

/** A conversation whose system prompt has so many letters, each a token of its own, like no other's. */
async function longConversation(seed: number): Promise<string> {
  const systemPrompt = Array.from({ length: LETTERS }, (_, i) => 'abcdefgijk'[(i * seed + (i >> 3)) % 10]).join('');
  await app.run((client) => ready(() => client.models.status()));
  return (await app.run((client) => client.chat.create({ systemPrompt }))).id;
}

async function ready(status: () => Promise<{ state: string }>): Promise<void> {
  await expect.poll(async () => (await status()).state, { timeout: 20_000 }).toBe('ready');
}

const prefill = (id: string) => app.run((client) => client.chat.prefill({ id }));

/** Follows a job to where `isThere` says so, or its end. */
function follow({ id }: Job, isThere: (job: Job) => boolean = () => false): Promise<Job> {
  return app.run(async (client) => {
    for await (const job of await client.jobs.watch({ id })) {
      if (isThere(job) || job.state === 'done' || job.state === 'failed') return job;
    }
    throw new Error('the job is gone');
  });
}

const isAt = (share: number) => (job: Job) => job.total !== null && job.total > 0 && job.done >= share * job.total;

/** Where a job begins to read: its first progress after it was resumed or started again. */
async function resumed(job: Job, { state, updatedMs }: Job): Promise<Job> {
  expect(state).not.toBe('done');
  return follow(job, (now) => now.state === 'running' && now.done > 0 && now.updatedMs > updatedMs);
}

function answer(message: Message): Promise<Message> {
  return app.run(async (client) => {
    for await (const event of await client.chat.watch({ id: message.conversationId })) {
      const found = 'messages' in event ? event.messages : event.type === 'message' ? [event.message] : [];
      const ended = found.find(({ id, state }) => id === message.id && state !== 'waiting' && state !== 'streaming');
      if (ended) return ended;
    }
    throw new Error('the stream ended without a state');
  });
}

const ask = async (id: string, text: string) => {
  const sampling = { temperature: 0, repetitionPenalty: 1, maxTokens: 4 };
  const sent = await app.run((client) => client.chat.send({ conversationId: id, text, sampling }));
  return answer(sent.reply);
};

describe('a long prompt that is read in the background', { timeout: 180_000 }, () => {
  it('is paused with what was read, goes on from there, and the next question starts at once', async () => {
    const id = await longConversation(7);
    const job = await prefill(id);
    const half = await follow(job, isAt(0.5));
    expect(half).toMatchObject({ state: 'running', unit: 'tokens' });
    expect(half.speed).toBeGreaterThan(0);
    expect(half.etaMs).toBeGreaterThan(0);
    const paused = await app.run((client) => client.jobs.pause({ id: job.id }));
    expect(paused.state).toBe('paused');
    expect(paused.done).toBeLessThan(paused.total!);
    await app.run((client) => client.jobs.resume({ id: job.id }));
    expect((await resumed(job, paused)).done).toBeGreaterThanOrEqual(paused.done);
    expect((await follow(job)).state).toBe('done');
    const { metrics } = await ask(id, 'And?');
    expect(metrics!.promptTokens).toBeGreaterThan(LETTERS);
    expect(metrics!.newTokens).toBeLessThan(64);
  });

  it('goes on from the last saved page after the engine was killed (-9), and after a restart of everything', async () => {
    const id = await longConversation(3);
    const job = await prefill(id);
    const before = await follow(job, isAt(0.4));
    app.kill('engine');
    const after = await follow(job, (now) => now.updatedMs > before.updatedMs && now.done < before.done + 2000);
    expect(after.state).toBe('running');
    expect(after.done).toBeGreaterThan(before.done - UNSAVED_TOKENS);
    const later = await follow(job, isAt(0.7));
    await app.stop();
    app.start();
    const again = await resumed(job, later);
    expect(again.done).toBeGreaterThan(later.done - UNSAVED_TOKENS);
    expect((await follow(job)).state).toBe('done');
    expect((await ask(id, 'And?')).metrics!.newTokens).toBeLessThan(64);
  });

  it('gives way to an answer, and takes over what that has read of the same', async () => {
    const id = await longConversation(9);
    const other = (await app.run((client) => client.chat.create({ systemPrompt: '' }))).id;
    const job = await prefill(id);
    await follow(job, isAt(0.2));
    const { metrics, state } = await ask(other, 'Quick');
    expect(state).toBe('complete');
    expect((await jobOf(job)).state).toBe('running');
    // A block of this model takes milliseconds; what matters is that the answer did not wait for the rest of the reading.
    expect(metrics!.firstTokenMs).toBeLessThan(1000);
    const same = await ask(id, 'Now');
    expect(same.metrics!.cachedTokens).toBeGreaterThan(0.2 * LETTERS);
    const { result } = await follow(job);
    expect(result).toMatchObject({ promptTokens: expect.any(Number) as number });
  });

  it('can be cancelled, and leaves nothing behind that would go on', async () => {
    const id = await longConversation(1);
    const job = await prefill(id);
    await follow(job, isAt(0.1));
    expect((await app.run((client) => client.jobs.cancel({ id: job.id }))).state).toBe('cancelled');
    expect((await app.run((client) => client.jobs.list())).some(({ state }) => state === 'running')).toBe(false);
  });

  it('is refused with both counts where it is longer than the context', async () => {
    const systemPrompt = 'abcdefgijk'.repeat(CONTEXT_TOKENS / 9);
    const { id } = await app.run((client) => client.chat.create({ systemPrompt }));
    const { state, error } = await follow(await prefill(id));
    expect(state).toBe('failed');
    expect(error).toMatchObject({ code: 'context-length-exceeded', details: { contextTokens: CONTEXT_TOKENS } });
  });
});

const jobOf = async ({ id }: Job) => (await app.run((client) => client.jobs.list())).find((job) => job.id === id)!;
