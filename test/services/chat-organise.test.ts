import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ListEvent } from '../../main/contract/chat.ts';
import type { LonghandClient } from '../../main/contract/index.ts';
import { Bin, type BinOptions } from '../../main/services/chat/bin.ts';
import { ConversationWatch } from '../../main/services/chat/watch.ts';
import { openStore, type Store } from '../../main/services/store/open.ts';
import { failureOf, startAssistant, startTalk, tempFolder, until } from './assistant-support.ts';

const NOWHERE = '01920000-0000-7000-8000-0000000000ff';
const DAY_MS = 24 * 60 * 60 * 1000;
const SECRET = 'zquixotrythan';

const titles = async (client: LonghandClient, input: Parameters<LonghandClient['chat']['conversations']>[0]) =>
  (await client.chat.conversations(input)).items.map(({ title }) => title);

async function watchList(client: LonghandClient): Promise<ListEvent[]> {
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const events: ListEvent[] = [];
  const iterator = await client.chat.watchList(undefined, { signal: stop.signal });
  void (async () => {
    for await (const event of iterator) events.push(event);
  })().catch(() => {});
  await until(() => events.length > 0);
  return events;
}

/** Every byte of the database and its log. */
const bytesOf = (dir: string) =>
  Buffer.concat(
    readdirSync(dir)
      .filter((name) => name.startsWith('longhand.db'))
      .map((name) => readFileSync(join(dir, name))),
  );

function binOver(store: Store, options: Partial<BinOptions> = {}): Bin {
  const turns = { stopConversation: async () => {} };
  const prefiller = { stop: async () => {} };
  const snapshots = { forget: async () => {} };
  return new Bin({ store, turns, prefiller, watch: new ConversationWatch(store), snapshots, log() {}, ...options });
}

describe('folders', () => {
  it('hold conversations, which can be listed by folder, without one, and all together', async () => {
    const { client } = startAssistant();
    const work = await client.chat.createFolder({ name: '  Work ' });
    expect(work.name).toBe('Work');
    const inside = await client.chat.create({ title: 'inside' });
    await client.chat.create({ title: 'outside' });
    expect(await client.chat.move({ id: inside.id, folderId: work.id })).toMatchObject({ folderId: work.id });
    expect(await titles(client, { folderId: work.id })).toEqual(['inside']);
    expect(await titles(client, { folderId: null })).toEqual(['outside']);
    expect(await titles(client, {})).toEqual(['outside', 'inside']);
    await client.chat.move({ id: inside.id, folderId: null });
    expect(await titles(client, { folderId: work.id })).toEqual([]);
  });

  it('go without what is in them', async () => {
    const { client } = startAssistant();
    const folder = await client.chat.createFolder({ name: 'Work' });
    const kept = await client.chat.create({ title: 'kept' });
    const binned = await client.chat.create({ title: 'binned' });
    for (const { id } of [kept, binned]) await client.chat.move({ id, folderId: folder.id });
    await client.chat.remove({ id: binned.id });
    await client.chat.removeFolder({ id: folder.id });
    expect((await client.chat.conversations({ folderId: null })).items).toMatchObject([{ title: 'kept' }]);
    expect(await client.chat.restore({ id: binned.id })).toMatchObject({ folderId: null });
  });

  it.each([
    ['rename', (client: LonghandClient) => client.chat.renameFolder({ id: NOWHERE, name: 'x' })],
    ['remove', (client: LonghandClient) => client.chat.removeFolder({ id: NOWHERE })],
  ])('that do not exist cannot be changed (%s)', async (_, call) => {
    const { client } = startAssistant();
    expect(await failureOf(call(client))).toMatchObject({ code: 'not-found', details: { id: NOWHERE } });
  });

  it('refuse a conversation that has nowhere to go, and a name of nothing', async () => {
    const { client } = startAssistant();
    const { id } = await client.chat.create({});
    expect((await failureOf(client.chat.move({ id, folderId: NOWHERE }))).code).toBe('not-found');
    expect((await client.chat.conversations({})).items).toMatchObject([{ folderId: null }]);
    expect((await failureOf(client.chat.createFolder({ name: '   ' }))).code).toBe('invalid-input');
  });
});

