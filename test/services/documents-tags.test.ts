import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { wholeShelf, type Collection } from '../../main/contract/collections.ts';
import { failureOf, startAssistant, startTalk, tempFolder, until } from './assistant-support.ts';

type Client = ReturnType<typeof startAssistant>['client'];

const pace = { gatherMs: 20, settleMs: 100, lookMs: 300, blindMs: 200 };
const tag = (id: string): Collection => ({ kind: 'tag', id });

async function shelve(client: Client, name: string, text: string, tags: string[] = []): Promise<string> {
  const { id } = await client.documents.addText({ name, text });
  await until(async () => (await client.documents.get({ id })).state === 'ready');
  await client.documents.tag({ id, tags });
  return id;
}

const tagsOf = async (client: Client, id: string) => (await client.documents.get({ id })).tags;

/** Documents of a folder on the disk, once they are read. */
async function read(client: Client, folderId: string, count: number) {
  return until(async () => {
    const inside = (await client.documents.list()).filter(({ folder }) => folder?.id === folderId);
    return inside.length === count && inside.every(({ state }) => state === 'ready') ? inside : null;
  });
}

describe('a tag', () => {
  it('is set on a document, tidied, and told to whoever watches the shelf', async () => {
    const { client } = startAssistant();
    const id = await shelve(client, 'a.txt', 'Otters swim.');
    const seen: string[][] = [];
    const stop = new AbortController();
    const watching = (async () => {
      for await (const event of await client.documents.watch(undefined, { signal: stop.signal })) {
        if (event.type === 'document') seen.push(event.document.tags);
      }
    })().catch(() => {});
    const { tags } = await client.documents.tag({ id, tags: ['  #Mill   Lane ', 'lease', 'Lease', ' '] });
    expect(tags).toEqual(['Mill Lane', 'lease']);
    await until(() => seen.some((one) => one.length === 2));
    expect((await client.documents.list())[0]?.tags).toEqual(['Mill Lane', 'lease']);
    stop.abort();
    await watching;
  });

  it('has the spelling in which it is there already', async () => {
    const { client } = startAssistant();
    await shelve(client, 'a.txt', 'Otters swim.', ['Lease']);
    const second = await shelve(client, 'b.txt', 'Badgers dig.', ['LEASE']);
    expect(await tagsOf(client, second)).toEqual(['Lease']);
  });

  it('is refused on a document that is not there, and when there are too many', async () => {
    const { client } = startAssistant();
    const id = await shelve(client, 'a.txt', 'Otters swim.', ['kept']);
    expect((await failureOf(client.documents.tag({ id: 'nowhere', tags: ['x'] }))).code).toBe('not-found');
    const many = Array.from({ length: 51 }, (_, index) => `t${index}`);
    expect((await failureOf(client.documents.tag({ id, tags: many }))).code).toBe('invalid-input');
    expect(await tagsOf(client, id)).toEqual(['kept']);
  });

  it('narrows a search, with a folder to what lies in both', async () => {
    const { client } = startAssistant({ pace });
    const folder = tempFolder();
    for (const name of ['c.txt', 'd.txt']) writeFileSync(join(folder, name), `The heron of ${name} fishes.`);
    const { id: folderId } = await client.documents.watchFolder({ path: folder });
    const inside = await read(client, folderId, 2);
    const c = inside.find(({ name }) => name === 'c.txt')!;
    await client.documents.tag({ id: c.id, tags: ['birds'] });
    const a = await shelve(client, 'a.txt', 'A heron stands in the reeds.', ['birds']);
    await shelve(client, 'b.txt', 'Another heron flies over the mill.');
    const found = async (within: Collection[]) => {
      const { hits } = await client.documents.search({ query: 'heron', within });
      return hits.map(({ name }) => name).toSorted();
    };
    expect(await found([tag('birds')])).toEqual(['a.txt', 'c.txt']);
    expect(await found([tag('birds'), { kind: 'folder', id: folderId }])).toEqual(['c.txt']);
    expect(await found([wholeShelf])).toEqual(['a.txt', 'b.txt', 'c.txt', 'd.txt']);
    expect(await found([tag('fish')])).toEqual([]);
    const { hits } = await client.documents.search({ query: 'heron', within: [tag('birds')], documentIds: [a] });
    expect(hits.map(({ name }) => name)).toEqual(['a.txt']);
  });

  it('goes with its last document, also from the conversations that had it', async () => {
    const { client } = startAssistant();
    const first = await shelve(client, 'a.txt', 'Otters swim.', ['water', 'animals']);
    const second = await shelve(client, 'b.txt', 'Badgers dig.', ['animals']);
    const { id: conversationId } = await client.chat.create({});
    const collections = [tag('animals'), tag('water')];
    await client.documents.attach({ conversationId, documentIds: [], collections, way: null });
    await client.documents.remove({ id: first });
    expect((await client.documents.attached({ conversationId })).collections).toEqual([tag('animals')]);
    await client.documents.tag({ id: second, tags: [] });
    expect((await client.documents.attached({ conversationId })).collections).toEqual([]);
    await client.documents.attach({ conversationId, documentIds: [], collections, way: null });
    expect((await client.documents.attached({ conversationId })).collections).toEqual([]);
  });

  it('stays on a file of a watched folder that changes or gets another name', { timeout: 30_000 }, async () => {
    const { client } = startAssistant({ pace });
    const folder = tempFolder();
    writeFileSync(join(folder, 'a.txt'), 'Otters swim.');
    const { id: folderId } = await client.documents.watchFolder({ path: folder });
    const [first] = await read(client, folderId, 1);
    await client.documents.tag({ id: first!.id, tags: ['animals'] });
    writeFileSync(join(folder, 'a.txt'), 'Otters swim, and dive.');
    await until(async () => {
      const [now] = (await client.documents.list()).filter(({ folder: place }) => place?.id === folderId);
      return now !== undefined && now.id !== first!.id && now.tags.includes('animals');
    });
    writeFileSync(join(folder, 'otters.txt'), 'Otters swim, and dive.');
    rmSync(join(folder, 'a.txt'));
    await until(async () => {
      const all = await client.documents.list();
      return all.length === 1 && all[0]?.name === 'otters.txt' && all[0].tags.includes('animals');
    });
  });
});

