import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LonghandError } from '../../main/contract/errors.ts';
import { ConversationWatch } from '../../main/services/chat/watch.ts';
import { openStore, openStoreReader } from '../../main/services/store/open.ts';
import {
  attach,
  connectClient,
  failureOf,
  installModel,
  metrics,
  startAssistant,
  tempFolder,
  until,
  watchConversation,
  type Setup,
} from './assistant-support.ts';

/** An assistant with a loaded model and one empty conversation that is watched. */
async function startChat(setup: Setup = {}) {
  const dataDir = setup.dataDir ?? tempFolder();
  installModel(dataDir);
  const started = startAssistant({ ...setup, dataDir });
  const { client } = started;
  await until(async () => (await client.models.status()).state === 'ready');
  const { id } = await client.chat.create({});
  const watched = await watchConversation(client, id);
  const send = (text: string, more: { parentId?: string | null } = {}) =>
    client.chat.send({ conversationId: id, text, ...more });
  return { ...started, id, watched, send };
}

describe('sending a message', () => {
  it('shows the question at once, then the answer as it comes, then its end with metrics', async () => {
    const { engine, watched, send } = await startChat();
    const { user, reply } = await send('Why is the sky blue?');
    expect(user).toMatchObject({ role: 'user', text: 'Why is the sky blue?', state: 'complete', parentId: null });
    expect(reply).toMatchObject({ role: 'assistant', text: '', state: 'waiting', parentId: user.id });
    await watched.reaches('waiting');

    const answer = await engine.nextAnswer();
    expect(answer.prompt).toEqual({
      messages: [{ role: 'user', content: 'Why is the sky blue?' }],
      continueFinal: false,
    });
    answer.prefill(4, 9).say('Because of ');
    await watched.reaches('streaming');
    await watched.shows('Because of ');
    answer.say('scattering.').end();
    const done = await watched.reaches('complete');
    expect(done).toMatchObject({
      text: 'Because of scattering.',
      finishReason: 'stop',
      model: 'tiny',
      metrics,
      error: null,
    });
    expect(watched.events).toContainEqual({ type: 'progress', messageId: reply.id, done: 4, total: 9 });
  });

  it('titles the conversation after the first question, and leaves a title of the user alone', async () => {
    const { client, id, engine, watched, send } = await startChat();
    await send('What is a Hadamard matrix? I forgot.');
    (await engine.nextAnswer()).say('A matrix.').end();
    await watched.reaches('complete');
    expect((await client.chat.conversations({})).items).toMatchObject([{ id, title: 'What is a Hadamard matrix?' }]);

    const named = await client.chat.create({ title: 'Mine' });
    await client.chat.send({ conversationId: named.id, text: 'Another question' });
    (await engine.nextAnswer()).end();
    expect((await client.chat.conversations({})).items.find((one) => one.id === named.id)?.title).toBe('Mine');
  });

  it('has every token in the database before anybody is shown it', async () => {
    const { engine, watched, send, dataDir } = await startChat();
    const onDisk = openStoreReader(join(dataDir, 'longhand.db'));
    const { reply } = await send('Count.');
    const answer = await engine.nextAnswer();
    let shown = '';
    for (let number = 1; number <= 20; number++) {
      answer.say(`${number} `);
      shown += `${number} `;
      await watched.shows(shown);
      expect(onDisk.messages.get(reply.id)?.text.startsWith(shown)).toBe(true);
    }
    onDisk.close();
  });

  it('keeps the ids of the tokens and uses them in the next turn', async () => {
    const { engine, watched, send } = await startChat();
    await send('One');
    (await engine.nextAnswer()).say('Alpha', [11, 12]).say(' beta', [13]).end();
    await watched.reaches('complete');
    await send('Two');
    const { prompt } = await engine.nextAnswer();
    expect(prompt.messages).toEqual([
      { role: 'user', content: 'One' },
      { role: 'assistant', content: 'Alpha beta', tokens: [11, 12, 13] },
      { role: 'user', content: 'Two' },
    ]);
  });

  it('refuses what is longer than the context, with both counts and nothing saved', async () => {
    const { client, id, send, watched } = await startChat();
    const error = await failureOf(send('word '.repeat(150).trim()));
    expect(error.code).toBe('context-length-exceeded');
    expect(error.details).toEqual({ promptTokens: 150, contextTokens: 100 });
    expect(await client.chat.path({ id })).toEqual([]);
    expect(watched.events).toHaveLength(1);
    await send('short enough'); // and the conversation is not busy
  });

  it('refuses a prompt that leaves no room for a single token', async () => {
    const { send } = await startChat();
    expect((await failureOf(send('word '.repeat(100).trim()))).code).toBe('context-length-exceeded');
    await send('word '.repeat(99).trim());
  });

  it('refuses an empty message, an unknown conversation, and one in the bin', async () => {
    const { client, id, send } = await startChat();
    expect((await failureOf(send(' \n'))).code).toBe('empty-message');
    expect((await failureOf(client.chat.send({ conversationId: 'x', text: 'Hi' }))).code).toBe('not-found');
    await client.chat.remove({ id });
    expect((await failureOf(send('Hi'))).code).toBe('not-found');
  });

  it('refuses a second message while an answer is being written, but not in another conversation', async () => {
    const { client, engine, send, watched } = await startChat();
    const [first, second] = await Promise.allSettled([send('One'), send('Two')]);
    expect([first.status, second.status]).toEqual(['fulfilled', 'rejected']);
    const error = await failureOf(send('Three'));
    expect(error.code).toBe('conversation-busy');

    const other = await client.chat.create({});
    await client.chat.send({ conversationId: other.id, text: 'Meanwhile' });
    const answers = [await engine.nextAnswer(), await engine.nextAnswer()];
    for (const answer of answers) answer.say('ok').end();
    await watched.reaches('complete');
    expect((await client.chat.path({ id: other.id })).at(-1)?.text).toBe('ok');
  });

  it('ends as failed, with the reason, when the engine refuses', async () => {
    const { engine, watched, send } = await startChat();
    await send('Hi');
    (await engine.nextAnswer()).fail(new LonghandError('runtime-failed', 'Out of memory.', { bytes: 5 }));
    const failed = await watched.reaches('failed');
    expect(failed.error).toEqual({ code: 'runtime-failed', message: 'Out of memory.', details: { bytes: 5 } });
    await send('Again'); // the conversation goes on
    expect((await engine.nextAnswer()).prompt.messages).toEqual([
      { role: 'user', content: 'Hi' },
      { role: 'user', content: 'Again' },
    ]);
  });
});