describe('pins', () => {
  it('list what is pinned apart from what is not, in pages', async () => {
    const { client } = startAssistant();
    for (const title of ['a', 'b', 'c', 'd']) {
      const { id } = await client.chat.create({ title });
      if (title !== 'c') await client.chat.pin({ id, pinned: true });
    }
    const first = await client.chat.conversations({ pinned: true, limit: 2 });
    expect(first.items.map(({ title }) => title)).toEqual(['d', 'b']);
    const rest = await client.chat.conversations({ pinned: true, limit: 2, before: first.next });
    expect(rest).toMatchObject({ items: [{ title: 'a', pinned: true }], next: null });
    expect(await titles(client, { pinned: false })).toEqual(['c']);
    await client.chat.pin({ id: rest.items[0]!.id, pinned: false });
    expect(await titles(client, { pinned: false, folderId: null })).toEqual(['c', 'a']);
  });
});

describe('whoever watches the list', () => {
  it('gets the folders, then every change of any client', async () => {
    const { client, engine, id, ask } = await startTalk();
    await client.chat.createFolder({ name: 'First' });
    const events = await watchList(client);
    expect(events).toMatchObject([{ type: 'folders', folders: [{ name: 'First' }] }]);

    const { id: folderId } = await client.chat.createFolder({ name: 'Second' });
    await client.chat.move({ id, folderId });
    await client.chat.pin({ id, pinned: true });
    await ask('What is a rune?', 'A letter.');
    await client.chat.rename({ id, title: 'Runes' });
    await client.chat.removeFolder({ id: folderId });
    await client.chat.remove({ id });
    await client.chat.restore({ id });
    await until(
      () => events.filter(({ type }) => type === 'removed').length === 1 && events.at(-1)?.type !== 'removed',
    );
    const told = events.map((event) =>
      event.type === 'conversation'
        ? [event.conversation.title, event.conversation.pinned, event.conversation.folderId === folderId]
        : event.type === 'folders'
          ? event.folders.map(({ name }) => name)
          : event.type,
    );
    expect(told).toEqual([
      ['First'],
      ['First', 'Second'],
      ['', false, true],
      ['', true, true],
      ['What is a rune?', true, true], // asked
      ['What is a rune?', true, true], // answered
      ['Runes', true, true],
      ['First'],
      ['Runes', true, false],
      'removed',
      ['Runes', true, false],
    ]);
    expect(engine.loads).toHaveLength(1);
  });
});

