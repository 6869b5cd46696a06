import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Sources } from '../../main/contract/citations.ts';
import { openReadable, openWritable } from '../../main/services/store/db.ts';
import { migrations } from '../../main/services/store/migrations/index.ts';
import type { Migration } from '../../main/services/store/migrations/migration.ts';
import { databaseIn, failure, open, tempFolder, tinyDisk } from './store-support.ts';

const LATEST = 13;
const RIVERS = '01920000-0000-7000-8000-000000000001';
const BINNED = '01920000-0000-7000-8000-000000000002';
const DONE = '01920000-0000-7000-8000-00000000000b';
const BROKEN_OFF = '01920000-0000-7000-8000-00000000000c';

/** A database as the app of that schema left it. */
function oldDatabase(version: number, dir = tempFolder()): { dir: string; path: string } {
  const path = databaseIn(dir);
  const db = openWritable(path);
  db.pragma('foreign_keys = OFF'); // a dump need not be in the order of its references
  db.exec(readFileSync(join(import.meta.dirname, 'store-fixtures', `v${version}.sql`), 'utf8'));
  db.close();
  return { dir, path };
}

/** A digest of what is in the file: schema and every row, wherever they lie. */
function contents(path: string): string {
  const db = openReadable(path);
  const schema = db.prepare('SELECT name, sql FROM sqlite_schema ORDER BY name').all();
  const version = db.pragma('user_version');
  const tables = db
    .prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    .pluck()
    .all();
  const rows = tables.map((table) => [table, db.prepare(`SELECT * FROM "${table}"`).all()]);
  db.close();
  return createHash('sha256').update(JSON.stringify({ version, schema, rows })).digest('hex');
}

const schemaOf = (path: string) => {
  const db = openReadable(path);
  const schema = db
    .prepare<[], { name: string; sql: string | null }>('SELECT name, sql FROM sqlite_schema ORDER BY name')
    .all();
  db.close();
  return schema.map(({ name, sql }) => `${name}: ${sql?.replace(/\s+/g, ' ')}`);
};

describe('the migrations', () => {
  it('are numbered without gaps, and each has its fixture', () => {
    expect(migrations.map(({ version }) => version)).toEqual(Array.from({ length: LATEST }, (_, index) => index + 1));
    expect(readdirSync(join(import.meta.dirname, 'store-fixtures')).sort()).toEqual(
      migrations.map(({ version }) => `v${version}.sql`).sort(),
    );
  });
});

describe.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13])('a database of version %i', (version) => {
  it('opens with everything that was in it', () => {
    const store = open(oldDatabase(version).path);
    expect(store.conversations.list({ limit: 10 }).items).toMatchObject([
      { id: RIVERS, title: 'Rivers', titleSource: 'user', systemPrompt: 'Answer in one line.', leafId: BROKEN_OFF },
    ]);
    expect(store.conversations.bin({ limit: 10 }).items).toMatchObject([{ id: BINNED, deletedMs: 3000 }]);
    expect(store.messages.get(DONE)).toMatchObject({
      text: 'The Danube.',
      tokens: Int32Array.of(1, 2, 3),
      sampling: { temperature: 0 },
    });
    expect(store.messages.recoverInterrupted()).toEqual([BROKEN_OFF]);
    expect(store.messages.get(BROKEN_OFF)).toMatchObject({
      state: 'interrupted',
      text: 'The Danube',
      tokens: Int32Array.of(4, 5, 6),
      updatedMs: 4200,
    });
    expect(store.search.find('danube').map(({ messageId }) => messageId)).toEqual([BROKEN_OFF, DONE]);
    expect(store.jobs.unfinished()).toHaveLength(version >= 2 ? 1 : 0);
    expect(store.folders.list().map(({ name }) => name)).toEqual(version >= 4 ? ['Geography'] : []);
    expect(store.conversations.get(RIVERS)).toMatchObject(
      version >= 4
        ? { pinned: true, sampling: { temperature: 0.2 } }
        : { pinned: false, folderId: null, sampling: null },
    );
    expect(store.messages.get(DONE)).toMatchObject(
      version >= 4 ? { omitted: 1, tokenizer: 'digest' } : { omitted: 0, leftOut: false, tokenizer: null },
    );
    expect(store.messages.get(DONE)?.sources?.way ?? null).toBe(version >= 7 ? 'whole' : null);
    expect(store.messages.get(DONE)?.calls.map(({ name }) => name)).toEqual(version >= 9 ? ['query_tables'] : []);
    expect(store.documents.list().map(({ name, passages }) => [name, passages])).toEqual(
      version >= 8 ? [['rivers.txt', 1]] : [],
    );
    expect(store.attachments.of(RIVERS)).toMatchObject({
      way: version >= 8 ? 'whole' : null,
      collections: [
        ...(version >= 13 ? [{ kind: 'shelf', id: '' }] : []),
        ...store.watchedFolders.list().map(({ id }) => ({ kind: 'folder', id })),
        ...(version >= 13 ? [{ kind: 'tag', id: 'Water' }] : []),
      ],
    });
    expect(store.tags.list()).toEqual(version >= 13 ? ['Water'] : []);
    expect(store.documents.list().map(({ isKept, isGone, folder }) => [isKept, isGone, folder?.path])).toEqual(
      version >= 8 ? [[true, false, version >= 10 ? 'east/rivers.txt' : undefined]] : [],
    );
    expect(store.settings.all()).toEqual(version >= 3 ? { theme: 'dark', threads: 4 } : {});
  });

  it('has the schema of a new one afterwards', () => {
    const old = oldDatabase(version).path;
    const fresh = databaseIn(tempFolder());
    open(old).close();
    open(fresh).close();
    expect(schemaOf(old)).toEqual(schemaOf(fresh));
  });

  it('is backed up before it is changed, under a name that tells version and time', () => {
    const { dir, path } = oldDatabase(version);
    const before = contents(path);
    const store = open(path, { now: () => Date.UTC(2026, 7, 30, 14, 2, 11) });
    store.close();
    if (version === LATEST) {
      expect(store.migrated).toBeNull();
      expect(readdirSync(dir)).not.toContain('backups');
      return;
    }
    const backup = join(dir, 'backups', `longhand-v${version}-20260830T140211000Z.db`);
    expect(store.migrated).toMatchObject({
      from: version,
      to: LATEST,
      backup,
      rows: { conversations: 2, messages: 4, message_chunks: 2, search_entries: 3 },
    });
    expect(contents(backup)).toBe(before);
    expect(open(path).migrated).toBeNull();
  });
});

