import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { strToU8, zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import type { DocumentInfo, WatchedFolder } from '../../main/contract/documents.ts';
import {
  connectClient,
  failureOf,
  startAssistant,
  startTalk,
  tempFolder,
  until as untilWithin,
  type Setup,
} from './assistant-support.ts';

/** Each step waits for files to settle, and for processes that may be slow to start. */
const until = <T>(find: () => T | Promise<T>) => untilWithin(find, 20_000);

const SETTLE_MS = 150;
const pace = { gatherMs: 20, settleMs: SETTLE_MS, lookMs: 60_000, blindMs: 100 };

/** So slow that a machine under load is no slower. */
const unhurried = { ...pace, settleMs: 1200 };

const start = (setup: Setup = {}) => startAssistant({ pace, ...setup });
type Client = ReturnType<typeof start>['client'];

/** Files of these names and texts, in a folder of their own unless one is given. */
function files(texts: Record<string, string | Uint8Array>, folder = tempFolder()): string {
  for (const [name, text] of Object.entries(texts)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const byPath = (documents: readonly DocumentInfo[]) =>
  documents.map(({ folder, name }) => folder?.path ?? `(${name})`).toSorted();

/** Waits until the shelf holds documents of exactly these paths, all read; of none in a folder, its name in brackets. */
const shelf = (client: Client, paths: readonly string[]) =>
  until(async () => {
    const documents = await client.documents.list();
    const isRead = documents.every(({ state }) => state === 'ready' || state === 'failed');
    return isRead && byPath(documents).join('|') === paths.toSorted().join('|') ? documents : null;
  });

const stateOf = (client: Client, state: WatchedFolder['state']) =>
  until(async () => (await client.documents.folders()).find((one) => one.state === state) ?? null);

const found = async (client: Client, query: string) =>
  (await client.documents.search({ query })).hits.map(({ name }) => name);

describe('a watched folder', { timeout: 60_000 }, () => {
  it('has its files on the shelf, but hidden ones, those of programs, and what links lead to', async () => {
    const { client } = start();
    const folder = files({
      'a.md': '# Rivers\n\nThe Danube.',
      'sub/b.txt': 'Baikal is deep.',
      '.git/c.txt': 'hidden',
      '.d.txt': 'hidden',
      'node_modules/e/readme.md': 'a program',
    });
    symlinkSync(files({ 'f.txt': 'elsewhere' }), join(folder, 'link'));
    symlinkSync('/etc/hostname', join(folder, 'host.txt'));
    const { id, name } = await client.documents.watchFolder({ path: folder });
    const [first] = await shelf(client, ['a.md', 'sub/b.txt']);
    expect(first).toMatchObject({ origin: folder, folder: { id }, isGone: false });
    expect(await found(client, 'Baikal')).toEqual(['b.txt']);
    expect(await client.documents.folders()).toMatchObject([
      { id, name, path: folder, state: 'watched', files: 2, waiting: 0, passedOver: 0, error: null },
    ]);
  });

  it('takes in what is written into it, below it too, and into folders that are new', async () => {
    const { client } = start();
    const folder = files({ 'a.txt': 'Otters swim.' });
    await client.documents.watchFolder({ path: folder });
    await shelf(client, ['a.txt']);
    files({ 'b.txt': 'Badgers dig.', 'new/deep/c.txt': 'Bats fly.' }, folder);
    await shelf(client, ['a.txt', 'b.txt', 'new/deep/c.txt']);
    files({ 'new/deep/d.txt': 'Moles burrow.' }, folder);
    await shelf(client, ['a.txt', 'b.txt', 'new/deep/c.txt', 'new/deep/d.txt']);
    expect(await found(client, 'burrow')).toEqual(['d.txt']);
  });

  it('has a file as it is now, and nothing of what it was', async () => {
    const { client, dataDir } = start();
    const folder = files({ 'a.txt': 'The meeting is on Monday.' });
    await client.documents.watchFolder({ path: folder });
    const [before] = await shelf(client, ['a.txt']);
    writeFileSync(join(folder, 'a.txt'), 'The meeting is on Thursday.');
    await until(async () => (await found(client, 'Thursday')).length === 1);
    const [after] = await shelf(client, ['a.txt']);
    expect(after!.id).not.toBe(before!.id);
    expect(await found(client, 'Monday')).toEqual([]);
    await until(() => readdirSync(join(dataDir, 'documents')).length === 1);
  });

  it('takes no half of a file that is still written', async () => {
    const { client, reader } = start({ pace: unhurried });
    const folder = files({});
    await client.documents.watchFolder({ path: folder });
    await stateOf(client, 'watched');
    const read: string[] = [];
    const { extract } = reader;
    reader.extract = (input, options) => {
      read.push(input.name);
      return extract(input, options);
    };
    const path = join(folder, 'long.txt');
    for (let line = 0; line < 20; line++) {
      appendFileSync(path, `Line ${line} of twenty.\n`);
      await sleep(50);
    }
    const [whole] = await shelf(client, ['long.txt']);
    expect(read).toEqual(['long.txt']);
    expect((await client.documents.part({ id: whole!.id, part: 0 })).text).toContain('Line 19 of twenty.');
  });

  it('drops the document of a file that is removed, with its copy', async () => {
    const { client, dataDir } = start();
    const folder = files({ 'a.txt': 'Otters swim.', 'sub/b.txt': 'Badgers dig.' });
    await client.documents.watchFolder({ path: folder });
    await shelf(client, ['a.txt', 'sub/b.txt']);
    rmSync(join(folder, 'sub'), { recursive: true });
    await shelf(client, ['a.txt']);
    expect(await found(client, 'Badgers')).toEqual([]);
    await until(() => readdirSync(join(dataDir, 'documents')).length === 1);
  });

  it('keeps a document through a save that removes the file and writes it anew', async () => {
    const { client } = start({ pace: unhurried });
    const folder = files({ 'a.txt': 'Otters swim.', 'b.txt': 'Badgers dig.' });
    await client.documents.watchFolder({ path: folder });
    const before = await shelf(client, ['a.txt', 'b.txt']);
    rmSync(join(folder, 'a.txt'));
    await sleep(100);
    files({ 'a.txt': 'Otters swim.' }, folder);
    await sleep(2.5 * unhurried.settleMs);
    expect((await client.documents.list()).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
  });

  it('keeps a document whose file is renamed or moved, under its new name', async () => {
    const { client, reader } = start();
    const folder = files({ 'draft.txt': 'Otters swim.', 'b.txt': 'Badgers dig.' });
    await client.documents.watchFolder({ path: folder });
    const before = await shelf(client, ['b.txt', 'draft.txt']);
    const draft = before.find(({ name }) => name === 'draft.txt')!;
    const { id: conversationId } = await client.chat.create({});
    await client.documents.attach({ conversationId, documentIds: [draft.id], way: null });
    const read: string[] = [];
    const { extract } = reader;
    reader.extract = (input, options) => {
      read.push(input.name);
      return extract(input, options);
    };
    mkdirSync(join(folder, 'sub'));
    renameSync(join(folder, 'draft.txt'), join(folder, 'sub', 'final.txt'));
    const after = await shelf(client, ['b.txt', 'sub/final.txt']);
    expect(after.find(({ name }) => name === 'final.txt')).toMatchObject({ id: draft.id, isGone: false });
    expect((await client.documents.attached({ conversationId })).documentIds).toEqual([draft.id]);
    expect(read).toEqual([]);
  });

  it('finds after a start what has changed while the app was closed, and reads nothing else again', async () => {
    const first = start();
    const folder = files({ 'a.txt': 'Otters swim.', 'b.txt': 'Badgers dig.', 'c.txt': 'Bats fly.' });
    await first.client.documents.watchFolder({ path: folder });
    const before = await shelf(first.client, ['a.txt', 'b.txt', 'c.txt']);
    await first.close();
    files({ 'b.txt': 'Badgers sleep.', 'd.txt': 'Moles burrow.' }, folder);
    rmSync(join(folder, 'c.txt'));
    const { client, reader } = start({ dataDir: first.dataDir });
    const read: string[] = [];
    const { extract } = reader;
    reader.extract = (input, options) => {
      read.push(input.name);
      return extract(input, options);
    };
    await until(async () => (await found(client, 'sleep')).length === 1);
    const after = await shelf(client, ['a.txt', 'b.txt', 'd.txt']);
    expect(read.toSorted()).toEqual(['b.txt', 'd.txt']);
    const idOf = (documents: DocumentInfo[], name: string) => documents.find((one) => one.name === name)?.id;
    expect(idOf(after, 'a.txt')).toBe(idOf(before, 'a.txt'));
  });

  it('that is away says so, keeps its documents, and goes on when it is back', async () => {
    const { client } = start();
    const folder = files({ 'a.txt': 'Otters swim.' });
    await client.documents.watchFolder({ path: folder });
    await shelf(client, ['a.txt']);
    renameSync(folder, `${folder}-away`);
    await stateOf(client, 'missing');
    await sleep(4 * SETTLE_MS);
    expect(await found(client, 'Otters')).toEqual(['a.txt']);
    files({ 'b.txt': 'Badgers dig.' }, `${folder}-away`);
    renameSync(`${folder}-away`, folder);
    await stateOf(client, 'watched');
    await shelf(client, ['a.txt', 'b.txt']);
    files({ 'c.txt': 'Bats fly.' }, folder); // it is told of what happens in the folder that is here now
    await shelf(client, ['a.txt', 'b.txt', 'c.txt']);
  });

  it('that is empty all at once keeps its documents, since a disk may have been taken away', async () => {
    const { client } = start();
    const folder = files({ 'a.txt': 'Otters swim.', 'sub/b.txt': 'Badgers dig.' });
    await client.documents.watchFolder({ path: folder });
    await shelf(client, ['a.txt', 'sub/b.txt']);
    for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
    await stateOf(client, 'empty');
    await sleep(4 * SETTLE_MS);
    await shelf(client, ['a.txt', 'sub/b.txt']);
  });

  it.skipIf(process.getuid?.() === 0)('keeps what lies in a folder or a file that may not be read', async () => {
    const { client } = start();
    const folder = files({ 'a.txt': 'Otters swim.', 'sub/b.txt': 'Badgers dig.' });
    await client.documents.watchFolder({ path: folder });
    await shelf(client, ['a.txt', 'sub/b.txt']);
    chmodSync(join(folder, 'sub'), 0o000);
    files({ 'c.txt': 'Bats fly.' }, folder);
    chmodSync(join(folder, 'c.txt'), 0o000);
    await until(async () => (await client.documents.folders()).some(({ unreadable }) => unreadable === 2));
    await shelf(client, ['a.txt', 'sub/b.txt']);
    chmodSync(folder, 0o000);
    await stateOf(client, 'unreadable');
    await shelf(client, ['a.txt', 'sub/b.txt']);
    for (const path of [folder, join(folder, 'sub'), join(folder, 'c.txt')]) chmodSync(path, 0o700);
    await shelf(client, ['a.txt', 'c.txt', 'sub/b.txt']);
  });

  it('passes over what is no document, and takes it when it has become one', async () => {
    const { client, dataDir } = start();
    const folder = files({ 'a.txt': 'Otters swim.', 'b.bin': new Uint8Array(5000).fill(7) });
    await client.documents.watchFolder({ path: folder });
    await until(async () => (await client.documents.folders()).some(({ passedOver }) => passedOver === 1));
    await shelf(client, ['a.txt']);
    await until(() => readdirSync(join(dataDir, 'documents')).length === 1);
    writeFileSync(join(folder, 'b.bin'), 'Badgers dig.');
    await shelf(client, ['a.txt', 'b.bin']);
    expect(await client.documents.folders()).toMatchObject([{ passedOver: 0 }]);
  });

  it('has the documents of an archive in it for as long as the archive has them', async () => {
    const { client } = start();
    const zip = (texts: Record<string, string>) =>
      zipSync(Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, strToU8(text)])));
    const folder = files({ 'all.zip': zip({ 'a.txt': 'Otters swim.', 'b.txt': 'Badgers dig.' }) });
    await client.documents.watchFolder({ path: folder });
    await shelf(client, ['all.zip', 'all.zip']);
    writeFileSync(join(folder, 'all.zip'), zip({ 'a.txt': 'Otters swim.' }));
    const [left] = await shelf(client, ['all.zip']);
    expect(left!.name).toBe('a.txt');
  });

  it('shares a document with another file of the same content and name, until both are gone', async () => {
    const { client } = start();
    const folder = files({ 'a.txt': 'Otters swim.', 'copy/a.txt': 'Otters swim.', 'z.txt': 'Last.' });
    await client.documents.watchFolder({ path: folder });
    await shelf(client, ['a.txt', 'z.txt']);
    rmSync(join(folder, 'a.txt'));
    await shelf(client, ['copy/a.txt', 'z.txt']);
    rmSync(join(folder, 'copy'), { recursive: true });
    await shelf(client, ['z.txt']);
  });

  it('leaves a document alone that the user put on the shelf as well', async () => {
    const { client } = start();
    const folder = files({ 'a.txt': 'Otters swim.', 'b.txt': 'Badgers dig.' });
    await client.documents.add({ paths: [join(folder, 'a.txt')] });
    await client.documents.watchFolder({ path: folder });
    await shelf(client, ['a.txt', 'b.txt']);
    rmSync(join(folder, 'a.txt'));
    const documents = await shelf(client, ['(a.txt)', 'b.txt']);
    expect(documents.every(({ isGone }) => !isGone)).toBe(true);
  });

  it('keeps what a conversation has read of a file that is gone, and says so', async () => {
    const { client, id: conversationId, ask } = await startTalk({ pace });
    const folder = files({ 'a.txt': 'The Danube passes through Vienna.', 'b.txt': 'Badgers dig.' });
    await client.documents.watchFolder({ path: folder });
    const [, a] = (await shelf(client, ['a.txt', 'b.txt'])).toSorted((x, y) => (x.name < y.name ? 1 : -1));
    await client.documents.attach({ conversationId, documentIds: [a!.id], way: 'whole' });
    await ask('Where does the Danube pass?', 'The Danube passes through Vienna.');
    await client.documents.attach({ conversationId, documentIds: [], way: null });
    writeFileSync(join(folder, 'a.txt'), 'The Danube passes through Linz.');
    await until(async () => (await found(client, 'Linz')).length === 1);
    const documents = await shelf(client, ['(a.txt)', 'a.txt', 'b.txt']);
    expect(documents.find(({ isGone }) => isGone)).toMatchObject({ id: a!.id, folder: null });
    const path = await client.chat.path({ id: conversationId });
    const citations = path.find(({ role }) => role === 'assistant')?.sources?.citations ?? [];
    expect(citations[0]?.span?.documentId).toBe(a!.id);
  });

  it('is watched no more when that is said, with its documents kept or removed', async () => {
    const { client } = start();
    const [one, two] = [files({ 'a.txt': 'Otters swim.' }), files({ 'b.txt': 'Badgers dig.' })];
    const first = await client.documents.watchFolder({ path: one });
    const second = await client.documents.watchFolder({ path: two });
    await shelf(client, ['a.txt', 'b.txt']);
    await client.documents.unwatchFolder({ id: first.id, documents: 'keep' });
    await client.documents.unwatchFolder({ id: second.id, documents: 'remove' });
    const [kept] = await shelf(client, ['(a.txt)']);
    expect(kept!.isGone).toBe(false);
    rmSync(join(one, 'a.txt'));
    await sleep(4 * SETTLE_MS);
    await shelf(client, ['(a.txt)']);
    expect(await client.documents.folders()).toEqual([]);
    expect(await failureOf(client.documents.unwatchFolder({ id: first.id, documents: 'keep' }))).toMatchObject({
      code: 'not-found',
    });
  });

  it('is one that the user chose, that is there, and not where Longhand keeps its data', async () => {
    const { assistant, client, dataDir } = start();
    const folder = files({ 'a.txt': 'mine' });
    const page = connectClient(assistant, 'page');
    expect(await failureOf(page.documents.watchFolder({ path: folder }))).toMatchObject({ code: 'path-not-chosen' });
    const refused = async (path: string) => (await failureOf(client.documents.watchFolder({ path }))).code;
    expect(await refused(join(folder, 'a.txt'))).toBe('not-found');
    expect(await refused(join(folder, 'nowhere'))).toBe('not-found');
    expect(await refused('relative')).toBe('invalid-input');
    expect(await refused(join(dataDir, 'documents'))).toBe('invalid-input');
    expect(await client.documents.folders()).toEqual([]);
  });

  it('that holds the data of Longhand itself leaves those out', async () => {
    const outer = files({ 'a.txt': 'Otters swim.' });
    const dataDir = join(outer, 'longhand');
    mkdirSync(dataDir);
    const { client } = start({ dataDir });
    await client.documents.watchFolder({ path: outer });
    await shelf(client, ['a.txt']);
    await sleep(4 * SETTLE_MS);
    await shelf(client, ['a.txt']);
    expect(await client.documents.folders()).toMatchObject([{ files: 1 }]);
  });

  it('is told to whoever watches the shelf, from the first file to the end', async () => {
    const { client } = start();
    const states: string[] = [];
    const stop = new AbortController();
    const watching = (async () => {
      for await (const event of await client.documents.watch(undefined, { signal: stop.signal })) {
        if (event.type === 'folders') states.push(`${event.folders.length} folders`);
        else if (event.type === 'folder') states.push(event.folder.state);
        else if (event.type === 'folder-removed') states.push('removed');
      }
    })().catch(() => {});
    await until(() => states.length > 0);
    const { id } = await client.documents.watchFolder({ path: files({ 'a.txt': 'Otters swim.' }) });
    await shelf(client, ['a.txt']);
    await client.documents.unwatchFolder({ id, documents: 'keep' });
    await until(() => states.includes('removed'));
    expect([...new Set(states)]).toEqual(['0 folders', 'looking', 'watched', 'removed']);
    stop.abort();
    await watching;
  });
});

describe('a conversation about a folder', { timeout: 60_000 }, () => {
  it('reads what the folder holds at each question', async () => {
    const { client, id: conversationId, ask } = await startTalk({ pace });
    const folder = files({ 'a.txt': 'The Danube passes through Vienna.', 'b.txt': 'Badgers dig.' });
    const { id: folderId, name } = await client.documents.watchFolder({ path: folder });
    await shelf(client, ['a.txt', 'b.txt']);
    await client.documents.attach({
      conversationId,
      documentIds: [],
      collections: [{ kind: 'folder', id: folderId }],
      way: 'search',
    });
    const first = await ask('Through which town does the Danube pass?', 'Vienna.');
    expect(first.reply.sources).toMatchObject({ folders: [name], documents: [{ name: 'a.txt' }] });
    expect(JSON.stringify(first.prompt)).toContain('passes through Vienna');
    files({ 'c.txt': 'The Rhine passes through Basel.' }, folder);
    await shelf(client, ['a.txt', 'b.txt', 'c.txt']);
    const second = await ask('Through which town does the Rhine pass?', 'Basel.');
    expect(JSON.stringify(second.prompt)).toContain('passes through Basel');
    expect((await client.documents.attached({ conversationId })).collections).toEqual([
      { kind: 'folder', id: folderId },
    ]);
    await client.documents.unwatchFolder({ id: folderId, documents: 'keep' });
    expect((await client.documents.attached({ conversationId })).collections).toEqual([]);
  });

  it('is told when nothing of it has been read yet', async () => {
    const { client, id: conversationId, reader } = await startTalk({ pace });
    reader.extract = async function* (_input, { signal }) {
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
      yield { type: 'end', outline: [], notes: [] };
    };
    const folder = files({ 'a.txt': 'The Danube passes through Vienna.' });
    const { id: folderId } = await client.documents.watchFolder({ path: folder });
    await until(async () => (await client.documents.list()).length === 1);
    await client.documents.attach({
      conversationId,
      documentIds: [],
      collections: [{ kind: 'folder', id: folderId }],
      way: null,
    });
    expect(await failureOf(client.chat.send({ conversationId, text: 'Where?' }))).toMatchObject({
      code: 'document-not-ready',
      details: { names: ['a.txt'] },
    });
  });
});

describe('adding documents', { timeout: 60_000 }, () => {
  it('stops with its caller, and what was added before stays', async () => {
    const { client } = startAssistant();
    const folder = files({ 'a.txt': 'first' });
    for (let index = 0; index < 400; index++) files({ [`more/${index}.txt`]: `number ${index}` }, folder);
    const stop = new AbortController();
    const adding = client.documents.add({ paths: [folder] }, { signal: stop.signal });
    adding.catch(() => {});
    await until(async () => (await client.documents.list()).length > 0);
    stop.abort();
    await expect(adding).rejects.toThrow();
    await sleep(100);
    const { length } = await client.documents.list();
    await sleep(300);
    expect(await client.documents.list()).toHaveLength(length);
    expect(length).toBeLessThan(401);
  });
});