describe('the bin', () => {
  it('lists what was deleted last first, in pages, with the time', async () => {
    const { client } = startAssistant();
    const ids: string[] = [];
    for (const title of ['a', 'b', 'c']) ids.push((await client.chat.create({ title })).id);
    for (const id of [ids[2]!, ids[0]!, ids[1]!]) {
      await client.chat.remove({ id });
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    const first = await client.chat.bin({ limit: 2 });
    expect(first.items.map(({ title }) => title)).toEqual(['b', 'a']);
    expect(first.items[0]!.deletedMs).toBeGreaterThan(first.items[1]!.deletedMs);
    expect((await client.chat.bin({ limit: 2, before: first.next })).items.map(({ title }) => title)).toEqual(['c']);
    await client.chat.restore({ id: ids[0]! });
    expect((await client.chat.bin({})).items.map(({ title }) => title)).toEqual(['b', 'c']);
  });

  it('is emptied one by one or as a whole, and the words are in no file of ours any more', async () => {
    const { client, dataDir, id, ask } = await startTalk();
    await ask(`What does ${SECRET} mean?`, `Nobody knows what ${SECRET} means.`);
    const other = await client.chat.create({ title: `More ${SECRET}` });
    const kept = await client.chat.create({ title: 'kept' });
    await client.chat.prefill({ id: other.id }); // a job outlives what it read
    await client.chat.remove({ id });
    await client.chat.remove({ id: other.id });
    expect(bytesOf(dataDir).includes(SECRET)).toBe(true);
    expect(await client.chat.search({ query: SECRET })).toEqual([]); // and its thread has the file open
    expect(await client.chat.purge({ id })).toEqual({ purged: 1 });
    expect((await client.chat.bin({})).items.map((one) => one.id)).toEqual([other.id]);
    expect(await client.chat.purge({})).toEqual({ purged: 1 });
    expect(bytesOf(dataDir).includes(SECRET)).toBe(false);
    expect(bytesOf(dataDir).includes('quixotrythan')).toBe(false); // a term without the beginning it shares
    expect(await titles(client, {})).toEqual(['kept']);
    expect((await failureOf(client.chat.restore({ id }))).code).toBe('not-found');
    expect((await failureOf(client.chat.purge({ id: kept.id }))).code).toBe('not-found');
    expect(await client.chat.purge({})).toEqual({ purged: 0 });
  });

  it('loses at start what has been in it for 30 days, words and all, and nothing else', async () => {
    const dataDir = tempFolder();
    const path = join(dataDir, 'longhand.db');
    let nowMs = Date.now() - 31 * DAY_MS;
    const store = openStore(path, { now: () => nowMs });
    const old = store.conversations.create({ title: 'old' });
    store.messages.insert({ conversationId: old.id, parentId: null, role: 'user', text: SECRET });
    store.conversations.softDelete(old.id);
    const untouched = store.conversations.create({ title: 'not deleted' });
    nowMs += 2 * DAY_MS;
    const recent = store.conversations.create({ title: 'recent' });
    store.conversations.softDelete(recent.id);
    store.close();
    expect(bytesOf(dataDir).includes(SECRET)).toBe(true);

    const { client } = startAssistant({ dataDir });
    await until(() => !bytesOf(dataDir).includes(SECRET));
    expect((await client.chat.bin({})).items.map(({ id }) => id)).toEqual([recent.id]);
    expect((await client.chat.conversations({})).items.map(({ id }) => id)).toEqual([untouched.id]);
  });

  it('erases once a reader has let go of the log', async () => {
    const dataDir = tempFolder();
    const store = openStore(join(dataDir, 'longhand.db'));
    onTestFinished(() => store.close());
    const { id } = store.conversations.create({ title: SECRET });
    store.conversations.softDelete(id);
    const { openReadable } = await import('../../main/services/store/db.ts');
    const reader = openReadable(store.path);
    reader.exec('BEGIN; SELECT count(*) FROM conversations;');
    setTimeout(() => reader.close(), 400);
    const bin = binOver(store);
    expect(await bin.purge(id)).toBe(1);
    expect(bytesOf(dataDir).includes(SECRET)).toBe(false);
  });

  it('destroys what comes of age while the app runs, until it closes', async () => {
    let nowMs = Date.now();
    const store = openStore(':memory:', { now: () => nowMs });
    onTestFinished(() => store.close());
    const binned = () => store.conversations.bin({ limit: 10 }).items.length;
    const remove = () => store.conversations.softDelete(store.conversations.create({ title: SECRET }).id);
    const bin = binOver(store, { now: () => nowMs, lookEveryMs: 5 });
    bin.start();
    remove();
    nowMs += 29 * DAY_MS;
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(binned()).toBe(1);
    nowMs += 2 * DAY_MS;
    await until(() => binned() === 0);

    bin.close();
    remove();
    nowMs += 31 * DAY_MS;
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(binned()).toBe(1);
  });

  it('says when it could not be emptied, and tries again', async () => {
    const log: string[] = [];
    let tries = 0;
    const conversations = {
      deletedBefore(): string[] {
        tries++;
        throw new Error('the disk is full');
      },
    };
    const bin = binOver({ conversations } as unknown as Store, { lookEveryMs: 5, log: (line) => void log.push(line) });
    onTestFinished(() => bin.close());
    bin.start();
    await until(() => tries > 1);
    expect(log[0]).toBe('the bin could not be emptied: the disk is full');
  });
});
