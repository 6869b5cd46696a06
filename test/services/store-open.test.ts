import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openReadable, openWritable } from '../../main/services/store/db.ts';
import { guard } from '../../main/services/store/guard.ts';
import { checkIntegrity } from '../../main/services/store/integrity.ts';
import { lockDataFolder } from '../../main/services/store/lock.ts';
import { openStoreReader } from '../../main/services/store/open.ts';
import {
  databaseIn,
  failure,
  killHard,
  open,
  sha256,
  startAnswer,
  startChild,
  tempFolder,
  tinyDisk,
} from './store-support.ts';

/** A closed database with 40 conversations in it, and its bytes. */
function makeDatabase(dir = tempFolder()): { dir: string; path: string; bytes: Buffer } {
  const path = databaseIn(dir);
  const store = open(path);
  for (let index = 0; index < 40; index += 1) startAnswer(store);
  store.close();
  return { dir, path, bytes: readFileSync(path) };
}

describe('opening a store', () => {
  it('finds again what it wrote', () => {
    const path = databaseIn(tempFolder());
    const first = open(path);
    const { id } = first.conversations.create({ title: 'Rivers' });
    first.close();
    expect(open(path).conversations.get(id)?.title).toBe('Rivers');
  });

  it('creates the data folder', () => {
    const path = databaseIn(join(tempFolder(), 'not', 'there', 'yet'));
    open(path).close();
    expect(existsSync(path)).toBe(true);
  });

  it('tells a new database from an updated one', () => {
    expect(open(databaseIn(tempFolder())).migrated).toBeNull();
  });

  it('starts where a first start was killed before its first transaction', () => {
    const dir = tempFolder();
    openWritable(databaseIn(dir)).close();
    writeFileSync(databaseIn(tempFolder()), '');
    expect(open(databaseIn(dir)).conversations.list({ limit: 1 }).items).toEqual([]);
  });

  it('serves queries on a connection that cannot write', () => {
    const path = databaseIn(tempFolder());
    const store = open(path);
    const { answer } = startAnswer(store);
    store.messages.appendChunk(answer.id, 'Because', [1]);
    const reader = openStoreReader(path);
    expect(reader.messages.get(answer.id)?.text).toBe('Because');
    reader.close();
    const db = openReadable(path);
    expect(() => db.exec('DELETE FROM messages')).toThrow('readonly');
    db.close();
  });

  it('reports a call that held up the others', () => {
    const slow: string[] = [];
    const spin = (ms: number) => {
      const end = performance.now() + ms;
      while (performance.now() < end);
      return ms;
    };
    const calls = guard(
      'clock',
      { spin },
      { path: ':memory:', onSlow: ({ name, ms }) => slow.push(`${name} ${ms > 50}`) },
    );
    expect([calls.spin(0), calls.spin(51)]).toEqual([0, 51]);
    expect(slow).toEqual(['clock.spin true']);
  });
});

describe('one process per data folder', () => {
  it('refuses a second process at once, naming the first, and lets it in after a kill -9', async () => {
    const dir = tempFolder();
    const { child, firstLine } = startChild('lock', dir);
    expect(await firstLine).toBe('locked');

    const start = performance.now();
    const refused = failure(() => open(databaseIn(dir)));
    expect(performance.now() - start).toBeLessThan(500);
    expect(refused).toMatchObject({ code: 'data-folder-in-use', details: { path: dir, pid: child.pid } });

    await killHard(child);
    expect(open(databaseIn(dir)).conversations.list({ limit: 1 }).items).toEqual([]);
  });

  it('refuses a second store in the same process, and lets it in after the first has closed', () => {
    const path = databaseIn(tempFolder());
    const first = open(path);
    expect(failure(() => open(path)).code).toBe('data-folder-in-use');
    first.close();
    open(path);
  });

  it('uses the lock of a caller and leaves it to him', () => {
    const dir = tempFolder();
    const lock = lockDataFolder(dir);
    open(databaseIn(dir), { lock }).close();
    expect(failure(() => lockDataFolder(dir)).code).toBe('data-folder-in-use');
    lock.release();
    lockDataFolder(dir).release();
  });

  it('gives the folder back when opening fails', () => {
    const { dir, path } = makeDatabase();
    writeFileSync(path, 'not a database, but long enough to look at: '.repeat(40));
    failure(() => open(path));
    lockDataFolder(dir).release();
  });
});

