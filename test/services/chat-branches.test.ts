import { describe, expect, it } from 'vitest';
import { failureOf, metrics, startTalk, until, watchConversation } from './assistant-support.ts';

describe('siblings', () => {
  it('are told of every shown message that has some, oldest first', async () => {
    const { client, engine, id, ask } = await startTalk();
    const first = await ask('one', 'first');
    expect((await client.chat.path({ id })).map(({ siblings }) => siblings)).toEqual([[], []]);
    const edit = await ask('one, edited', 'second', { parentId: null });
    const { reply } = await client.chat.regenerate({ messageId: edit.reply.id });
    expect(reply.siblings).toEqual([edit.reply.id, reply.id]);
    (await engine.nextAnswer()).say('third').end();
    await until(async () => (await client.chat.path({ id })).at(-1)?.state === 'complete');
    expect((await client.chat.path({ id })).map(({ text, siblings }) => [text, siblings])).toEqual([
      ['one, edited', [first.user.id, edit.user.id]],
      ['third', [edit.reply.id, reply.id]],
    ]);
  });

  it('are switched between, and the newest branch below is shown', async () => {
    const { client, id, ask, texts } = await startTalk();
    const first = await ask('one', 'first');
    await ask('two', 'second');
    const edit = await ask('one, edited', 'other', { parentId: null });
    const watched = await watchConversation(client, id);
    await client.chat.choose({ id, leafId: first.user.id });
    expect(await texts()).toEqual(['one', 'first', 'two', 'second']);
    await watched.shows('second');
    await client.chat.choose({ id, leafId: edit.user.id });
    expect(await texts()).toEqual(['one, edited', 'other']);
    const elsewhere = await client.chat.create({});
    expect((await failureOf(client.chat.choose({ id: elsewhere.id, leafId: edit.user.id }))).code).toBe('not-found');
  });
});

describe('a turn in a long conversation', () => {
  it('tells watchers of its messages only, not of the whole path again', async () => {
    const { client, id, ask } = await startTalk();
    await ask('one', 'first');
    const watched = await watchConversation(client, id);
    await ask('two', 'second');
    await watched.shows('second');
    expect(watched.messages().map(({ text }) => text)).toEqual(['one', 'first', 'two', 'second']);
    expect(watched.events.filter(({ type }) => type === 'snapshot')).toHaveLength(1);
  });

  it('tells of an edit and of another answer in the same way', async () => {
    const { client, engine, id, ask } = await startTalk();
    const { user, reply } = await ask('one', 'first');
    await ask('two', 'second');
    const watched = await watchConversation(client, id);
    await ask('two, edited', 'other', { parentId: reply.id });
    await watched.shows('other');
    expect(watched.messages().map(({ text }) => text)).toEqual(['one', 'first', 'two, edited', 'other']);
    await client.chat.regenerate({ messageId: user.id });
    (await engine.nextAnswer()).say('again').end();
    await watched.shows('again');
    expect(watched.messages().map(({ text }) => text)).toEqual(['one', 'again']);
    expect(watched.events.filter(({ type }) => type === 'snapshot')).toHaveLength(1);
  });

  it('sends the path once when it switches to a branch that was not shown', async () => {
    const { client, id, ask } = await startTalk();
    const first = await ask('one', 'first');
    await ask('another', 'other', { parentId: null });
    const watched = await watchConversation(client, id);
    await ask('two', 'second', { parentId: first.reply.id });
    await watched.shows('second');
    expect(watched.messages().map(({ text }) => text)).toEqual(['one', 'first', 'two', 'second']);
    expect(watched.events.filter(({ type }) => type === 'snapshot')).toHaveLength(2);
  });

  it('shows an answer that goes on, also from beside the shown path', async () => {
    const { client, engine, id, ask, texts } = await startTalk();
    const { user } = await ask('one', 'first');
    await client.chat.regenerate({ messageId: user.id });
    (await engine.nextAnswer()).say('cut').end('length');
    const cut = await until(async () => (await client.chat.path({ id })).find(({ text }) => text === 'cut'));
    await ask('other', 'elsewhere', { parentId: null });
    await client.chat.continue({ messageId: cut.id });
    (await engine.nextAnswer()).say(' and on').end();
    await until(async () => (await texts()).at(-1) === 'cut and on');
    expect(await texts()).toEqual(['one', 'cut and on']);
  });
});