describe('a conversation about a tag', { timeout: 60_000 }, () => {
  it('reads the documents that carry it at each question', async () => {
    const { client, id: conversationId, ask } = await startTalk();
    await shelve(client, 'a.txt', 'The Danube passes through Vienna.', ['rivers']);
    await shelve(client, 'b.txt', 'The Rhine passes through Basel.');
    const c = await shelve(client, 'c.txt', 'The Elbe passes through Dresden.');
    await client.documents.attach({ conversationId, documentIds: [], collections: [tag('rivers')], way: 'search' });
    const first = await ask('Through which towns do the rivers pass?', 'Vienna.');
    expect(first.reply.sources).toMatchObject({ folders: ['#rivers'], documents: [{ name: 'a.txt' }] });
    expect(JSON.stringify(first.prompt)).not.toContain('Basel');
    await client.documents.tag({ id: c, tags: ['rivers'] });
    const second = await ask('Through which town does the Elbe pass?', 'Dresden.');
    expect(JSON.stringify(second.prompt)).toContain('passes through Dresden');
    expect(JSON.stringify(second.prompt)).not.toContain('Basel');
  });

  it('or about the whole shelf reads what is on it by then, and a branch of it does too', async () => {
    const { client, id: conversationId, ask } = await startTalk();
    await shelve(client, 'a.txt', 'The Danube passes through Vienna.');
    await client.documents.attach({ conversationId, documentIds: [], collections: [wholeShelf], way: 'search' });
    await shelve(client, 'b.txt', 'The Rhine passes through Basel.');
    const { reply, prompt } = await ask('Through which town does the Rhine pass?', 'Basel.');
    expect(JSON.stringify(prompt)).toContain('passes through Basel');
    expect(reply.sources?.folders).toEqual(['']);
    const { id: branch } = await client.chat.branch({ messageId: reply.id });
    expect((await client.documents.attached({ conversationId: branch })).collections).toEqual([wholeShelf]);
  });
});