describe('an edit', () => {
  it('is a sibling, so that the first version and its answer stay', async () => {
    const { client, id, engine, watched, send } = await startChat();
    const first = await send('Frist');
    (await engine.nextAnswer()).say('What?').end();
    await watched.reaches('complete');
    const second = await send('First', { parentId: null });
    (await engine.nextAnswer()).say('Yes.').end();
    await watched.shows('Yes.');

    expect(watched.messages().map(({ text }) => text)).toEqual(['First', 'Yes.']);
    expect((await client.chat.path({ id, leafId: first.reply.id })).map(({ text }) => text)).toEqual([
      'Frist',
      'What?',
    ]);
    await client.chat.choose({ id, leafId: first.user.id });
    await watched.shows('What?');
    expect(watched.messages()[0]?.id).toBe(first.user.id);
    expect(second.user.parentId).toBe(null);
  });

  it('is refused below a message of another conversation', async () => {
    const { client, send, engine } = await startChat();
    const { reply } = await send('Here');
    (await engine.nextAnswer()).end();
    const other = await client.chat.create({});
    const call = client.chat.send({ conversationId: other.id, text: 'There', parentId: reply.id });
    expect((await failureOf(call)).code).toBe('not-found');
  });
});

describe('regenerating', () => {
  it('makes another answer beside the first, which records its own sampling', async () => {
    const { client, engine, watched, send } = await startChat();
    const { user, reply } = await send('Say something');
    (await engine.nextAnswer()).say('Something').end();
    await watched.reaches('complete');
    const again = await client.chat.regenerate({ messageId: reply.id, sampling: { seed: 7, temperature: 1 } });
    const answer = await engine.nextAnswer();
    expect(answer.prompt.messages).toEqual([{ role: 'user', content: 'Say something' }]);
    expect(answer.sampling).toMatchObject({ seed: 7, temperature: 1 });
    answer.say('Anything').end();
    await watched.shows('Anything');
    expect(again.reply.parentId).toBe(user.id);
    expect(watched.messages().map(({ text }) => text)).toEqual(['Say something', 'Anything']);
    expect((await watched.reaches('complete')).sampling).toMatchObject({ seed: 7, temperature: 1 });
  });
});

