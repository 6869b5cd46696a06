import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Message } from '../../main/contract/chat.ts';
import { Find } from '../../renderer/state/find.svelte.ts';
import { ShownPath } from '../../renderer/state/shown-path.svelte.ts';
import type { ShownMessage } from '../../renderer/state/shown-message.svelte.ts';
import type { Chat } from '../../renderer/state/chat.svelte.ts';
import { TestChat, until } from '../support/renderer-support.ts';
import { ScriptedConversations } from '../support/scripted-conversations.ts';

/** "a b c" is a chain from the root; "c > x y" goes on below c. */
class Tree {
  readonly #conversations = new ScriptedConversations();
  readonly #id = this.#conversations.create('Tree').id;
  readonly #ids = new Map<string, string>();

  grow(notation: string): this {
    const [parent, names] = notation.includes('>') ? notation.split(' > ') : [null, notation];
    let parentId = parent === null || parent === undefined ? null : this.#ids.get(parent)!;
    for (const name of (names ?? '').split(' ')) {
      const values = { role: 'user', text: name, state: 'complete' } as const;
      parentId = this.#conversations.add(this.#id, values, parentId).id;
      this.#ids.set(name, parentId);
    }
    return this;
  }

  /** Messages by their names. */
  at(names: string): Message[] {
    return names.split(' ').map((name) => this.#conversations.shown(this.#ids.get(name)!));
  }
}

const names = (shown: ShownMessage[]) => shown.map(({ text }) => text).join(' ');
const places = (shown: ShownMessage[]) => shown.map(({ place }) => place);

describe('the messages on the screen', () => {
  let path: ShownPath;
  let updated: string[];
  const tree = new Tree().grow('a b c d e f').grow('c > x y').grow('n m');

  beforeEach(() => {
    updated = [];
    path = new ShownPath((shown, message) => {
      updated.push(message.text);
      shown.replace(message);
    });
  });

  it('come from the end to the beginning, and what is there keeps its identity and its place', async () => {
    path.takeNewest(tree.at('e f'), true);
    const [e] = path.messages;
    let isWhole = false;
    const whole = path.whole().then(() => (isWhole = true));
    path.takeOlder(tree.at('c d'), true);
    expect(names(path.messages)).toBe('c d e f');
    await Promise.resolve();
    expect(isWhole).toBe(false);
    path.takeOlder(tree.at('a b'), false);
    await whole;
    expect(names(path.messages)).toBe('a b c d e f');
    expect(path.messages[4]).toBe(e);
    expect(places(path.messages)).toEqual([-4, -3, -2, -1, 0, 1]);
    expect(updated).toEqual([]);
  });

  it('stay where they are when the line was lost, and are brought up to date part by part', () => {
    path.takeNewest(tree.at('a b c d e'), false);
    const before = path.messages;
    path.takeNewest(tree.at('e f'), true);
    expect(names(path.messages)).toBe('a b c d e f');
    expect(updated).toEqual(['e']);
    path.takeOlder(tree.at('a b c d'), false);
    expect(path.messages.slice(0, 5)).toEqual(before);
    expect(updated).toEqual(['e', 'a', 'b', 'c', 'd']);
  });

  it('go where nothing is known to be above the new ones', () => {
    path.takeNewest(tree.at('a b'), false);
    path.takeNewest(tree.at('e f'), true);
    expect(names(path.messages)).toBe('e f');
    path.takeOlder(tree.at('a b c d'), false);
    expect(names(path.messages)).toBe('a b c d e f');
  });

  it('of another branch take the place of what followed their parent', () => {
    path.takeNewest(tree.at('a b c d e f'), false);
    path.takeNewest(tree.at('x y'), true);
    expect(names(path.messages)).toBe('a b c x y');
    expect(places(path.messages)).toEqual([0, 1, 2, 3, 4]);
    path.takeNewest(tree.at('n m'), false);
    expect(names(path.messages)).toBe('n m');
  });

  it('that an edit cut off do not come back with an older part', () => {
    path.takeNewest(tree.at('d e f'), true);
    path.takeOlder(tree.at('c'), true);
    path.put(tree.at('x')[0]!);
    path.put(tree.at('y')[0]!);
    expect(names(path.messages)).toBe('c x y');
    path.takeOlder(tree.at('a b'), false);
    expect(names(path.messages)).toBe('a b c x y');

    path.takeNewest(tree.at('e f'), true); // known above: nothing, as d is not here
    path.takeNewest(tree.at('x y'), true);
    path.takeOlder(tree.at('a b c d'), false); // of the first of the two
    expect(names(path.messages)).toBe('a b c x y');
  });

  it('ignore what follows a message that is not here', () => {
    path.takeNewest(tree.at('e f'), true);
    path.put(tree.at('b')[0]!);
    expect(names(path.messages)).toBe('e f');
  });

  it('let nobody wait for them once they are given up', async () => {
    path.takeNewest(tree.at('e f'), true);
    const whole = path.whole();
    path.giveUp();
    await expect(whole).resolves.toBeUndefined();
  });
});

describe('a long conversation', () => {
  const LONG = Array.from({ length: 1000 }, (_, index) => `message ${index}`);
  let page: TestChat;
  let chat: Chat;
  let id: string;
  let arrive: () => void;

  beforeEach(async () => {
    page = new TestChat();
    const { conversations } = page.line.assistant;
    ({ id } = page.line.assistant.addConversation('Long', LONG));
    const { promise, resolve } = Promise.withResolvers<void>();
    conversations.olderAfter = promise;
    arrive = resolve;
    chat = page.open(id);
    await until(() => expect(chat.loaded).toBe(true));
  });
  afterEach(() => {
    arrive();
    chat.close();
    page.line.connection.close();
  });

  const texts = () => chat.messages.map(({ text }) => text);
  const last = () => chat.messages.at(-1);

  it('is read from its end before the rest has arrived, and can be gone on with', async () => {
    expect(chat.messages.length).toBeLessThan(LONG.length);
    expect(last()?.text).toBe('message 999');
    await page.ask(chat, 'more');
    expect(chat.messages.at(-2)?.text).toBe('more');
    arrive();
    await until(() => expect(last()?.message.state).toBe('complete'));
    expect(texts()).toEqual([...LONG, 'more', 'You said: more']);
  });

  it('waits for the rest before it tells what all messages weigh', async () => {
    const opening = chat.budget.open();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(chat.budget.items).toBeNull();
    arrive();
    await opening;
    expect(chat.budget.items).toHaveLength(1000);
  });

  it('is searched as it arrives, and the match that is looked at stays the same', async () => {
    const find = new Find(() => chat.messages);
    find.open = true;
    find.type('message 9');
    const { current } = find;
    expect(find.index).toBe(0);
    arrive();
    await chat.whole();
    expect(find.current).toBe(current);
    expect(find.index).toBeGreaterThan(0);
    find.step(1);
    expect(find.current).toBe(find.matches[find.index]);
    expect(find.current).not.toBe(current);
    find.type('message 12');
    expect(find.current).toEqual({ messageId: chat.messages[12]!.id, at: 0 });
  });

  it('does not take a message that has not arrived for one of another branch', async () => {
    const { conversations } = page.line.assistant;
    const early = conversations.path(id)[10]!;
    conversations.add(id, { role: 'user', text: 'newer, and beside', state: 'complete' }, early.id);
    conversations.change(id, { leafId: last()!.id });
    const revealing = chat.reveal(early.id);
    arrive();
    await revealing;
    expect(texts()).toEqual(LONG);
  });

  it('shows a message of another branch when it is sought, once all of this one is here', async () => {
    const { conversations } = page.line.assistant;
    const early = conversations.path(id)[10]!;
    const values = { role: 'user', text: 'beside', state: 'complete' } as const;
    const { id: besideId } = conversations.add(id, values, early.id);
    conversations.change(id, { leafId: last()!.id });
    const revealing = chat.reveal(besideId);
    arrive();
    await revealing;
    expect(texts()).toEqual([...LONG.slice(0, 11), 'beside']);
  });

  it('is the same after the line broke while it arrived', async () => {
    page.line.cut();
    await until(() => expect(page.line.states.at(-1)).toBe('reconnecting'));
    arrive();
    await until(() => expect(texts()).toEqual(LONG));
    expect(chat.messages.map(({ place }) => place - chat.messages[0]!.place)).toEqual([...LONG.keys()]);
  });
});