describe('the step to version 11', () => {
  const DOCUMENT = '01920000-0000-7000-8000-000000000010';
  const sources = (tables: object[]) =>
    JSON.stringify({ way: 'search', documents: [], passages: [], firstMark: 1, tables, citations: [] });

  it('counts documents whose tables were told as read, and rows of queries as theirs', () => {
    const { path } = oldDatabase(10);
    const before = openWritable(path);
    before.exec(`DELETE FROM message_documents; DELETE FROM attachments;`);
    const told = sources([{ documentId: DOCUMENT, text: '"rivers"' }]);
    before.prepare('UPDATE messages SET sources = ? WHERE id = ?').run(told, BROKEN_OFF);
    const call = '{"name":"query_tables","written":"b","response":"1"}';
    before.prepare("UPDATE messages SET calls = json_insert(calls, '$[1]', json(?)) WHERE id = ?").run(call, DONE);
    expect(before.prepare('SELECT * FROM message_documents').all()).toEqual([]);
    before.close();

    const store = open(path);
    expect(store.watchedFolders.isStoodOn(DOCUMENT)).toBe(true);
    expect(store.messages.get(DONE)?.calls).toMatchObject([
      { written: '{}', table: { rows: [[1]] }, documentIds: [DOCUMENT] },
      { written: 'b', documentIds: [DOCUMENT] },
    ]);
  });

  it('notes what is told from then on', () => {
    const store = open(oldDatabase(LATEST).path);
    const { id } = store.documents.add({ hash: 'a'.repeat(64), sizeBytes: 1, name: 'a.csv', origin: null });
    expect(store.watchedFolders.isStoodOn(id)).toBe(false);
    const told = JSON.parse(sources([{ documentId: id, text: '', names: [] }])) as Sources;
    store.messages.insert({ conversationId: RIVERS, parentId: null, role: 'user', text: 'Sum?', sources: told });
    expect(store.watchedFolders.isStoodOn(id)).toBe(true);
  });
});