describe('stopping', () => {
  it('ends the computation and keeps the text, with what was measured so far', async () => {
    const { client, engine, watched, send } = await startChat();
    const { reply } = await send('Talk');
    const answer = await engine.nextAnswer();
    answer.send({ type: 'start', promptTokens: 5, cachedTokens: 2 }).say('Bla', [1, 2]).say(' bla', [3]);
    await watched.shows('Bla bla');
    await client.chat.stop({ messageId: reply.id });
    expect((await client.chat.path({ id: reply.conversationId })).at(-1)).toMatchObject({
      state: 'stopped',
      finishReason: 'aborted',
      text: 'Bla bla',
      model: 'tiny',
      error: null,
      metrics: { promptTokens: 5, cachedTokens: 2, newTokens: 3, generatedTokens: 3 },
    });
    await until(() => answer.signal.aborted);
    await client.chat.stop({ messageId: reply.id }); // once more changes nothing
  });

  it('works before the first token, and of an answer in a conversation that is deleted', async () => {
    const { client, id, engine, watched, send } = await startChat();
    const { reply } = await send('Talk');
    const answer = await engine.nextAnswer();
    await client.chat.stop({ messageId: reply.id });
    expect(await watched.reaches('stopped')).toMatchObject({ text: '', metrics: null });
    await until(() => answer.signal.aborted);

    await send('Talk on');
    const second = await engine.nextAnswer();
    await client.chat.remove({ id });
    await until(() => second.signal.aborted);
    await client.chat.restore({ id });
    expect((await client.chat.path({ id })).at(-1)?.state).toBe('stopped');
  });
});

describe('continuing', () => {
  it('goes on in place from the tokens that were kept, as the answer was sampled', async () => {
    const { client, engine, watched, send } = await startChat();
    const { reply } = await send('Talk');
    const first = await engine.nextAnswer();
    first.say('One', [1]).say(' two', [2]);
    await watched.shows('One two');
    await client.chat.stop({ messageId: reply.id });
    await client.system.changeSettings({ temperature: 2 });

    const again = await client.chat.continue({ messageId: reply.id });
    expect(again.reply).toMatchObject({ id: reply.id, state: 'streaming', text: 'One two' });
    const second = await engine.nextAnswer();
    expect(second.prompt).toEqual({
      messages: [
        { role: 'user', content: 'Talk' },
        { role: 'assistant', content: 'One two', tokens: [1, 2] },
      ],
      continueFinal: true,
    });
    expect(second.sampling).toEqual(first.sampling);
    second.say(' three', [3]).end();
    expect(await watched.reaches('complete')).toMatchObject({ text: 'One two three', finishReason: 'stop' });
    await send('And?');
    expect((await engine.nextAnswer()).prompt.messages[1]).toEqual({
      role: 'assistant',
      content: 'One two three',
      tokens: [1, 2, 3],
    });
  });

  it('begins the answer when it was stopped before its first word', async () => {
    const { client, engine, watched, send } = await startChat();
    const { reply } = await send('Talk');
    await engine.nextAnswer();
    await client.chat.stop({ messageId: reply.id });
    await client.chat.continue({ messageId: reply.id });
    const answer = await engine.nextAnswer();
    expect(answer.prompt).toEqual({ messages: [{ role: 'user', content: 'Talk' }], continueFinal: false });
    answer.say('Gladly.').end();
    expect(await watched.reaches('complete')).toMatchObject({ id: reply.id, text: 'Gladly.' });
  });

  it('goes on from a limit of length, but not from a whole answer or one with a reply', async () => {
    const { client, engine, watched, send } = await startChat();
    const one = await send('One');
    (await engine.nextAnswer()).say('cut').end('length');
    await watched.reaches('complete');
    await client.chat.continue({ messageId: one.reply.id });
    (await engine.nextAnswer()).say(' off').end();
    await watched.shows('cut off');
    await watched.reaches('complete');
    expect((await failureOf(client.chat.continue({ messageId: one.reply.id }))).code).toBe('nothing-to-continue');

    const two = await send('Two');
    await engine.nextAnswer();
    await client.chat.stop({ messageId: two.reply.id });
    await send('Three');
    (await engine.nextAnswer()).say('x').end();
    await watched.reaches('complete');
    expect((await failureOf(client.chat.continue({ messageId: two.reply.id }))).code).toBe('nothing-to-continue');
    expect((await failureOf(client.chat.continue({ messageId: one.user.id }))).code).toBe('nothing-to-continue');
  });

  it('gives another model the text and never the ids of the first', async () => {
    const { client, dataDir, engine, watched, send } = await startChat();
    installModel(dataDir, 'other', { createdMs: 1 });
    const { reply } = await send('Talk');
    (await engine.nextAnswer()).say('Bon', [900]);
    await watched.shows('Bon');
    await client.chat.stop({ messageId: reply.id });
    await client.models.use({ name: 'other' });
    await until(async () => (await client.models.status()).state === 'ready');

    await client.chat.continue({ messageId: reply.id });
    const answer = await engine.nextAnswer();
    expect(answer.prompt.messages[1]).toEqual({ role: 'assistant', content: 'Bon' });
    answer.say('jour', [5]).end();
    expect(await watched.reaches('complete')).toMatchObject({ text: 'Bonjour', model: 'tiny + other' });
    await send('Next');
    expect((await engine.nextAnswer()).prompt.messages[1]).toEqual({ role: 'assistant', content: 'Bonjour' });
  });
});

