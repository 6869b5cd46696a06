import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConversationEvent, Message } from '../../main/contract/chat.ts';
import { TinyApp } from '../support/tiny-app.ts';

const CONTEXT_TOKENS = 40_000;
const LETTERS = 32_000;

let app: TinyApp;

beforeAll(async () => {
  app = await TinyApp.create({ contextTokens: CONTEXT_TOKENS });
}, 60_000);
afterAll(() => app.remove());

const snapshotFiles = async () =>
  (await readdir(join(app.dataFolder, 'cache', 'kv'))).filter((name) => /\.(page|tail)$/.test(name));

/** Follows an answer to its end. */
function follow(message: Message, onEvent: (event: ConversationEvent) => void = () => {}): Promise<Message> {
  return app.run(async (client) => {
    for await (const event of await client.chat.watch({ id: message.conversationId })) {
      onEvent(event);
      const found =
        event.type === 'snapshot'
          ? event.messages.find(({ id }) => id === message.id)
          : event.type === 'message' && event.message.id === message.id
            ? event.message
            : undefined;
      if (found !== undefined && found.state !== 'waiting' && found.state !== 'streaming') return found;
    }
    throw new Error('the stream ended without a state');
  });
}

const sampling = { temperature: 0, repetitionPenalty: 1, maxTokens: 8 };

describe('a prompt of 32,000 tokens', () => {
  let reply: Message;

  it('that was killed (-9) at 70 % of its prefill goes on from at least 65 %', { timeout: 300_000 }, async () => {
    const text = Array.from({ length: LETTERS }, (_, i) => 'abcdefgijk'[(i * 7 + (i >> 3)) % 10]).join('');
    const { id } = await app.run((client) => client.chat.create({}));
    const sent = await app.run((client) => client.chat.send({ conversationId: id, text, sampling }));
    let killedAt = 0;
    const interrupted = await follow(sent.reply, (event) => {
      if (event.type !== 'progress' || killedAt > 0 || event.total === null || event.done < 0.7 * event.total) return;
      killedAt = event.done;
      app.kill('engine');
    });
    expect(interrupted.state).toBe('interrupted');
    expect(killedAt).toBeGreaterThan(0);

    await app.run((client) => client.chat.continue({ messageId: sent.reply.id }));
    reply = await follow(sent.reply);
    const { metrics } = reply;
    const share = metrics!.restoredTokens! / metrics!.promptTokens;
    console.log(`killed at ${killedAt} of ${metrics!.promptTokens} tokens, ${metrics!.restoredTokens} restored`);
    expect(reply.state).toBe('complete');
    expect(share).toBeGreaterThanOrEqual(0.65);
    expect(metrics!.cachedTokens).toBe(metrics!.restoredTokens);
  });

  it('is followed up at once after a restart of everything', { timeout: 120_000 }, async () => {
    await app.stop();
    app.start();
    const { conversationId } = reply;
    const sent = await app.run((client) => client.chat.send({ conversationId, text: 'And?', sampling }));
    const { metrics } = await follow(sent.reply);
    expect(metrics!.newTokens).toBeLessThan(100);
    expect(metrics!.restoredTokens).toBeGreaterThan(LETTERS);
  });

  it('leaves no file behind when its conversation is destroyed', { timeout: 60_000 }, async () => {
    const { conversationId: id } = reply;
    expect((await snapshotFiles()).length).toBeGreaterThan(100);
    await app.run((client) => client.chat.remove({ id }));
    expect((await snapshotFiles()).length).toBeGreaterThan(100);
    await app.run((client) => client.chat.purge({ id }));
    await expect.poll(snapshotFiles, { timeout: 10_000 }).toEqual([]);
    await app.stop(); // nothing is saved of it at the end either
    expect(await snapshotFiles()).toEqual([]);
    app.start();
  });
});