describe('a migration that goes wrong', () => {
  const withStep = (up: string): Migration[] => [...migrations, { version: LATEST + 1, up }];

  it.each([
    ['has an error in it', 'CREATE TABLE extra (id INTEGER PRIMARY KEY) STRICT; SELECT nonsense;', 'no such column'],
    ['loses rows', 'DELETE FROM message_chunks WHERE seq = 1;', 'message_chunks had 2 rows and now has 1'],
    ['loses a table', 'DROP TABLE settings;', 'settings had 2 rows and is gone'],
    ['leaves rows that point nowhere', "UPDATE conversations SET leaf_id = 'x';", '2 rows point nowhere'],
  ])('because it %s changes nothing and leaves no backup to pile up', (_, up, problem) => {
    const { dir, path } = oldDatabase(LATEST);
    const before = contents(path);
    const refused = failure(() => open(path, { migrations: withStep(up) }));
    expect(refused).toMatchObject({ code: 'migration-failed', details: { from: LATEST, to: LATEST + 1 } });
    expect(refused.details.problem).toContain(problem);
    expect(contents(path)).toBe(before);
    expect(readdirSync(join(dir, 'backups'))).toEqual([]);
    expect(open(path).migrated).toBeNull();
  });

  it('undoes the steps before it as well', () => {
    const { path } = oldDatabase(1);
    const before = contents(path);
    expect(failure(() => open(path, { migrations: withStep('SELECT nonsense;') })).code).toBe('migration-failed');
    expect(contents(path)).toBe(before);
  });

  it('may rebuild a table that others point to', () => {
    const { path } = oldDatabase(LATEST);
    const rebuild = `
      CREATE TABLE rebuilt AS SELECT * FROM conversations;
      DROP TABLE conversations;
      ALTER TABLE rebuilt RENAME TO conversations;
      CREATE UNIQUE INDEX conversations_by_id ON conversations (id);
    `;
    const store = open(path, { migrations: withStep(rebuild) });
    expect(store.migrated?.to).toBe(LATEST + 1);
    expect(store.messages.get(DONE)?.text).toBe('The Danube.');
  });

  it('for lack of room, at whatever point, leaves the database as it was and works once there is room', ({ skip }) => {
    const disk = tinyDisk(4 * 1024 * 1024);
    if (disk === null) return skip('mounting a small disk needs root');
    const { path } = oldDatabase(1, disk.dir);
    const before = contents(path);
    const ballast = join(disk.dir, 'ballast');
    let steps = 0;
    for (let size = 4 * 1024 * 1024; size >= 0; size -= 16 * 1024) {
      writeFileSync(ballast, '');
      try {
        writeFileSync(ballast, Buffer.alloc(size));
      } catch {
        // as much as fits
      }
      try {
        const store = open(path);
        expect(store.migrated?.from).toBe(1);
        break;
      } catch (error) {
        expect(error).toMatchObject({ code: 'disk-full' });
        steps += 1;
        writeFileSync(ballast, '');
        expect(contents(path)).toBe(before);
      }
    }
    expect(steps).toBeGreaterThan(5);
    expect(readdirSync(join(disk.dir, 'backups'))).toHaveLength(1);
  });
});

describe('a backup', () => {
  it('taken while an answer is written holds the whole store', async () => {
    const dir = tempFolder();
    const store = open(databaseIn(dir));
    const conversationId = store.conversations.create({ title: 'Rivers' }).id;
    for (let index = 0; index < 2000; index += 1) {
      store.messages.insert({ conversationId, parentId: null, role: 'user', text: 'water '.repeat(50) });
    }
    const { id } = store.messages.insert({ conversationId, parentId: null, role: 'assistant', state: 'streaming' });
    const steps: number[] = [];
    await store.backup(join(dir, 'copies', 'copy.db'), {
      onProgress({ done, total }) {
        steps.push(done / total);
        store.messages.appendChunk(id, 'x', [steps.length]);
      },
    });
    expect(steps.length).toBeGreaterThan(3);
    const copy = open(join(dir, 'copies', 'copy.db'));
    expect(copy.messages.get(id)?.text).toBe('x'.repeat(steps.length));
    expect(copy.search.find('water', { limit: 5 })).toHaveLength(5);
    expect(readdirSync(join(dir, 'copies')).some((name) => name.endsWith('.part'))).toBe(false);
  });

  it('that is stopped leaves no file', async () => {
    const dir = tempFolder();
    const store = open(databaseIn(dir));
    const stop = new AbortController();
    const backup = store.backup(join(dir, 'copies', 'copy.db'), {
      signal: stop.signal,
      onProgress: () => stop.abort(),
    });
    await expect(backup).rejects.toThrow('aborted');
    expect(readdirSync(join(dir, 'copies'))).toEqual([]);
  });

  it('to a full disk says so and leaves no file', async ({ skip }) => {
    const disk = tinyDisk(64 * 1024);
    if (disk === null) return skip('mounting a small disk needs root');
    const store = open(databaseIn(tempFolder()));
    await expect(store.backup(join(disk.dir, 'copy.db'))).rejects.toMatchObject({ code: 'disk-full' });
    expect(readdirSync(disk.dir)).toEqual([]);
  });
});