describe('when the engine dies', () => {
  it('keeps the text, says why, loads the model again and goes on where it was', async () => {
    const { assistant, client, engine, watched, send } = await startChat();
    const { reply } = await send('Talk');
    (await engine.nextAnswer()).say('So far', [1]);
    await watched.shows('So far');
    engine.die();
    const interrupted = await watched.reaches('interrupted');
    expect(interrupted).toMatchObject({ text: 'So far', model: 'tiny', error: { code: 'engine-stopped' } });
    expect((await client.models.status()).state).toBe('loading');

    attach(assistant, 'engine', engine);
    await until(async () => (await client.models.status()).state === 'ready');
    expect(engine.loads).toEqual(['tiny', 'tiny']);
    await client.chat.continue({ messageId: reply.id });
    (await engine.nextAnswer()).say(', so good.', [2]).end();
    expect(await watched.reaches('complete')).toMatchObject({ text: 'So far, so good.', error: null });
  });

  it('lets a message that is sent meanwhile wait for it', async () => {
    const { assistant, engine, watched, send } = await startChat();
    engine.die();
    await send('Anyone there?');
    await watched.reaches('waiting');
    attach(assistant, 'engine', engine);
    (await engine.nextAnswer()).say('Yes').end();
    await watched.reaches('complete');
  });

  it('tells the waiting message when the shell will not start it again', async () => {
    const { engine, shell, watched, send } = await startChat();
    shell.infos = [{ role: 'engine', pid: null, restarts: 4, failed: true, lastExit: 'SIGSEGV' }];
    engine.die();
    await send('Anyone there?');
    const ended = await watched.reaches('interrupted');
    expect(ended.error).toMatchObject({ code: 'engine-stopped', details: { lastExit: 'SIGSEGV' } });
  });
});

describe('when the engine hangs', () => {
  it('is restarted once it gave no sign of life, and the text is kept', async () => {
    const { engine, shell, watched, send } = await startChat({ hungAfterMs: 300 });
    await send('Talk');
    (await engine.nextAnswer()).say('So far');
    await watched.shows('So far');
    engine.hung = true;
    const interrupted = await watched.reaches('interrupted');
    expect(interrupted).toMatchObject({ text: 'So far', error: { code: 'engine-hung' } });
    await until(() => shell.restarts.length === 1);
    expect(shell.restarts).toMatchObject([{ role: 'engine' }]);
  });

  it('is left alone while it is only slow: it answers when asked', async () => {
    const { engine, shell, watched, send } = await startChat({ hungAfterMs: 120 });
    await send('Think long');
    const answer = await engine.nextAnswer();
    await new Promise((resolve) => setTimeout(resolve, 500));
    answer.say('42').end();
    await watched.reaches('complete');
    expect(shell.restarts).toEqual([]);
  });

  it('does not hold up sending: a count that hangs ends too', async () => {
    const { engine, shell, watched, send } = await startChat({ hungAfterMs: 200 });
    engine.hung = true;
    await send('Hello?');
    await watched.reaches('waiting');
    await until(() => shell.restarts.length === 1);
  });
});

