import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Ask, type AskOptions } from '../../main/services/ask/ask.ts';
import { openStore } from '../../main/services/store/open.ts';
import { tempFolder } from './assistant-support.ts';

function openAsk(options: Partial<AskOptions> = {}) {
  const store = openStore(join(tempFolder(), 'longhand.db'));
  onTestFinished(() => store.close());
  const log: string[] = [];
  const ask = new Ask({
    store,
    search: { sources: () => Promise.resolve({ hits: [], isClose: false }) },
    tables: { describe: () => Promise.reject(new Error('out of memory')) },
    log: (line) => void log.push(line),
    ...options,
  });
  return { store, ask, log };
}

it('tables that cannot be made ready for queries are read as text, and the log says why', async () => {
  const { store, ask, log } = openAsk();
  const { id, contentId } = store.documents.add({ hash: 'a'.repeat(64), sizeBytes: 1, name: 'huge.csv', origin: null });
  store.documents.addRows(contentId, { table: 0, part: 0, name: 'huge', columns: ['a'], firstRow: 0, rows: [[1]] });
  const sources = await ask.documentAhead(id, { knowsTools: true });
  expect(sources.documents).toEqual([{ id, name: 'huge.csv' }]);
  expect(sources.tables).toBeUndefined();
  expect(log).toEqual(['tables cannot be queried: out of memory']);
});

it('of a folder of ten thousand documents only what a search found is named with a question', async () => {
  const { store, ask } = openAsk({
    search: {
      sources: (_, { documentIds }) => {
        const hits = documentIds.slice(-2).map((documentId) => ({
          ...{ documentId, name: '', part: 0, start: 0, end: 3, partKind: 'text' as const, partLabel: '' },
          ...{ text: 'one', marks: [], score: 1, found: [] },
        }));
        return Promise.resolve({ hits, isClose: true });
      },
    },
  });
  const { id } = store.conversations.create({});
  const folder = store.watchedFolders.add('/home/ada/notes');
  store.durably(() => {
    for (let index = 0; index < 10_000; index++) {
      const hash = index.toString(16).padStart(64, '0');
      const added = store.documents.add({ hash, sizeBytes: 1, name: `${index}.txt`, origin: null, isKept: false });
      store.documents.setState(added.contentId, 'parsed');
      const path = `${String(index).padStart(5, '0')}.txt`;
      store.watchedFolders.putFile(folder.id, path, { sizeBytes: 1, modifiedMs: 1 }, [added.id]);
    }
  });
  const named = store.documents.list()[0]!.id;
  store.attachments.set(id, { documentIds: [named], collections: [{ kind: 'folder', id: folder.id }] }, 'search');
  const attached = ask.attachedTo(id);
  expect([attached.named.length, attached.found.length]).toEqual([1, 9999]);
  const input = { way: 'search' as const, question: 'What is said of rivers?', contextTokens: 8192, knowsTools: false };
  const sources = await ask.sourcesFor(attached, [], input);
  expect(sources?.documents.map(({ name }) => name)).toEqual(['9999.txt', '9997.txt', '9998.txt']);
});
