import { describe, expect, it } from 'vitest';
import type { Prompt } from '../../main/contract/engine.ts';
import { failureOf, startTalk, until, watchConversation } from './assistant-support.ts';

const said = ({ messages }: Prompt) => messages.map(({ content }) => content);

describe('leaving messages out', () => {
  it('keeps them in the conversation and out of what the model reads; the answer says how many', async () => {
    const { client, id, ask, texts } = await startTalk();
    const first = await ask('one', 'first');
    await ask('two', 'second');
    const watched = await watchConversation(client, id);
    await client.chat.leaveOut({ id, messageIds: [first.user.id, first.reply.id], leftOut: true });
    await until(() => watched.messages().filter(({ leftOut }) => leftOut).length === 2);
    expect(watched.messages()).toHaveLength(4);

    const third = await ask('three', 'third');
    expect(said(third.prompt)).toEqual(['two', 'second', 'three']);
    expect(third.reply.omitted).toBe(2);
    expect(await texts()).toEqual(['one', 'first', 'two', 'second', 'three', 'third']);

    await client.chat.leaveOut({ id, messageIds: [first.user.id], leftOut: false });
    const fourth = await ask('four', 'fourth');
    expect(said(fourth.prompt)[0]).toBe('one');
    expect(fourth.reply.omitted).toBe(1);
    expect((await client.chat.path({ id })).find((one) => one.id === third.reply.id)?.omitted).toBe(2);
  });

  it('is how a conversation that has grown too long goes on', async () => {
    const { client, engine, id, ask } = await startTalk();
    const long = await ask('word '.repeat(50), 'ok');
    engine.contextTokens = 40;
    await client.models.use({ name: 'tiny' });
    const refused = await failureOf(client.chat.send({ conversationId: id, text: 'more' }));
    expect(refused.code).toBe('context-length-exceeded');
    await client.chat.leaveOut({ id, messageIds: [long.user.id, long.reply.id], leftOut: true });
    expect(await client.chat.count({ conversationId: id, text: 'more' })).toMatchObject({ promptTokens: 1 });
    expect((await ask('more', 'gladly')).reply).toMatchObject({ text: 'gladly', omitted: 2 });
  });

  it('still reads the message that is answered, and the answer that goes on', async () => {
    const { client, engine, id } = await startTalk();
    const { user, reply } = await client.chat.send({ conversationId: id, text: 'question' });
    (await engine.nextAnswer()).say('half', [4]).end('length');
    await until(async () => (await client.chat.path({ id })).at(-1)?.state === 'complete');
    await client.chat.leaveOut({ id, messageIds: [user.id, reply.id], leftOut: true });
    await client.chat.continue({ messageId: reply.id });
    const onwards = await engine.nextAnswer();
    expect(said(onwards.prompt)).toEqual(['half']);
    onwards.end();
    await until(async () => (await client.chat.path({ id })).at(-1)?.state === 'complete');
    await client.chat.regenerate({ messageId: user.id });
    expect(said((await engine.nextAnswer()).prompt)).toEqual(['question']);
  });

  it('is refused for a message of another conversation, with nothing changed', async () => {
    const { client, id, ask } = await startTalk();
    const { user } = await ask('one', 'first');
    const other = await client.chat.create({});
    const elsewhere = await ask('two', 'second', { in: other.id });
    const messageIds = [user.id, elsewhere.user.id];
    expect((await failureOf(client.chat.leaveOut({ id, messageIds, leftOut: true }))).code).toBe('not-found');
    expect((await client.chat.path({ id })).some(({ leftOut }) => leftOut)).toBe(false);
  });
});

describe('counting what is typed', () => {
  it('asks for the conversation once, however much is typed, and is exact', async () => {
    const { client, engine, id, ask } = await startTalk();
    await ask('one two', 'three');
    await client.chat.count({ conversationId: id, text: '' });
    const before = engine.counted.length;
    for (const text of ['four', 'four five', 'four five six']) {
      const direct = said({
        messages: [...(await client.chat.path({ id })), { text }].map((one) => ({ role: 'user', content: one.text })),
        continueFinal: false,
      });
      const words = direct.flatMap((content) => content.split(/\s+/)).length;
      expect((await client.chat.count({ conversationId: id, text })).promptTokens).toBe(words);
    }
    expect(engine.counted.slice(before).every(({ messages }) => messages.length === 1)).toBe(true);
  });

  it('counts the conversation anew once it has changed', async () => {
    const { client, id, ask } = await startTalk();
    const count = async () => (await client.chat.count({ conversationId: id, text: 'next' })).promptTokens;
    expect(await count()).toBe(1);
    const { user } = await ask('one two', 'three');
    expect(await count()).toBe(4);
    await client.chat.leaveOut({ id, messageIds: [user.id], leftOut: true });
    expect(await count()).toBe(2);
    await client.chat.setSystemPrompt({ id, systemPrompt: 'Be very brief.' });
    expect(await count()).toBe(5);
    await ask('other', 'branch', { parentId: null });
    expect(await count()).toBe(6);
  });

  it('tries again after a count that failed', async () => {
    const { client, engine, id, ask } = await startTalk();
    await ask('one', 'two');
    engine.die();
    await expect(client.chat.count({ conversationId: id, text: 'x' })).rejects.toThrow();
    expect((await failureOf(client.chat.count({ conversationId: 'nowhere', text: 'x' }))).code).toMatch(
      /no-model|not-found/,
    );
  });
});

describe('weighing', () => {
  it('tells what each message takes, and asks again only for what is new', async () => {
    const { client, engine, id, ask } = await startTalk();
    const first = await ask('one two three', 'four');
    const weights = await client.chat.weigh({ id });
    // The scripted tokenizer counts words and adds nothing around them.
    expect(weights).toEqual([
      { messageId: first.user.id, tokens: 3 },
      { messageId: first.reply.id, tokens: 1 },
    ]);
    await ask('five six', 'seven');
    const before = engine.countedTexts.length;
    expect((await client.chat.weigh({ id })).map(({ tokens }) => tokens)).toEqual([3, 1, 2, 1]);
    expect(engine.countedTexts.slice(before)).toEqual(['five six']);
  });
});
