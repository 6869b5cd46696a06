import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LonghandError } from '../../main/contract/errors.ts';
import type { Chat } from '../../renderer/state/chat.svelte.ts';
import { TestChat, until } from '../support/renderer-support.ts';
import { readyStatus } from '../support/scripted-data.ts';

let page: TestChat;
let chat: Chat;

const texts = () => chat.messages.map(({ text }) => text);
const last = () => chat.messages.at(-1);
const connected = () => until(() => expect(page.line.connection.state).toBe('connected'));

const ask = (text: string) => page.ask(chat, text);

/** Yields what it is given and then nothing more, for ever. */
async function* stuckAfter(...pieces: string[]) {
  yield* pieces;
  await new Promise(() => {});
}

beforeEach(() => {
  page = new TestChat();
  chat = page.open(null);
});
afterEach(() => {
  chat.close();
  page.line.connection.close();
});

describe('sending', () => {
  it('creates the conversation with the first message and shows the answer', async () => {
    await ask('Hello');
    expect(chat.id).not.toBeNull();
    expect(chat.composer.text).toBe('');
    await until(() => expect(last()?.message.state).toBe('complete'));
    expect(texts()).toEqual(['Hello', 'You said: Hello']);
    expect(page.titles).toContain('Hello');
    expect(page.heard).toEqual(['started', 'finished']);
  });

  it('sends nothing while the draft is blank, an answer runs, the prompt is too long or there is no model', async () => {
    await connected();
    chat.composer.text = ' \n ';
    expect(chat.canSend).toBe(false);
    chat.composer.text = 'x';
    expect(chat.canSend).toBe(true);
    chat.composer.count = { promptTokens: 11, contextTokens: 10, cachedTokens: 0 };
    expect(chat.canSend).toBe(false);
    chat.composer.count = null;
    page.model.status = { ...readyStatus, state: 'none' };
    expect(chat.canSend).toBe(false);
    page.model.status = { ...readyStatus, state: 'installing' };
    expect(chat.canSend).toBe(true);

    page.line.assistant.script = () => stuckAfter('…');
    await chat.send();
    chat.composer.text = 'y';
    expect(chat.busy).toBe(true);
    await chat.send();
    expect(page.line.assistant.calls).toEqual(['send x']);
  });

  it('gives the text back when it is refused, before what was typed meanwhile', async () => {
    page.line.assistant.failSendWith = new LonghandError('no-model', 'None.');
    await connected();
    chat.composer.text = 'first';
    const sending = chat.send();
    chat.composer.text = 'second';
    await sending;
    expect(chat.composer.text).toBe('first\n\nsecond');
    expect(chat.problem?.code).toBe('no-model');
    expect(chat.messages).toEqual([]);
  });

  it('keeps one conversation when the first message has to be sent twice', async () => {
    page.line.assistant.failSendWith = new LonghandError('disk-full', 'Full.');
    await ask('again');
    const { id } = chat;
    page.line.assistant.failSendWith = null;
    await chat.send();
    expect(chat.id).toBe(id);
    await until(() => expect(texts()).toEqual(['again', 'You said: again']));
  });

  it('drops the draft that it gave back if the message turns out to have been saved', async () => {
    await ask('opening');
    await until(() => expect(chat.busy).toBe(false));
    page.line.assistant.onSaved = () => page.line.cut();
    await ask('was it saved?');
    expect(chat.composer.text).toBe('was it saved?');
    await until(() => expect(texts()).toContain('was it saved?'));
    expect(chat.composer.text).toBe('');
    expect(chat.problem).toBeNull();
  });
});

describe('an answer that streams', () => {
  it('is painted at most once a frame', async () => {
    page.line.assistant.script = () => stuckAfter('a', 'b', 'c', 'd');
    page.line.assistant.tokenMs = 0;
    await ask('letters');
    await until(() => expect(page.waitingFrames).toBe(1));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(page.waitingFrames).toBe(1);
    expect(last()?.text).toBe('a'); // came with the message, the rest waits for the screen
    page.paint();
    expect(last()?.text).toBe('abcd');
  });

  it('is stopped where it is and continued in place', async () => {
    page.line.assistant.script = () => stuckAfter('half');
    await ask('go');
    await until(() => expect(last()?.text).toBe('half'));
    await chat.stop();
    await until(() => expect(last()?.message.state).toBe('stopped'));
    expect(chat.running).toBeNull();
    expect(page.heard).toEqual(['started', 'stopped']);
    await chat.continue(last()?.id ?? '');
    await until(() => expect(last()?.message.state).toBe('complete'));
    expect(last()?.text).toBe('half And so it goes on to its end.');
    expect(chat.messages).toHaveLength(2);
  });

  it('is whole again after the line broke in its middle', async () => {
    let feed = (_text: string) => {};
    page.line.assistant.script = async function* () {
      yield 'before ';
      yield await new Promise<string>((resolve) => (feed = resolve));
    };
    await ask('story');
    await until(() => expect(last()?.text).toBe('before '));
    const shown = last();
    page.line.cut();
    feed('after');
    await until(() => expect(last()?.message.state).toBe('complete'));
    expect(last()?.text).toBe('before after');
    expect(last()).toBe(shown); // the same element on the page: nothing above it moves
  });

  it('takes the place of a failed one when it is asked for again', async () => {
    page.line.assistant.failWith = new LonghandError('engine-stopped', 'Stopped.');
    await ask('go');
    await until(() => expect(last()?.message.state).toBe('failed'));
    expect(page.heard).toContain('failed');
    page.line.assistant.failWith = null;
    await chat.regenerate(last()?.id ?? '');
    await until(() => expect(last()?.message.state).toBe('complete'));
    expect(texts()).toEqual(['go', 'You said: go']);
  });
});

describe('opening', () => {
  it('shows the whole path and says nothing of answers that were complete before', async () => {
    const { id } = page.line.assistant.addConversation('Old', ['one', 'two', 'three', 'four']);
    chat = page.open(id);
    expect(chat.loaded).toBe(false);
    await until(() => expect(texts()).toEqual(['one', 'two', 'three', 'four']));
    expect(page.heard).toEqual([]);
  });

  it('reports a conversation that is gone', async () => {
    chat = page.open('nowhere');
    await until(() => expect(chat.problem?.code).toBe('not-found'));
    expect(chat.loaded).toBe(true);
  });

  it('keeps a draft for each conversation, and for the new one', async () => {
    const { id } = page.line.assistant.addConversation('Old', ['one', 'two']);
    chat.composer.text = 'for the new one';
    const old = page.open(id);
    expect(old.composer.text).toBe('');
    old.composer.text = 'for the old one';
    old.close();
    expect(page.open(null).composer.text).toBe('for the new one');
    expect(page.open(id).composer.text).toBe('for the old one');
  });
});
