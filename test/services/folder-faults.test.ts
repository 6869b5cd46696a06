import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { strToU8, zipSync } from 'fflate';
import { describe, expect, it, onTestFinished } from 'vitest';
import { LonghandError } from '../../main/contract/errors.ts';
import { FileChanged, lookAt } from '../../main/services/documents/files-in.ts';
import { Library } from '../../main/services/documents/library.ts';
import { WatchedFolders } from '../../main/services/documents/watched-folders.ts';
import { openStore } from '../../main/services/store/open.ts';
import { failureOf, startAssistant, tempFolder, until as untilWithin, type Setup } from './assistant-support.ts';

const until = <T>(find: () => T | Promise<T>) => untilWithin(find, 20_000);

const SETTLE_MS = 150;
const pace = { gatherMs: 20, settleMs: SETTLE_MS, lookMs: 60_000, blindMs: 100 };

const start = (setup: Setup = {}) => startAssistant({ pace, ...setup });
type Client = ReturnType<typeof start>['client'];

function files(texts: Record<string, string | Uint8Array>, folder = tempFolder()): string {
  for (const [name, text] of Object.entries(texts)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const zip = (texts: Record<string, string>) =>
  zipSync(Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, strToU8(text)])));

const names = async (client: Client) => (await client.documents.list()).map(({ name }) => name).toSorted();

/** Waits until documents of exactly these names are on the shelf, all read. */
const shelf = (client: Client, expected: readonly string[]) =>
  until(async () => {
    const documents = await client.documents.list();
    const isRead = documents.every(({ state }) => state === 'ready' || state === 'failed');
    const found = documents.map(({ name }) => name).toSorted();
    return isRead && found.join() === expected.toSorted().join() ? documents : null;
  });

describe('a document on its way out', () => {
  it('stays when its file is taken in again meanwhile, or a conversation reads it', async () => {
    const store = openStore(':memory:');
    onTestFinished(() => store.close());
    const add = (digit: string, name: string) =>
      store.documents.add({ hash: digit.repeat(64), sizeBytes: 1, name, origin: null, isKept: false }).id;
    const [again, read, gone] = [add('a', 'again.txt'), add('b', 'read.txt'), add('c', 'gone.txt')];
    const gate = Promise.withResolvers<void>();
    const folders = new WatchedFolders({
      dataDir: tempFolder(),
      store,
      jobs: { onChange() {} } as never,
      documents: { follow: async () => [], followed() {}, changed() {}, tell() {}, isTakingIn: () => false },
      remove: async (id, isStill) => {
        await gate.promise;
        store.documents.remove(id, isStill);
      },
      changed() {},
      log() {},
    });
    folders.start();
    const { id: folderId } = store.watchedFolders.add('/somewhere');
    store.watchedFolders.putFile(folderId, 'again.txt', { sizeBytes: 1, modifiedMs: 1 }, [again]);
    const { id: conversationId } = store.conversations.create({});
    store.attachments.set(conversationId, { documentIds: [read] }, null);
    gate.resolve();
    await folders.close();
    expect([again, read, gone].map((id) => store.documents.get(id) !== null)).toEqual([true, true, false]);
  });

  it('is linked to no file when it went before the file was noted', () => {
    const store = openStore(':memory:');
    onTestFinished(() => store.close());
    const { id } = store.documents.add({ hash: 'a'.repeat(64), sizeBytes: 1, name: 'a.txt', origin: null });
    const { id: folderId } = store.watchedFolders.add('/somewhere');
    store.documents.remove(id);
    store.watchedFolders.putFile(folderId, 'a.txt', { sizeBytes: 1, modifiedMs: 1 }, [id]);
    expect(store.watchedFolders.files(folderId).get('a.txt')?.documentIds).toEqual([]);
  });
});

describe('a file that fails', { timeout: 60_000 }, () => {
  it.each(['disk-full', 'reader-stopped'] as const)(
    'by %s keeps no other from being taken in or dropped, and comes when it can',
    async (code) => {
      const { client, reader } = start();
      const folder = files({ 'a.txt': 'Otters swim.', 'b.txt': 'Badgers dig.' });
      const { unpack } = reader;
      reader.unpack = async function* () {
        throw new LonghandError(code, 'It failed.');
      };
      await client.documents.watchFolder({ path: folder });
      await shelf(client, ['a.txt', 'b.txt']);
      rmSync(join(folder, 'a.txt'));
      files({ 'aa.zip': zip({ 'inner.txt': 'Bats fly.' }), 'c.txt': 'Moles burrow.' }, folder);
      await shelf(client, ['b.txt', 'c.txt']);
      await until(async () => {
        const [shown] = await client.documents.folders();
        return code === 'disk-full' ? shown!.error?.code === code : shown!.unreadable === 1 && shown!.error === null;
      });
      reader.unpack = unpack;
      files({ 'd.txt': 'Hares run.' }, folder);
      await shelf(client, ['b.txt', 'c.txt', 'd.txt', 'inner.txt']);
      await until(async () => (await client.documents.folders()).every(({ error }) => error === null));
    },
  );
});

