import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ConversationEvent, Message } from '../../main/contract/chat.ts';
import { ConversationWatch } from '../../main/services/chat/watch.ts';
import { openStore, type Store } from '../../main/services/store/open.ts';
import { startTalk, tempFolder, until, watchConversation } from './assistant-support.ts';
import { open } from './store-support.ts';

/** Adds a conversation of `count` messages, each with its number as text, whose last one is the shown leaf. */
function addLong(store: Store, count: number, text: (number: number) => string = String): string {
  return store.durably(() => {
    const conversationId = store.conversations.create({ title: 'Long' }).id;
    let parentId: string | null = null;
    for (let number = 0; number < count; number++) {
      const role = number % 2 === 0 ? 'user' : 'assistant';
      parentId = store.messages.insert({ conversationId, parentId, role, text: text(number) }).id;
    }
    store.conversations.setLeaf(conversationId, parentId);
    return conversationId;
  });
}

/** An assistant whose store holds a long conversation from before its start. */
async function startLong(count: number) {
  const dataDir = tempFolder();
  const store = openStore(join(dataDir, 'longhand.db'));
  const longId = addLong(store, count);
  store.close();
  return { ...(await startTalk({ dataDir })), longId };
}

const numbers = (count: number) => Array.from({ length: count }, (_, number) => String(number));
const textsOf = (messages: Message[]) => messages.map(({ text }) => text);

describe('watching a long conversation', () => {
  it('gives its end at once and what is above part by part, until it is whole', async () => {
    const { client, longId } = await startLong(1500);
    const watched = await watchConversation(client, longId);
    const [first] = watched.events;
    if (first?.type !== 'snapshot') throw new Error('the first event is no snapshot');
    expect(first.hasOlder).toBe(true);
    expect(first.messages.length).toBeLessThan(300);
    expect(first.messages.at(-1)?.text).toBe('1499');
    await until(() => watched.messages().length === 1500);
    expect(textsOf(watched.messages())).toEqual(numbers(1500));
    const parts = watched.events.filter((event) => 'messages' in event);
    expect(parts.map(({ hasOlder }) => hasOlder)).toEqual([...parts.slice(1).map(() => true), false]);
  });

  it('gives a short one whole', async () => {
    const { client, longId } = await startLong(5);
    const { events } = await watchConversation(client, longId);
    expect(events[0]).toMatchObject({ type: 'snapshot', hasOlder: false });
    expect(events[0]).toHaveProperty('messages.length', 5);
  });

  it('cuts its parts shorter where messages are very long', async () => {
    const store = open();
    const id = addLong(store, 30, () => 'x'.repeat(100_000));
    const watch = new ConversationWatch(store);
    for await (const event of watch.watch(id)) {
      if (!('messages' in event)) continue;
      expect(event.messages.length).toBeLessThanOrEqual(3);
      if (!event.hasOlder) break;
    }
  });

  it('tells of what changes while parts are on their way after them, in order', async () => {
    const store = open();
    const id = addLong(store, 1000);
    const watch = new ConversationWatch(store);
    const events: ConversationEvent[] = [];
    let root: Message | null = null;
    for await (const event of watch.watch(id)) {
      events.push(event);
      if (event.type === 'snapshot') {
        // The first message of all is left out before it has been sent.
        const { tokens: _, tokenizer: _none, ...message } = store.messages.path(event.messages[0]!.id)[0]!;
        store.messages.leaveOut(id, [message.id], true);
        root = { ...message, leftOut: true };
        watch.publish(id, { type: 'message', message: root });
      }
      if (event.type === 'message') break;
    }
    const last = events.at(-2);
    if (last?.type !== 'older') throw new Error('the change came before the last part');
    expect(last.hasOlder).toBe(false);
    expect(last.messages[0]).toEqual(root);
    expect(events.at(-1)).toEqual({ type: 'message', message: root });
  });

  it('lets the words of an answer pass between the parts', async () => {
    const store = open();
    const id = addLong(store, 1000);
    const watch = new ConversationWatch(store);
    const { leafId } = store.conversations.get(id)!;
    const types: string[] = [];
    for await (const event of watch.watch(id)) {
      types.push(event.type);
      if (event.type === 'snapshot') watch.publish(id, { type: 'delta', messageId: leafId!, text: 'word' });
      if ('messages' in event && !event.hasOlder) break;
    }
    expect(types.slice(0, 3)).toEqual(['snapshot', 'delta', 'older']);
  });

  it('begins anew, with the other branch, when one is chosen while parts are on their way', async () => {
    const store = open();
    const id = addLong(store, 1000);
    const watch = new ConversationWatch(store);
    const other = store.messages.insert({ conversationId: id, parentId: null, role: 'user', text: 'another start' });
    const seen: ConversationEvent[] = [];
    for await (const event of watch.watch(id)) {
      seen.push(event);
      if (seen.length === 2) {
        store.conversations.setLeaf(id, other.id);
        watch.refresh(id);
      }
      if ('messages' in event && !event.hasOlder) break;
    }
    expect(seen.map(({ type }) => type)).toEqual(['snapshot', 'older', 'snapshot']);
    expect(seen.at(-1)).toMatchObject({ hasOlder: false, messages: [{ text: 'another start' }] });
  });
});