describe('when the app ends', () => {
  it('marks the running answer as interrupted, with its text, and it can be continued after a restart', async () => {
    const first = await startChat();
    const { reply } = await first.send('Talk');
    (await first.engine.nextAnswer()).say('So far', [1]);
    await first.watched.shows('So far');
    await first.close();

    const second = startAssistant({ dataDir: first.dataDir });
    const path = await second.client.chat.path({ id: first.id });
    expect(path.at(-1)).toMatchObject({ state: 'interrupted', text: 'So far', error: { code: 'assistant-stopped' } });
    await second.client.chat.continue({ messageId: reply.id });
    expect((await second.engine.nextAnswer()).prompt.messages[1]?.tokens).toEqual([1]);
  });
});

describe('watching', () => {
  it('gives a second watcher in mid-answer the text so far and then every token, without a gap', async () => {
    const { assistant, id, engine, watched, send } = await startChat();
    await send('Count');
    const answer = await engine.nextAnswer();
    const words = Array.from({ length: 400 }, (_, index) => `${index} `);
    const late: Awaited<ReturnType<typeof watchConversation>>[] = [];
    for (const [index, word] of words.entries()) {
      answer.say(word);
      if (index % 100 === 50) late.push(await watchConversation(connectClient(assistant), id));
    }
    answer.end();
    for (const watcher of [watched, ...late]) {
      expect((await watcher.reaches('complete')).text).toBe(words.join(''));
      const streamed = watcher.events.flatMap((event) => (event.type === 'delta' ? [event.text] : []));
      expect(words.join('').endsWith(streamed.join(''))).toBe(true);
      expect(watcher.events.filter((event) => event.type === 'snapshot').length).toBeLessThanOrEqual(2);
    }
  });

  it('goes on computing when nobody watches, and a page that comes back sees all of it', async () => {
    const { assistant, client, id, engine, watched, send } = await startChat();
    await send('Talk');
    const answer = await engine.nextAnswer();
    answer.say('One ');
    await watched.shows('One ');
    client.port.close?.();
    await watched.ended;
    answer.say('two ').say('three').end();
    const back = await watchConversation(connectClient(assistant), id);
    expect((await back.reaches('complete')).text).toBe('One two three');
  });

  it('leaves nothing behind when watchers go, whichever way', async () => {
    const store = openStore(':memory:');
    const watch = new ConversationWatch(store);
    const { id } = store.conversations.create();
    const stop = new AbortController();
    const first = watch.watch(id, stop.signal);
    const second = watch.watch(id);
    await Promise.all([first.next(), second.next()]);
    expect(watch.size).toBe(1);
    await second.return();
    const waiting = first.next();
    stop.abort();
    await waiting;
    expect(watch.size).toBe(0);
    await expect(watch.watch('nobody').next()).rejects.toMatchObject({ code: 'not-found' });
    expect(watch.size).toBe(0);
    store.close();
  });

  it('fails for a conversation that does not exist', async () => {
    const { client } = await startChat();
    const watching = (async () => {
      for await (const _ of await client.chat.watch({ id: 'nobody' }));
    })();
    expect((await failureOf(watching)).code).toBe('not-found');
  });
});

describe('counting', () => {
  it('counts what sending would send, system prompt included', async () => {
    const { client, id, engine } = await startChat();
    await client.system.changeSettings({ systemPrompt: 'Be brief.' });
    expect(await client.chat.count({ conversationId: id, text: 'one two three' })).toEqual({
      promptTokens: 5,
      contextTokens: 100,
      cachedTokens: 1,
    });
    await client.chat.setSystemPrompt({ id, systemPrompt: '' });
    expect(await client.chat.count({ conversationId: id, text: 'one two three' })).toMatchObject({ promptTokens: 3 });
    expect(engine.counted.map(({ messages }) => messages)).toContainEqual([{ role: 'user', content: 'one two three' }]);
  });

  it('counts an answer that is being written as far as it has come', async () => {
    const { client, id, engine } = await startChat();
    const count = async () => (await client.chat.count({ conversationId: id, text: 'next' })).promptTokens;
    await client.chat.send({ conversationId: id, text: 'What is a river?' });
    const answer = await engine.nextAnswer();
    expect(await count()).toBe(5); // the question and what is typed
    for (const [said, word] of ['Water', ' that', ' goes'].entries()) {
      answer.say(word); // a token each, as the engine of this test counts words
      await until(async () => (await count()) === 6 + said);
    }
    answer.end();
    await until(async () => (await client.chat.path({ id })).at(-1)?.state === 'complete');
    expect(await count()).toBe(8);
  });
});