describe('an archive that fails half way', { timeout: 60_000 }, () => {
  const broken = (error: LonghandError, reader: ReturnType<typeof start>['reader']) => {
    const { unpack } = reader;
    reader.unpack = async function* (input, options) {
      for await (const event of unpack(input, options)) {
        yield event;
        await sleep(50);
        throw error;
      }
    };
    return () => (reader.unpack = unpack);
  };

  it('leaves nothing of it when it was added, and all of it, once, when that is tried again', async () => {
    const { client, reader, dataDir } = start();
    const path = join(files({ 'all.zip': zip({ 'a.txt': 'Otters swim.', 'b.txt': 'Badgers dig.' }) }), 'all.zip');
    const { id: kept } = await client.documents.addText({ name: 'z.txt', text: 'Moles burrow.' });
    const mend = broken(new LonghandError('document-unreadable', 'It is damaged.'), reader);
    expect(await failureOf(client.documents.add({ paths: [path] }))).toMatchObject({ code: 'document-unreadable' });
    await shelf(client, ['z.txt']);
    await until(() => readdirSync(join(dataDir, 'documents')).length === 1);
    mend();
    await client.documents.add({ paths: [path] });
    const documents = await shelf(client, ['a.txt', 'b.txt', 'z.txt']);
    expect(documents.every(({ isGone }) => !isGone)).toBe(true);
    expect(documents.some(({ id }) => id === kept)).toBe(true);
  });

  it('leaves alone what of it the user has put on the shelf as well', async () => {
    const { client, reader } = start();
    const path = join(files({ 'all.zip': zip({ 'a.txt': 'Otters swim.' }) }), 'all.zip');
    await client.documents.addText({ name: 'a.txt', text: 'Otters swim.' });
    broken(new LonghandError('disk-full', 'Full.'), reader);
    expect(await failureOf(client.documents.add({ paths: [path] }))).toMatchObject({ code: 'disk-full' });
    await shelf(client, ['a.txt']);
  });

  it('is passed over whole in a watched folder', async () => {
    const { client, reader, dataDir } = start();
    broken(new LonghandError('document-unreadable', 'It is damaged.'), reader);
    const folder = files({
      'all.zip': zip({ 'a.txt': 'Otters swim.', 'b.txt': 'Badgers dig.' }),
      'c.txt': 'Bats fly.',
    });
    await client.documents.watchFolder({ path: folder });
    await until(async () => (await client.documents.folders()).some(({ passedOver }) => passedOver === 1));
    await shelf(client, ['c.txt']);
    await until(() => readdirSync(join(dataDir, 'documents')).length === 1);
  });
});

describe('a file that nobody could read', { timeout: 60_000 }, () => {
  const film = new Uint8Array(Buffer.concat([Buffer.from('\0\0\0\x20ftypisom'), randomBytes(2 << 20)]));

  it('is not copied when it is large, and says why when it was added', async () => {
    const { client, reader, dataDir } = start();
    const path = join(files({ 'film.mp4': film }), 'film.mp4');
    reader.extract = () => {
      throw new Error('it was read');
    };
    const [added] = (await client.documents.add({ paths: [path] })).documents;
    const id = added!.id;
    const refused = { state: 'failed', error: { code: 'unsupported-document', details: { found: 'mp4' } } };
    expect(await client.documents.get({ id })).toMatchObject(refused);
    expect(readdirSync(join(dataDir, 'documents'))).toEqual([]);
    expect(await client.documents.retry({ id })).toMatchObject(refused);
  });

  it('is passed over in a watched folder without a copy', async () => {
    const { client, reader } = start();
    const read: string[] = [];
    const { extract } = reader;
    reader.extract = (input, options) => {
      read.push(input.name);
      return extract(input, options);
    };
    await client.documents.watchFolder({ path: files({ 'film.mp4': film, 'a.txt': 'Otters swim.' }) });
    await until(async () => (await client.documents.folders()).some(({ passedOver }) => passedOver === 1));
    await shelf(client, ['a.txt']);
    expect(read).toEqual(['a.txt']);
  });
});

