import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Ask } from '../../main/services/ask/ask.ts';
import { openStore } from '../../main/services/store/open.ts';
import { tempFolder } from './assistant-support.ts';

it('tables that cannot be made ready for queries are read as text, and the log says why', async () => {
  const store = openStore(join(tempFolder(), 'longhand.db'));
  onTestFinished(() => store.close());
  const { id, contentId } = store.documents.add({ hash: 'a'.repeat(64), sizeBytes: 1, name: 'huge.csv', origin: null });
  store.documents.addRows(contentId, { table: 0, part: 0, name: 'huge', columns: ['a'], firstRow: 0, rows: [[1]] });
  const log: string[] = [];
  const ask = new Ask({
    store,
    search: { sources: () => Promise.resolve({ hits: [], isClose: false }) },
    tables: { describe: () => Promise.reject(new Error('out of memory')) },
    log: (line) => void log.push(line),
  });
  const sources = await ask.documentAhead(id, { knowsTools: true });
  expect(sources.documents).toEqual([{ id, name: 'huge.csv' }]);
  expect(sources.tables).toBeUndefined();
  expect(log).toEqual(['tables cannot be queried: out of memory']);
});
