import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gather, heightOf, piecesOfText } from '../../renderer/markdown/pieces.ts';
import { GrowingMarkdown } from '../../renderer/markdown/growing.ts';
import { fileNameFor, linesOf, piecesOf } from '../../renderer/markdown/highlight.ts';
import { canContinue } from '../../renderer/state/message.ts';
import type { Chat } from '../../renderer/state/chat.svelte.ts';
import { TestChat, until } from '../support/renderer-support.ts';

let page: TestChat;
let chat: Chat;

const texts = () => chat.messages.map(({ text }) => text);

async function ask(text: string): Promise<void> {
  await page.ask(chat, text);
  await until(() => expect(chat.messages.at(-1)?.message.state).toBe('complete'));
}

beforeEach(() => {
  page = new TestChat();
  chat = page.open(null);
});
afterEach(() => {
  chat.close();
  page.line.connection.close();
});

describe('versions of a message', () => {
  it('come to be by editing, and the keys go between them', async () => {
    await ask('One');
    chat.editLast();
    expect(chat.edit?.text).toBe('One');
    chat.edit = { ...chat.edit!, text: 'Two' };
    await chat.sendEdit();
    await until(() => expect(texts()).toEqual(['Two', 'You said: Two']));
    await until(() => expect(chat.busy).toBe(false));
    expect(chat.edit).toBeNull();
    expect(chat.messages[0]?.message.siblings).toHaveLength(2);
    await chat.previousSibling();
    expect(texts()).toEqual(['One', 'You said: One']);
    await chat.previousSibling();
    expect(texts()).toEqual(['One', 'You said: One']);
    await chat.nextSibling();
    expect(texts()).toEqual(['Two', 'You said: Two']);
  });

  it('are not made of nothing, nor while an answer is written', async () => {
    await ask('One');
    chat.editLast();
    chat.edit = { ...chat.edit!, text: ' \n' };
    await chat.sendEdit();
    expect(texts()).toEqual(['One', 'You said: One']);
    chat.cancelEdit();
    page.line.assistant.script = async function* () {
      yield 'on and on';
      await new Promise(() => {});
    };
    chat.composer.text = 'Two';
    await chat.send();
    chat.editLast();
    expect(chat.edit).toBeNull();
  });

  it('are taken up where a reload broke off their making, until they are made or given up', async () => {
    await ask('One');
    chat.editLast();
    chat.edit = { ...chat.edit!, text: 'Two, half' };
    const { id } = chat;
    const reopen = async () => {
      chat.close();
      chat = page.open(id);
      await until(() => expect(chat.loaded).toBe(true));
    };
    await reopen();
    expect(chat.edit?.text).toBe('Two, half');
    chat.cancelEdit();
    await reopen();
    expect(chat.edit).toBeNull();
  });

  it('keep the edited text when sending fails', async () => {
    await ask('One');
    chat.editLast();
    chat.edit = { ...chat.edit!, text: 'Two' };
    page.line.cut();
    await chat.sendEdit();
    expect(chat.problem?.code).toBe('assistant-stopped');
    expect(chat.edit?.text).toBe('Two');
  });

  it('come to be by answering again', async () => {
    await ask('One');
    await chat.regenerateLast();
    await until(() => expect(chat.messages.at(-1)?.message.siblings).toHaveLength(2));
    await until(() => expect(chat.busy).toBe(false));
  });

  it('lead to a conversation of their own by a branch', async () => {
    await ask('One');
    await chat.branchHere();
    expect(chat.branched).not.toBeNull();
    expect(chat.branched).not.toBe(chat.id);
  });

  it('can be continued only where they broke off', async () => {
    await ask('One');
    const message = chat.messages.at(-1)!.message;
    expect(canContinue(message)).toBe(false);
    expect(canContinue({ ...message, state: 'stopped' })).toBe(true);
    expect(canContinue({ ...message, state: 'failed', text: '' })).toBe(false);
    expect(canContinue({ ...message, finishReason: 'length' })).toBe(true);
  });
});

describe('leaving out', () => {
  it('tells what is missing while the user chooses, and takes nothing by itself', async () => {
    await ask('x'.repeat(400));
    const { count } = await new Promise<Chat['composer']>((resolve) => {
      void until(() => expect(chat.composer.count).not.toBeNull()).then(() => resolve(chat.composer));
    });
    await chat.budget.open();
    const [first] = chat.budget.items ?? [];
    expect(chat.budget.chosen.size).toBe(0);
    const before = chat.budget.missing;
    expect(before).toBe(count!.promptTokens + 1 - count!.contextTokens);
    chat.budget.toggle(first!.shown.id);
    expect(chat.budget.missing).toBe(before - first!.tokens);
    await chat.budget.apply();
    expect(chat.budget.items).toBeNull();
    expect(chat.messages.map(({ message }) => message.leftOut)).toEqual([true, false]);
    await chat.leaveOut([first!.shown.id], false);
    expect(chat.messages[0]?.message.leftOut).toBe(false);
  });
});

describe('pieces of a long page', () => {
  it('hold every block once, in order, and grow only at the end', () => {
    const text = Array.from({ length: 300 }, (_, index) => `Paragraph ${index} with some words in it.`).join('\n\n');
    const growing = new GrowingMarkdown();
    const before = gather(growing.update(text, false));
    const after = gather(growing.update(`${text}\n\nMore.`, false));
    expect(before.length).toBeGreaterThan(2);
    expect(before.flatMap(({ blocks }) => blocks.map(({ key }) => key))).toEqual([...Array(300).keys()]);
    expect(after.slice(0, before.length - 1).map(({ blocks }) => blocks)).toEqual(
      before.slice(0, -1).map(({ blocks }) => blocks),
    );
  });

  it('of plain text lose no character and halve none', () => {
    for (const text of [
      'a\n'.repeat(9000),
      'word '.repeat(9000),
      '😀'.repeat(9000),
      `${'x'.repeat(3999)}😀`.repeat(4),
    ]) {
      const pieces = piecesOfText(text);
      expect(pieces.join('').replaceAll('\n', '')).toBe(text.replaceAll('\n', ''));
      for (const piece of pieces) expect(piece.isWellFormed()).toBe(true);
      expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThanOrEqual(4001);
    }
    expect(heightOf('a\nb')).toBe(2 * 28 + 12);
  });
});

describe('coloured code', () => {
  it('is text again, whatever it looks like', () => {
    const notation = '<span class="hljs-string">&quot;&lt;b&gt;&quot;</span> <i>x</i> &amp;amp;';
    const pieces = piecesOf(notation);
    expect(pieces[0]).toEqual({ text: '"<b>"', kind: 'string' });
    expect(pieces.map(({ text }) => text).join('')).toBe('"<b>" <i>x</i> &amp;');
    expect(linesOf([{ text: 'a\n\nb', kind: 'x' }]).map((line) => line.map(({ text }) => text))).toEqual([
      ['a'],
      [],
      ['b'],
    ]);
  });

  it('is saved under a name that only its language decides', () => {
    expect(['python', 'ts', 'C++', '', '../../etc', 'constructor', 'html" onx'].map(fileNameFor)).toEqual([
      ...['code.py', 'code.ts', 'code.txt', 'code.txt', 'code.txt', 'code.txt', 'code.txt'],
    ]);
  });
});