describe('what is swapped for a link', () => {
  const signal = new AbortController().signal;

  it('between the look and the copy is not followed, nor is a folder above it', async () => {
    const library = new Library(tempFolder());
    const folder = files({ 'sub/a.txt': 'Otters swim.' });
    const path = join(folder, 'sub', 'a.txt');
    const outside = files({ 'a.txt': 'Not to be read.' });
    const look = (await lookAt(path))!;
    expect(await library.stage(path, { signal, folder, look })).toMatchObject({ sizeBytes: 12 });
    rmSync(path);
    symlinkSync(join(outside, 'a.txt'), path);
    await expect(library.stage(path, { signal, folder })).rejects.toThrow(FileChanged);
    expect(await lookAt(path)).toBeNull();
    rmSync(join(folder, 'sub'), { recursive: true });
    symlinkSync(outside, join(folder, 'sub'));
    await expect(library.stage(path, { signal, folder })).rejects.toThrow(FileChanged);
    expect(await library.stage(path, { signal })).toMatchObject({ sizeBytes: 15 }); // who names it means it
  });

  it('is not taken for the file that it was, nor is another file', async () => {
    const library = new Library(tempFolder());
    const folder = files({ 'a.txt': 'Otters swim.' });
    const path = join(folder, 'a.txt');
    const look = (await lookAt(path))!;
    writeFileSync(path, 'Otters sleep by day.');
    await expect(library.stage(path, { signal, folder, look })).rejects.toThrow(FileChanged);
  });
});

describe('the data folder of Longhand', { timeout: 60_000 }, () => {
  it('is neither watched nor added under any name', async () => {
    const { client, dataDir } = start();
    const link = join(tempFolder(), 'link');
    symlinkSync(dataDir, link);
    const codes = await Promise.all(
      [link, join(link, 'documents')].flatMap((path) => [
        failureOf(client.documents.watchFolder({ path })),
        failureOf(client.documents.add({ paths: [path] })),
      ]),
    );
    expect(codes.map(({ code }) => code)).toEqual(Array(4).fill('invalid-input'));
  });

  it('is left out of a folder that is reached through a link', async () => {
    const outer = files({ 'a.txt': 'Otters swim.' });
    const dataDir = join(outer, 'longhand');
    mkdirSync(dataDir);
    files({ 'b.txt': 'ours' }, dataDir);
    const link = join(tempFolder(), 'link');
    symlinkSync(outer, link);
    const { client } = start({ dataDir });
    await client.documents.watchFolder({ path: link });
    await shelf(client, ['a.txt']);
    expect(await client.documents.folders()).toMatchObject([{ files: 1 }]);
    expect((await client.documents.add({ paths: [link] })).documents.map(({ name }) => name)).toEqual(['a.txt']);
  });

  it('keeps no second copy of a file that the page has sent', async () => {
    const { client, dataDir } = start();
    const path = join(files({ 'incoming/some-id/a.txt': 'Otters swim.' }, dataDir), 'incoming', 'some-id', 'a.txt');
    await client.documents.add({ paths: [path] });
    expect(readdirSync(join(dataDir, 'incoming'))).toEqual([]);
    await shelf(client, ['a.txt']);
  });
});

describe('a folder that has grown too large', { timeout: 60_000 }, () => {
  it('is left in peace until it is looked at anyway', async () => {
    const { client } = start();
    const folder = files({ 'a.txt': 'Otters swim.' });
    await client.documents.watchFolder({ path: folder });
    await shelf(client, ['a.txt']);
    mkdirSync(join(folder, 'more'));
    for (let number = 0; number <= 10_000; number++) writeFileSync(join(folder, 'more', `${number}`), '');
    await until(async () => (await client.documents.folders()).some(({ state }) => state === 'too-large'));
    let told = 0;
    const stop = new AbortController();
    const watching = (async () => {
      for await (const event of await client.documents.watch(undefined, { signal: stop.signal })) {
        if (event.type === 'folder') told++;
      }
    })().catch(() => {});
    for (let number = 0; number < 10; number++) {
      files({ [`more/late-${number}`]: '' }, folder);
      await sleep(100);
    }
    stop.abort();
    await watching;
    expect(told).toBe(0);
    expect(await names(client)).toEqual(['a.txt']);
  });
});

describe('a file that is renamed', { timeout: 60_000 }, () => {
  it('takes no name from another file with the same content, nor from the user', async () => {
    const { client } = start();
    const folder = files({ 'draft.txt': 'Otters swim.', 'copy/draft.txt': 'Otters swim.', 'mine.txt': 'Badgers dig.' });
    await client.documents.add({ paths: [join(folder, 'mine.txt')] });
    await client.documents.watchFolder({ path: folder });
    await shelf(client, ['draft.txt', 'mine.txt']);
    renameSync(join(folder, 'draft.txt'), join(folder, 'final.txt'));
    renameSync(join(folder, 'mine.txt'), join(folder, 'yours.txt'));
    await shelf(client, ['draft.txt', 'final.txt', 'mine.txt', 'yours.txt']);
  });
});
