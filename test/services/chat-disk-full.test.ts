import { describe, expect, it, onTestFinished } from 'vitest';
import type { ConversationEvent } from '../../main/contract/chat.ts';
import type { GenerateEvent } from '../../main/contract/engine.ts';
import { LonghandError } from '../../main/contract/errors.ts';
import { Ask } from '../../main/services/ask/ask.ts';
import { Context } from '../../main/services/chat/context.ts';
import type { AnsweringModel } from '../../main/services/models/models.ts';
import { Turns } from '../../main/services/chat/turn.ts';
import { ConversationWatch } from '../../main/services/chat/watch.ts';
import { openStore } from '../../main/services/store/open.ts';
import { metrics, until } from './assistant-support.ts';

const diskFull = new LonghandError('disk-full', 'The disk is full.', { freeBytes: 0 });

/** Turns over a store that can be made to fail, and an engine that says five words at once. */
function start() {
  const store = openStore(':memory:');
  onTestFinished(() => store.close());
  const order: string[] = [];
  const log: string[] = [];
  const { appendChunk } = store.messages;
  store.messages.appendChunk = (id, text, tokens) => {
    appendChunk(id, text, tokens);
    order.push(`kept ${text}`);
  };
  const model = { name: 'tiny', contextTokens: 100, tokenizer: null, toolFormat: null } as AnsweringModel;
  const models = { current: () => model, acquire: async () => ({ model, release() {} }) };
  const engine = {
    count: async () => ({ promptTokens: 1, contextTokens: 100, cachedTokens: 0 }),
    countEach: async () => [],
    async *generate(): AsyncGenerator<GenerateEvent, void> {
      for (const text of ['one', 'two', 'three', 'four', 'five']) yield { type: 'token', text, tokens: [1] };
      yield { type: 'end', finishReason: 'stop', metrics };
    },
  };
  const watch = new ConversationWatch(store);
  const publish = watch.publish.bind(watch);
  watch.publish = (id, event) => {
    if (event.type === 'delta') order.push(`shown ${event.text}`);
    publish(id, event);
  };
  const tables = {
    describe: () => Promise.resolve([]),
    run: () => Promise.reject(new Error('There are no tables.')),
  };
  const ask = new Ask({
    store,
    search: { sources: () => Promise.resolve({ hits: [], isClose: false }) },
    tables,
    log: () => {},
  });
  const context = new Context({ store, engine, models, ask });
  const turns = new Turns({
    ...{ store, engine, models, context, watch, ask, tables },
    log: (line) => void log.push(line),
  });
  const { id } = store.conversations.create();
  const events: ConversationEvent[] = [];
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  void (async () => {
    for await (const event of watch.watch(id, stop.signal)) events.push(event);
  })();
  const lastMessage = () => events.flatMap((event) => (event.type === 'message' ? [event.message] : [])).at(-1);
  return { store, turns, id, order, log, lastMessage };
}

describe('a token', () => {
  it('is kept before it is shown, each one', async () => {
    const { turns, id, order, lastMessage } = start();
    await turns.send({ conversationId: id, text: 'Count' });
    await until(() => lastMessage()?.state === 'complete');
    const words = ['one', 'two', 'three', 'four', 'five'];
    expect(order).toEqual(words.flatMap((word) => [`kept ${word}`, `shown ${word}`]));
  });

  it('that cannot be kept is not shown, and ends the answer with the reason', async () => {
    const { store, turns, id, order, lastMessage } = start();
    const keep = store.messages.appendChunk;
    store.messages.appendChunk = (...chunk) => {
      if (chunk[1] === 'three') throw diskFull;
      keep(...chunk);
    };
    const { reply } = await turns.send({ conversationId: id, text: 'Count' });
    await until(() => lastMessage()?.state === 'failed');
    expect(order).toEqual(['kept one', 'shown one', 'kept two', 'shown two']);
    expect(store.messages.get(reply.id)).toMatchObject({
      text: 'onetwo',
      error: { code: 'disk-full', details: { freeBytes: 0 } },
    });
  });
});

describe('an answer whose end cannot be stored', () => {
  it('is shown as interrupted, keeps what was kept, and leaves the conversation usable', async () => {
    const { store, turns, id, log, lastMessage } = start();
    const { finish, appendChunk } = store.messages;
    store.messages.appendChunk = (...chunk) => {
      appendChunk(...chunk);
      store.messages.finish = () => {
        throw diskFull;
      };
    };
    const { reply } = await turns.send({ conversationId: id, text: 'Count' });
    await until(() => lastMessage()?.state === 'interrupted');
    expect(lastMessage()).toMatchObject({ id: reply.id, text: 'onetwothreefourfive', error: { code: 'disk-full' } });
    expect(log[0]).toContain('could not be stored');

    store.messages.finish = finish;
    store.messages.appendChunk = appendChunk;
    expect(store.messages.recoverInterrupted()).toEqual([reply.id]); // as the next start does
    await turns.continue({ messageId: reply.id });
    await until(() => store.messages.get(reply.id)?.state === 'complete');
  });

  it('saves nothing of a message that cannot be saved, and says so to its sender', async () => {
    const { store, turns, id } = start();
    store.conversations.setLeaf = () => {
      throw diskFull;
    };
    await expect(turns.send({ conversationId: id, text: 'Count' })).rejects.toMatchObject({ code: 'disk-full' });
    expect(store.search.find('Count')).toEqual([]);
    expect(store.conversations.get(id)).toMatchObject({ leafId: null, title: '' });
  });
});