describe('a branch of its own', () => {
  it('is a copy up to a message, with the tokens of its answers, and leaves the first one alone', async () => {
    const { client, engine, id, ask, texts } = await startTalk();
    const first = await ask('one', 'first');
    await ask('two', 'second');
    await client.chat.setSystemPrompt({ id, systemPrompt: 'Be brief.' });
    await client.chat.setSampling({ id, sampling: { topK: 7 } });
    await client.chat.rename({ id, title: 'Mine' });
    const { id: folderId } = await client.chat.createFolder({ name: 'Folder' });
    await client.chat.move({ id, folderId });
    await client.chat.pin({ id, pinned: true });

    const copy = await client.chat.branch({ messageId: first.reply.id });
    expect(copy).toMatchObject({
      title: 'Mine',
      systemPrompt: 'Be brief.',
      sampling: { topK: 7 },
      folderId,
      pinned: false,
    });
    expect(await texts(copy.id)).toEqual(['one', 'first']);
    const [question, answer] = await client.chat.path({ id: copy.id });
    expect(question!.id).not.toBe(first.user.id);
    expect(answer).toMatchObject({ metrics, model: 'tiny', createdMs: first.reply.createdMs, parentId: question!.id });

    const inCopy = await ask('three', 'third', { in: copy.id });
    const inFirst = await ask('four', 'fourth', { parentId: first.reply.id });
    expect(inCopy.prompt.messages.slice(0, 3)).toEqual(inFirst.prompt.messages.slice(0, 3)); // a shared prefix
    expect(inCopy.prompt.messages[2]).toMatchObject({ role: 'assistant', tokens: ['first'.length] });
    expect(await texts()).toEqual(['one', 'first', 'four', 'fourth']);
    expect((await client.chat.search({ query: 'third' })).map(({ conversationId }) => conversationId)).toEqual([
      copy.id,
    ]);
    expect(engine.loads).toHaveLength(1);
  });

  it('reads the same documents in the same way', async () => {
    const { client, id, ask } = await startTalk();
    const { reply } = await ask('one', 'first');
    const document = await client.documents.addText({ name: 'a.txt', text: 'The lease ends in March.' });
    await until(async () => (await client.documents.get({ id: document.id })).state === 'ready');
    await client.documents.attach({ conversationId: id, documentIds: [document.id], way: 'search' });
    const copy = await client.chat.branch({ messageId: reply.id });
    expect(await client.documents.attached({ conversationId: copy.id })).toMatchObject({
      documentIds: [document.id],
      way: 'search',
    });
  });

  it('taken from the middle of an answer holds what was said, as stopped', async () => {
    const { client, engine, id } = await startTalk();
    const { reply } = await client.chat.send({ conversationId: id, text: 'Count' });
    const answer = (await engine.nextAnswer()).say('one ', [1]).say('two ', [2]);
    await until(async () => (await client.chat.path({ id })).at(-1)?.text === 'one two ');
    const copy = await client.chat.branch({ messageId: reply.id });
    expect((await client.chat.path({ id: copy.id })).at(-1)).toMatchObject({ text: 'one two ', state: 'stopped' });
    answer.say('three', [3]).end();
    await until(async () => (await client.chat.path({ id })).at(-1)?.state === 'complete');
    expect((await client.chat.path({ id: copy.id })).at(-1)?.text).toBe('one two ');
  });

  it('is refused of a message that is not there, or is in the bin', async () => {
    const { client, id, ask } = await startTalk();
    const { reply } = await ask('one', 'first');
    await client.chat.remove({ id });
    expect((await failureOf(client.chat.branch({ messageId: reply.id }))).code).toBe('not-found');
    expect((await failureOf(client.chat.branch({ messageId: 'nothing' }))).code).toBe('not-found');
  });
});

describe('an export', () => {
  it('as Markdown is the shown path, for people', async () => {
    const { client, engine, id, ask } = await startTalk();
    await client.chat.setSystemPrompt({ id, systemPrompt: 'Be brief.\nAlways.' });
    await ask('hidden', 'branch');
    const { user } = await ask('What is 1/2?', 'A half.', { parentId: null });
    await client.chat.rename({ id, title: 'Halves: a/b? *x*' });
    const { reply } = await client.chat.send({ conversationId: id, text: 'Show code' });
    (await engine.nextAnswer()).say('```js\nlet x').end('stop');
    await until(async () =>
      (await client.chat.path({ id })).find((one) => one.id === reply.id && one.state === 'complete'),
    );
    await client.chat.leaveOut({ id, messageIds: [user.id], leftOut: true });
    const { fileName, text } = await client.chat.export({ id, format: 'markdown' });
    expect(fileName).toMatch(/^Halves a b x \d{4}-\d{2}-\d{2}\.md$/);
    const withoutTimes = text.replaceAll(/ · .* UTC$/gm, '');
    expect(withoutTimes).toBe(
      [
        '# Halves: a/b? *x*',
        '> Be brief.\n> Always.',
        '## User',
        'What is 1/2?',
        '*Left out of what the model reads.*',
        '## tiny',
        'A half.',
        '## User',
        'Show code',
        '## tiny',
        '```js\nlet x\n```\n',
      ].join('\n\n'),
    );
  });

  it('as Markdown has its own words in the language that is asked for, and none else changed', async () => {
    const { client, id, ask } = await startTalk();
    const { user } = await ask('两句', '好。');
    await client.chat.leaveOut({ id, messageIds: [user.id], leftOut: true });
    const { text } = await client.chat.export({ id, format: 'markdown', language: 'zh-CN' });
    expect(text.replaceAll(/ · .* UTC$/gm, '')).toBe(
      ['# 两句', '## 用户', '两句', '*未供模型阅读。*', '## tiny', '好。\n'].join('\n\n'),
    );
  });

  it('as JSON is the whole tree', async () => {
    const { client, id, ask } = await startTalk();
    await ask('hidden', 'branch');
    await ask('shown', 'answer', { parentId: null });
    const { fileName, text } = await client.chat.export({ id, format: 'json' });
    expect(fileName).toMatch(/^hidden \d{4}-\d{2}-\d{2}\.json$/);
    const tree = JSON.parse(text) as { format: string; conversation: { id: string }; messages: { text: string }[] };
    expect(tree).toMatchObject({ format: 'longhand-conversation', version: 1, conversation: { id } });
    expect(tree.messages.map((message) => message.text)).toEqual(['hidden', 'branch', 'shown', 'answer']);
    expect(tree.messages[0]).not.toHaveProperty('tokens');
  });

  it('of an empty conversation is a title, and of none is refused', async () => {
    const { client, id } = await startTalk();
    expect(await client.chat.export({ id, format: 'markdown' })).toMatchObject({ text: '# Conversation\n' });
    const inChinese = await client.chat.export({ id, format: 'markdown', language: 'zh-CN' });
    expect(inChinese).toMatchObject({ text: '# 对话\n', fileName: expect.stringMatching(/^对话 /) as string });
    await client.chat.remove({ id });
    expect((await failureOf(client.chat.export({ id, format: 'markdown' }))).code).toBe('not-found');
  });
});
