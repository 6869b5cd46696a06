import { describe, expect, it } from 'vitest';
import type { Store } from '../../main/services/store/open.ts';
import { open } from './store-support.ts';

/** A conversation of `count` messages, each with its number as text. Returns their ids. */
function chain(store: Store, count: number, text: (number: number) => string = String) {
  const conversationId = store.conversations.create().id;
  const ids: string[] = [];
  store.durably(() => {
    for (let number = 0; number < count; number++) {
      const role = number % 2 === 0 ? 'user' : 'assistant';
      const parentId = ids.at(-1) ?? null;
      ids.push(store.messages.insert({ conversationId, parentId, role, text: text(number) }).id);
    }
  });
  return { conversationId, ids };
}

describe('the end of a path', () => {
  it('read part by part is the path', () => {
    const store = open();
    const { ids } = chain(store, 25);
    const read: string[] = [];
    for (let end: string | null = ids.at(-1)!; end !== null;) {
      const part = store.messages.pathPart(end, { most: 10 });
      expect(part.length).toBeLessThanOrEqual(10);
      read.unshift(...part.map(({ id }) => id));
      end = part[0]!.parentId;
    }
    expect(read).toEqual(ids);
    expect(store.messages.path(ids.at(-1)!).map(({ id }) => id)).toEqual(ids);
  });

  it('is shorter where messages are long, but never nothing', () => {
    const store = open();
    const { ids } = chain(store, 10, (number) => 'x'.repeat(number * 10));
    const textsOf = (characters: number) =>
      store.messages.pathPart(ids.at(-1)!, { most: 10, characters }).map(({ text }) => text.length);
    expect(textsOf(150)).toEqual([80, 90]);
    expect(textsOf(1)).toEqual([90]);
    expect(textsOf(1000)).toHaveLength(10);
  });

  it('holds what is being written and which messages have others beside them', () => {
    const store = open();
    const { conversationId, ids } = chain(store, 3);
    const answer = store.messages.insert({ conversationId, parentId: ids[2]!, role: 'assistant', state: 'waiting' });
    store.messages.startStreaming(answer.id);
    store.messages.appendChunk(answer.id, 'half ', [1]);
    store.messages.appendChunk(answer.id, 'said', [2]);
    const other = store.messages.insert({ conversationId, parentId: ids[1]!, role: 'user', text: 'beside' });
    const part = store.messages.pathPart(answer.id, { most: 2 });
    expect(part.map(({ text }) => text)).toEqual(['2', 'half said']);
    expect(part.map(({ siblings }) => siblings)).toEqual([[ids[2]!, other.id], []]);
  });

  it('of a message that is not there is empty', () => {
    expect(open().messages.pathPart('nothing', { most: 10 })).toEqual([]);
  });
});

describe('the messages that a path leads through', () => {
  it('are told from those beside and below it', () => {
    const store = open();
    const { conversationId, ids } = chain(store, 6);
    const beside = store.messages.insert({ conversationId, parentId: ids[1]!, role: 'user', text: 'beside' }).id;
    const { onPath } = store.messages;
    expect(onPath(ids[5]!, [...ids, beside, 'nothing'])).toEqual(ids.toReversed());
    expect(onPath(beside, ids)).toEqual([ids[1], ids[0]]);
    expect(onPath(ids[4]!, [ids[5]!])).toEqual([]);
    expect(onPath(ids[4]!, [])).toEqual([]);
  });
});
