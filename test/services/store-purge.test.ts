import { describe, expect, it } from 'vitest';
import { openReadable } from '../../main/services/store/db.ts';
import { bytesIn, databaseIn, open, startAnswer, tempFolder } from './store-support.ts';

// Terms are stored without the beginning they share with the one before, so their ends are looked for.
const SECRETS = ['zquixotrythan', 'quixotrythan', 'mbrgutnchen', '玄武岩柱状节理', '柱状', '节理'];
const TEXT = 'The word is zquixotrythan, or ümbrgutnchen, or 玄武岩柱状节理.';
const TOKENS = Array.from({ length: 16 }, (_, index) => 0x51a7_0000 + index * 7919);

const traces = (dir: string) => {
  const bytes = bytesIn(dir);
  const found = SECRETS.filter((secret) => bytes.includes(secret));
  return bytes.includes(Buffer.from(Int32Array.from(TOKENS).buffer)) ? [...found, 'tokens'] : found;
};

/** A store among whose conversations one holds the secrets in its title, its prompt, its messages and a stream. */
function withSecrets(dir: string) {
  const store = open(databaseIn(dir));
  const others = Array.from({ length: 30 }, () => startAnswer(store));
  const { conversationId, answer, question } = startAnswer(store);
  store.conversations.rename(conversationId, TEXT, 'user');
  store.conversations.setSystemPrompt(conversationId, TEXT);
  store.messages.appendChunk(answer.id, TEXT.repeat(200), TOKENS);
  store.messages.finish(answer.id, { state: 'complete' });
  const second = store.messages.insert({
    conversationId,
    parentId: question.id,
    role: 'assistant',
    state: 'streaming',
  });
  store.messages.appendChunk(second.id, TEXT, TOKENS);
  for (const { answer: other } of others) store.messages.appendChunk(other.id, 'and so on', [1]);
  for (const { answer: other } of others) store.messages.finish(other.id, { state: 'complete' });
  return { store, conversationId, others };
}

describe('destroying a conversation', () => {
  it('leaves none of its bytes in the data folder, and all of the others', () => {
    const dir = tempFolder();
    const { store, conversationId, others } = withSecrets(dir);
    store.checkpoint();
    expect(traces(dir)).toEqual([...SECRETS, 'tokens']);

    store.conversations.destroy(conversationId);
    expect(store.checkpoint()).toBe(true);
    expect(traces(dir)).toEqual([]);
    expect(store.conversations.get(conversationId)).toBeNull();
    expect(store.search.find('zquixotrythan')).toEqual([]);
    expect(store.conversations.list({ limit: 100 }).items).toHaveLength(others.length);
    expect(store.search.find('so on', { limit: 100 })).toHaveLength(others.length);
  });

  it('leaves nothing in a log that was never checkpointed either', () => {
    const dir = tempFolder();
    const { store, conversationId } = withSecrets(dir);
    store.conversations.destroy(conversationId);
    store.checkpoint();
    expect(traces(dir)).toEqual([]);
  });

  it('says when a reader keeps the old pages alive, and erases them with the next checkpoint', () => {
    const dir = tempFolder();
    const { store, conversationId } = withSecrets(dir);
    const reader = openReadable(databaseIn(dir));
    reader.exec('BEGIN; SELECT count(*) FROM messages;');
    const start = performance.now();
    store.conversations.destroy(conversationId);
    expect(store.checkpoint()).toBe(false);
    expect(performance.now() - start).toBeLessThan(1000);
    expect(traces(dir)).not.toEqual([]);
    reader.exec('COMMIT');
    expect(store.checkpoint()).toBe(true);
    expect(traces(dir)).toEqual([]);
    reader.close();
  });

  it('works along a chain of 10,000 messages', () => {
    const store = open(databaseIn(tempFolder()));
    const conversationId = store.conversations.create().id;
    let parentId: string | null = null;
    store.durably(() => {
      for (let index = 0; index < 10_000; index += 1) {
        parentId = store.messages.insert({ conversationId, parentId, role: 'tool', text: 'link' }).id;
      }
      store.conversations.setLeaf(conversationId, parentId);
    });
    const start = performance.now();
    store.conversations.destroy(conversationId);
    console.log(`destroying 10,000 messages: ${(performance.now() - start).toFixed(0)} ms`);
    expect(store.messages.path(parentId ?? '')).toEqual([]);
  });
});
