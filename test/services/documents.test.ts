import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import type { DocumentInfo } from '../../main/contract/documents.ts';
import { LonghandError } from '../../main/contract/errors.ts';
import type { ExtractionEvent } from '../../main/contract/extraction.ts';
import { connectClient, failureOf, startAssistant, tempFolder, until } from './assistant-support.ts';

/** Files of these names and texts in a folder of their own. */
function files(texts: Record<string, string | Uint8Array>): string {
  const folder = tempFolder();
  for (const [name, text] of Object.entries(texts)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

type Client = ReturnType<typeof startAssistant>['client'];

const one = async (client: Client, id: string) =>
  (await client.documents.list()).find((document) => document.id === id);
const settled = (client: Client, id: string) =>
  until(async () => {
    const document = await one(client, id);
    return document?.state === 'ready' || document?.state === 'failed' ? document : null;
  });

async function addText(client: Client, name: string, text: string): Promise<DocumentInfo> {
  const { id } = await client.documents.addText({ name, text });
  return settled(client, id);
}

const about: ExtractionEvent = { type: 'about', format: 'pdf', title: 'On rivers', parts: 3 };
const end: ExtractionEvent = { type: 'end', outline: [{ title: 'Rivers', level: 1, part: 0, offset: 0 }], notes: [] };
const page = (text: string): ExtractionEvent => ({
  type: 'part',
  part: {
    kind: 'page',
    label: 'iv',
    text,
    blocks: [{ kind: 'paragraph', start: 0, end: text.length, level: 0 }],
    size: { width: 595, height: 842 },
    boxes: [0, 4, 72.05, 90.5, 31, 12],
    recognised: false,
  },
});

describe('a document', () => {
  it('is copied, read and found again by its words', async () => {
    const { client, dataDir } = startAssistant();
    const folder = files({
      'rivers.md': '# Rivers\n\nThe Danube passes through Vienna.\n\n## Lakes\n\nBaikal is deep.\n',
    });
    const added = await client.documents.add({ paths: [join(folder, 'rivers.md')] });
    const { id } = added.documents[0]!;
    expect(await settled(client, id)).toMatchObject({
      name: 'rivers.md',
      format: 'markdown',
      state: 'ready',
      error: null,
      jobId: null,
      origin: null,
    });
    const { hits } = await client.documents.search({ query: 'Where does the Danube pass?' });
    expect(hits).toMatchObject([{ documentId: id, part: 0, found: ['words'] }]);
    const [hit] = hits;
    const part = await client.documents.part({ id, part: 0 });
    expect(part.text.slice(hit!.start, hit!.end)).toBe(hit!.text);
    expect(hit!.marks.map(([start, stop]) => hit!.text.slice(start, stop))).toEqual(['Danube', 'passes']);
    expect((await client.documents.get({ id })).outline.map(({ title }) => title)).toEqual(['Rivers', 'Lakes']);
    expect(readdirSync(join(dataDir, 'documents'))).toHaveLength(1);
  });

  it('is found by the beginning of a word only while that is typed', async () => {
    const { client } = startAssistant();
    const { id } = await addText(client, 'a.txt', 'The Danube passes through Vienna.');
    await settled(client, id);
    expect((await client.documents.search({ query: 'danu', typed: true })).hits).toMatchObject([{ documentId: id }]);
    expect((await client.documents.search({ query: 'danu' })).hits).toEqual([]);
  });

  it('gives back the bytes it was added with, piece by piece', async () => {
    const { client } = startAssistant();
    const folder = files({ 'a.txt': 'zero one two' });
    const { documents } = await client.documents.add({ paths: [join(folder, 'a.txt')] });
    const { sizeBytes, bytes } = await client.documents.bytes({ id: documents[0]!.id, from: 5, to: 100 });
    expect([sizeBytes, await bytes.text()]).toEqual([12, 'one two']);
  });

  it('that is a folder is all files below it, but hidden ones and what links lead to', async () => {
    const { client } = startAssistant();
    const folder = files({ 'a.txt': 'first', 'sub/b.txt': 'second', '.git/c.txt': 'third', '.d.txt': 'fourth' });
    symlinkSync(files({ 'e.txt': 'fifth' }), join(folder, 'link'));
    const { documents } = await client.documents.add({ paths: [folder] });
    expect(documents.map(({ name, origin }) => [name, origin])).toEqual([
      ['a.txt', folder],
      ['b.txt', folder],
    ]);
  });

  it('that is an archive is the documents in it', async () => {
    const { client, dataDir } = startAssistant();
    const zip = zipSync({ 'a.txt': strToU8('Otters swim.'), 'sub/b.md': strToU8('# Badgers') });
    const path = join(files({ 'all.zip': zip }), 'all.zip');
    const { documents } = await client.documents.add({ paths: [path] });
    expect(documents.map(({ name, origin }) => [name, origin])).toEqual([
      ['a.txt', path],
      ['b.md', path],
    ]);
    expect(readdirSync(join(dataDir, 'documents'))).toHaveLength(2);
  });

  it('costs nothing when it is added again, whatever its name', async () => {
    const { client, reader, dataDir } = startAssistant();
    const [extract, read] = [reader.extract, [] as string[]];
    reader.extract = (input, options) => {
      read.push(input.name);
      return extract(input, options);
    };
    const first = await addText(client, 'a.txt', 'The same words.');
    const again = await addText(client, 'a.txt', 'The same words.');
    const other = await addText(client, 'b.txt', 'The same words.');
    expect(again.id).toBe(first.id);
    expect(other).toMatchObject({ name: 'b.txt', state: 'ready', passages: 1 });
    expect(read).toEqual(['a.txt']);
    expect(readdirSync(join(dataDir, 'documents'))).toHaveLength(1);
    expect((await client.documents.search({ query: 'words' })).hits).toHaveLength(1);
  });

  it('that a page names must be one that the user chose', async () => {
    const { assistant } = startAssistant();
    const pageClient = connectClient(assistant, 'page');
    const path = join(files({ 'a.txt': 'mine' }), 'a.txt');
    expect(await failureOf(pageClient.documents.add({ paths: [path] }))).toMatchObject({ code: 'path-not-chosen' });
  });

  it('that is not there is told', async () => {
    const { client } = startAssistant();
    expect(await failureOf(client.documents.add({ paths: ['/no/such/file'] }))).toMatchObject({ code: 'not-found' });
    expect(await failureOf(client.documents.get({ id: 'x' }))).toMatchObject({ code: 'not-found' });
  });
});

describe('reading a document', () => {
  it('stores each part as it comes, so that the first page is found before the last is read', async () => {
    const { client, reader } = startAssistant();
    const gate = Promise.withResolvers<void>();
    reader.extract = async function* () {
      yield about;
      yield page('The first page tells of otters.');
      await gate.promise;
      yield page('The second page tells of badgers.');
      yield end;
    };
    const { id } = await client.documents.addText({ name: 'a', text: 'x' });
    await until(async () => (await client.documents.search({ query: 'otters' })).hits.length === 1);
    expect(await one(client, id)).toMatchObject({
      state: 'parsing',
      parts: 1,
      partsTotal: 3,
      jobId: expect.any(String) as string,
    });
    gate.resolve();
    expect(await settled(client, id)).toMatchObject({ state: 'ready', title: 'On rivers', parts: 2, partKind: 'page' });
    expect(await client.documents.part({ id, part: 0 })).toMatchObject({
      label: 'iv',
      size: { width: 595, height: 842 },
      boxes: [0, 4, 72.05, 90.5, 31, 12],
    });
  });

  it.each(['paused', 'killed with the app'])(
    'goes on behind the last part that is stored after it was %s',
    async (how) => {
      const dataDir = tempFolder();
      const started = startAssistant({ dataDir });
      const pages = ['Otters swim.', 'Badgers dig.', 'Larks sing.'];
      const stops = async function* (_: unknown, { signal }: { signal: AbortSignal }) {
        yield about;
        yield* pages.slice(0, 2).map(page);
        await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
      };
      started.reader.extract = stops;
      const { id } = await started.client.documents.addText({ name: 'a', text: 'x' });
      const { jobId } = await until(async () => {
        const document = await one(started.client, id);
        return document?.parts === 2 ? document : null;
      });
      const whole = async function* () {
        yield about;
        yield* pages.map(page);
        yield end;
      };
      let client = started.client;
      if (how === 'paused') {
        await client.jobs.pause({ id: jobId! });
        expect(await one(client, id)).toMatchObject({ state: 'parsing', parts: 2 });
        started.reader.extract = whole;
        await client.jobs.resume({ id: jobId! });
      } else {
        await started.close();
        const again = startAssistant({ dataDir });
        again.reader.extract = whole;
        client = again.client;
      }
      expect(await settled(client, id)).toMatchObject({ state: 'ready', parts: 3, passages: 3 });
      for (const word of ['otters', 'badgers', 'larks']) {
        expect((await client.documents.search({ query: word })).hits).toHaveLength(1);
      }
    },
  );

  it('that fails says why, and may be tried again with a password, which is written nowhere', async () => {
    const { client, reader, dataDir } = startAssistant();
    reader.extract = async function* ({ password }) {
      if (password !== 'opensesame') throw new LonghandError('document-encrypted', 'It needs a password.');
      yield about;
      yield page('The treasure is under the oak.');
      yield end;
    };
    const { id } = await client.documents.addText({ name: 'a', text: 'x' });
    expect(await settled(client, id)).toMatchObject({ state: 'failed', error: { code: 'document-encrypted' } });
    await client.documents.retry({ id, password: 'opensesame' });
    await until(async () => (await one(client, id))?.state === 'ready');
    expect((await client.documents.search({ query: 'treasure' })).hits).toHaveLength(1);
    expect(readFileSync(join(dataDir, 'longhand.db')).includes('opensesame')).toBe(false);
    expect(readFileSync(join(dataDir, 'longhand.db-wal')).includes('opensesame')).toBe(false);
  });

  it('that is stopped keeps what was read, stays so after a restart, and can be gone on with', async () => {
    const { client, reader, dataDir, close } = startAssistant();
    reader.extract = async function* (_input, { signal }) {
      yield about;
      yield page('Otters swim.');
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    };
    const { id } = await client.documents.addText({ name: 'a', text: 'x' });
    const { jobId } = await until(async () => ((await one(client, id))?.parts === 1 ? one(client, id) : null));
    const waits = await client.documents.addText({ name: 'b', text: 'y' });
    await client.jobs.cancel({ id: waits.jobId! });
    await client.jobs.cancel({ id: jobId! });
    const stopped = { state: 'failed', error: { code: 'cancelled' }, jobId: null };
    expect(await one(client, id)).toMatchObject(stopped);
    expect((await client.documents.search({ query: 'otters' })).hits).toHaveLength(1);
    await close();
    const again = startAssistant({ dataDir });
    const { id: other } = await addText(again.client, 'c', 'Something else.'); // whatever waited would come before it
    expect((await one(again.client, other))?.state).toBe('ready');
    for (const each of [id, waits.id]) expect(await one(again.client, each)).toMatchObject(stopped);
    again.reader.extract = async function* () {
      yield about;
      yield page('Otters swim.');
      yield page('Badgers dig.');
      yield end;
    };
    await again.client.documents.retry({ id });
    await until(async () => (await one(again.client, id))?.state === 'ready');
    expect((await one(again.client, id))?.parts).toBe(2);
  });

  it('survives one death of the reader, and gives a file up that kills it twice', async () => {
    const { client, reader } = startAssistant();
    let deaths = 0;
    reader.extract = async function* () {
      yield about;
      if (++deaths <= 1) throw new LonghandError('reader-stopped', 'It died.');
      yield page('Otters swim.');
      yield end;
    };
    const { id } = await client.documents.addText({ name: 'a', text: 'x' });
    expect(await settled(client, id)).toMatchObject({ state: 'ready', parts: 1 });
    reader.extract = async function* () {
      yield about;
      throw new LonghandError('reader-stopped', 'It died.');
    };
    const { id: hostile } = await client.documents.addText({ name: 'b', text: 'y' });
    expect(await settled(client, hostile)).toMatchObject({ state: 'failed', error: { code: 'reader-stopped' } });
  });

  it('is watched from the first part to the last', async () => {
    const { client } = startAssistant();
    const stop = new AbortController();
    const events: string[] = [];
    const watching = (async () => {
      for await (const event of await client.documents.watch(undefined, { signal: stop.signal })) {
        events.push(event.type === 'document' ? `${event.document.name} ${event.document.state}` : event.type);
      }
    })().catch(() => {});
    const { id } = await addText(client, 'a.txt', 'Words.');
    await until(() => events.includes('a.txt ready'));
    await client.documents.remove({ id });
    await until(() => events.at(-1) === 'removed');
    expect(events[0]).toBe('documents');
    stop.abort();
    await watching;
  });
});

describe('removing a document', () => {
  const SECRETS = ['zquixotrythan', 'quixotrythan', '玄武岩柱状', '柱状'];
  const TEXT = 'The word is zquixotrythan, of 玄武岩柱状节理.\n'.repeat(40);
  const traces = (dir: string) => {
    const all = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const bytes = Buffer.concat(all.map((entry) => readFileSync(join(entry.parentPath, entry.name))));
    return SECRETS.filter((secret) => bytes.includes(secret));
  };

  it('leaves none of its bytes in the data folder, and all of the others', async () => {
    const { client, dataDir } = startAssistant();
    const secret = await addText(client, 'secret.txt', TEXT);
    await addText(client, 'other.txt', 'Nothing but otters.');
    expect(traces(dataDir)).not.toEqual([]);
    await client.documents.remove({ id: secret.id });
    expect(traces(dataDir)).toEqual([]);
    expect((await client.documents.search({ query: 'zquixotrythan' })).hits).toEqual([]);
    expect((await client.documents.list()).map(({ name }) => name)).toEqual(['other.txt']);
    expect((await client.documents.search({ query: 'otters' })).hits).toHaveLength(1);
  });

  it('keeps what another document of the same content needs', async () => {
    const { client } = startAssistant();
    const first = await addText(client, 'a.txt', 'Otters swim.');
    const second = await addText(client, 'b.txt', 'Otters swim.');
    await client.documents.remove({ id: first.id });
    const { hits } = await client.documents.search({ query: 'otters' });
    expect(hits.map(({ documentId }) => documentId)).toEqual([second.id]);
  });

  it('ends its reading', async () => {
    const { client, reader } = startAssistant();
    reader.extract = async function* (_input, { signal }) {
      yield about;
      yield page('Otters swim.');
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    };
    const { id } = await client.documents.addText({ name: 'a', text: 'x' });
    await until(async () => (await one(client, id))?.parts === 1);
    await client.documents.remove({ id });
    expect(await client.documents.list()).toEqual([]);
    expect((await client.documents.search({ query: 'otters' })).hits).toEqual([]);
  });

  it('that was not finished is finished at the next start', async () => {
    const dataDir = tempFolder();
    const first = startAssistant({ dataDir });
    await addText(first.client, 'secret.txt', TEXT);
    await first.close();
    const { openStore } = await import('../../main/services/store/open.ts');
    const store = openStore(join(dataDir, 'longhand.db'));
    store.documents.remove(store.documents.list()[0]!.id);
    store.close();
    startAssistant({ dataDir });
    await until(() => traces(dataDir).length === 0);
  });
});

describe('a search over documents', () => {
  it('finds Chinese words, and is kept to the documents that were named', async () => {
    const { client } = startAssistant();
    const rivers = await addText(client, 'rivers.txt', '多瑙河流经维也纳。它是欧洲第二长河。');
    const lakes = await addText(client, 'lakes.txt', '贝加尔湖位于西伯利亚。维也纳没有湖。');
    const ids = async (query: string, documentIds?: string[]) =>
      (await client.documents.search({ query, documentIds })).hits.map(({ documentId }) => documentId);
    expect(await ids('哪条河流经维也纳？')).toEqual([rivers.id, lakes.id]);
    expect(await ids('维也纳', [lakes.id])).toEqual([lakes.id]);
    expect(await ids('西伯利亚', [rivers.id])).toEqual([]);
  });

  it('finds other forms of an English word, and drops near twins', async () => {
    const { client } = startAssistant();
    const text = 'The administrator configures the firewall of each machine with one command before it is connected.';
    await addText(client, 'v1.txt', text);
    await addText(client, 'v2.txt', `${text} Twice.`);
    const { hits } = await client.documents.search({ query: 'configuring firewalls' });
    expect(hits).toHaveLength(1);
    expect(hits[0]!.marks.map(([from, to]) => hits[0]!.text.slice(from, to))).toEqual(['configures', 'firewall']);
  });

  it('says that it went by words alone', async () => {
    const { client } = startAssistant();
    expect(await client.documents.search({ query: '!?' })).toEqual({ hits: [], wordsOnly: 'no-embedder' });
  });
});