describe('a database that must not be used', () => {
  it('that is newer is refused and left untouched', () => {
    const { dir, path } = makeDatabase();
    const db = openWritable(path);
    db.pragma('user_version = 99');
    db.close();
    const before = sha256(path);
    const refused = failure(() => open(path));
    expect(refused).toMatchObject({ code: 'database-newer', details: { path, version: 99, supported: 13 } });
    expect(sha256(path)).toBe(before);
    expect(readdirSync(dir)).not.toContain('backups');
  });

  it('that is gone is not replaced by an empty one while a backup of it is there', async () => {
    const { dir, path } = makeDatabase();
    const store = open(path);
    const backup = store.backupPath();
    await store.backup(backup);
    store.close();
    truncateSync(path, 0);
    expect(failure(() => open(path))).toMatchObject({ code: 'database-corrupt', details: { newestBackup: backup } });

    const moved = tempFolder();
    mkdirSync(join(moved, 'backups'));
    const name = join('backups', 'longhand-v3-20260830T140211000Z.db');
    writeFileSync(join(moved, name), readFileSync(backup));
    expect(failure(() => open(databaseIn(moved)))).toMatchObject({
      code: 'database-missing',
      details: { newestBackup: join(moved, name) },
    });
    expect(existsSync(databaseIn(moved))).toBe(false);
    expect(open(databaseIn(moved), { startEmpty: true }).conversations.list({ limit: 1 }).items).toEqual([]);
    expect(dir).not.toBe(moved);
  });

  it('that another program made is refused', () => {
    const path = databaseIn(tempFolder());
    const db = openWritable(path);
    db.exec('CREATE TABLE recipes (id INTEGER PRIMARY KEY)');
    db.close();
    expect(failure(() => open(path))).toMatchObject({ code: 'database-corrupt' });
  });

  it.each([
    ['overwritten header', (bytes: Buffer) => bytes.fill(0x58, 0, 100)],
    ['text file', () => Buffer.from('Dear diary,\n'.repeat(1000))],
    ['file cut in half', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
    ['file cut in the middle of a page', (bytes: Buffer) => bytes.subarray(0, bytes.length - 1000)],
    ['zeroed schema page', (bytes: Buffer) => bytes.fill(0, 100, 4096)],
    ['zeroed pages', (bytes: Buffer) => bytes.fill(0, 4096 * 5, 4096 * 30)],
  ])('that is damaged (%s) is refused with its newest backup, and left as it is', (_, damage) => {
    const { dir, path, bytes } = makeDatabase();
    mkdirSync(join(dir, 'backups'));
    for (const name of ['longhand-v1-20260101T000000000Z.db', 'longhand-v3-20260830T140211000Z.db', 'notes.txt']) {
      writeFileSync(join(dir, 'backups', name), '');
    }
    writeFileSync(path, damage(Buffer.from(bytes)));
    const before = sha256(path);
    expect(failure(() => open(path))).toMatchObject({
      code: 'database-corrupt',
      details: { path, newestBackup: join(dir, 'backups', 'longhand-v3-20260830T140211000Z.db') },
    });
    expect(sha256(path)).toBe(before);
  });

  it('that has any one page of noise either opens or is refused as damaged, never anything else', () => {
    const { path, bytes } = makeDatabase();
    const pages = bytes.length / 4096;
    const outcomes = { opened: 0, refused: 0 };
    for (let page = 1; page < pages; page += 1) {
      const noisy = Buffer.from(bytes);
      for (let at = page * 4096; at < (page + 1) * 4096; at += 1) noisy[at] = (at * 2654435761) >>> 13;
      writeFileSync(path, noisy);
      try {
        open(path).close();
        outcomes.opened += 1;
      } catch (error) {
        expect(error).toMatchObject({ code: 'database-corrupt' });
        expect(readFileSync(path).equals(noisy)).toBe(true);
        outcomes.refused += 1;
      }
    }
    expect(outcomes.refused).toBeGreaterThan(pages * 0.8);
  });
});

describe('the check of a large file', () => {
  it('runs beside the app and says that all is well', async () => {
    const { path } = makeDatabase();
    const db = openReadable(path);
    expect(await checkIntegrity(db, path, 0).result).toBeNull();
    db.close();
  });

  it('tells of damage later', async () => {
    const { path, bytes } = makeDatabase();
    writeFileSync(path, Buffer.from(bytes).fill(0, 4096 * 8, 4096 * 20));
    const db = openReadable(path);
    expect(await checkIntegrity(db, path, 0).result).toMatchObject({ code: 'database-corrupt', details: { path } });
    db.close();
  });

  it('ends when the store closes before it', async () => {
    const { path } = makeDatabase();
    const db = openReadable(path);
    const check = checkIntegrity(db, path, 0);
    check.stop();
    expect(await check.result).toBeNull();
    db.close();
  });
});

describe('a disk that cannot be written to', () => {
  it('that is read-only is reported as such, with and without a database on it', ({ skip }) => {
    const disk = tinyDisk(8 * 1024 * 1024);
    if (disk === null) return skip('mounting a small disk needs root');
    const empty = tinyDisk(1024 * 1024);
    makeDatabase(disk.dir);
    disk.makeReadOnly();
    empty?.makeReadOnly();
    for (const dir of [disk.dir, empty?.dir ?? disk.dir]) {
      expect(failure(() => open(databaseIn(dir)))).toMatchObject({
        code: 'data-folder-unusable',
        details: { reason: 'read-only' },
      });
    }
  });

  it('that is full refuses a write, keeps what was there and goes on once there is room', ({ skip }) => {
    const disk = tinyDisk(2 * 1024 * 1024);
    if (disk === null) return skip('mounting a small disk needs root');
    const store = open(databaseIn(disk.dir));
    const { answer, conversationId } = startAnswer(store);
    const ballast = join(disk.dir, 'ballast');
    writeFileSync(ballast, Buffer.alloc(1024 * 1024));

    let written = 0;
    const refused = failure(() => {
      for (;;) {
        store.messages.appendChunk(answer.id, 'word '.repeat(200), [written]);
        written += 1;
      }
    });
    expect(refused).toMatchObject({ code: 'disk-full', details: { path: databaseIn(disk.dir) } });
    expect(written).toBeGreaterThan(10);
    expect(failure(() => store.messages.finish(answer.id, { state: 'failed' })).code).toBe('disk-full');
    expect(store.messages.get(answer.id)?.tokens).toHaveLength(written);

    writeFileSync(ballast, '');
    expect(store.messages.finish(answer.id, { state: 'stopped' }).tokens).toHaveLength(written);
    store.close();
    expect(open(databaseIn(disk.dir)).messages.path(answer.id).at(-1)).toMatchObject({
      conversationId,
      state: 'stopped',
    });
  });

  it('that is full at the first start says so and leaves nothing that a second start would stumble over', ({
    skip,
  }) => {
    const disk = tinyDisk(1024 * 1024);
    if (disk === null) return skip('mounting a small disk needs root');
    const ballast = join(disk.dir, 'ballast');
    let steps = 0;
    for (let size = 1024 * 1024; size >= 0; size -= 16 * 1024) {
      writeFileSync(ballast, '');
      writeFileSync(ballast, Buffer.alloc(size));
      try {
        open(databaseIn(disk.dir)).close();
        break;
      } catch (error) {
        expect(error).toMatchObject({ code: 'disk-full' });
        steps += 1;
      }
    }
    expect(steps).toBeGreaterThan(3);
  });
});
