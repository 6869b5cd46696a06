import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { followMoves } from '../../main/services/data/place.ts';
import { openStore } from '../../main/services/store/open.ts';
import { runScript } from '../support/run.ts';
import { connectClient, failureOf, startAssistant, until } from './assistant-support.ts';

let root = '';
let from = '';
let to = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'longhand-move-'));
  [from, to] = [join(root, 'old'), join(root, 'new')];
});
afterEach(() => rmSync(root, { recursive: true, force: true, maxRetries: 3 }));

const WEIGHTS = Buffer.alloc(3 << 20, 'weights');

/** A data folder with a conversation, a model, a backup, an empty folder and a link. */
function fill(folder = from): void {
  for (const below of ['models/tiny', 'backups', 'empty', 'elsewhere'])
    mkdirSync(join(folder, below), { recursive: true });
  writeFileSync(join(folder, 'models/tiny/weights.bin'), WEIGHTS);
  writeFileSync(join(folder, 'models/tiny/note.txt'), 'a note', { mode: 0o600 });
  writeFileSync(join(folder, 'backups/one.bin'), 'a backup');
  symlinkSync('../models/tiny', join(folder, 'elsewhere/link'));
  const store = openStore(join(folder, 'longhand.db'));
  const { id } = store.conversations.create();
  store.messages.insert({ conversationId: id, parentId: null, role: 'user', text: 'never lose me' });
  store.close();
}

/** Everything that was filled in is in `folder`. */
function expectWhole(folder: string): void {
  expect(readFileSync(join(folder, 'models/tiny/weights.bin')).equals(WEIGHTS)).toBe(true);
  expect(readFileSync(join(folder, 'models/tiny/note.txt'), 'utf8')).toBe('a note');
  expect(readFileSync(join(folder, 'backups/one.bin'), 'utf8')).toBe('a backup');
  expect(readFileSync(join(folder, 'elsewhere/link/note.txt'), 'utf8')).toBe('a note');
  expect(statSync(join(folder, 'empty')).isDirectory()).toBe(true);
  const store = openStore(join(folder, 'longhand.db'));
  try {
    expect(store.search.find('never lose me')).toHaveLength(1);
  } finally {
    store.close();
  }
}

const move = (killAt?: number) => {
  const env: Record<string, string> = killAt === undefined ? {} : { LONGHAND_KILL_AT: String(killAt) };
  return runScript('test/support/processes/mover.ts', [from, to], env);
};

describe('moving the data folder', () => {
  it('brings everything to the new place, and leaves in the old one only where it went', async () => {
    fill();
    const { ended, stderr, stdout } = move();
    expect([await ended, stderr()]).toEqual([0, '']);
    expect(Number(stdout())).toBeGreaterThan(20);
    expect(followMoves(from)).toBe(to);
    expectWhole(to);
    expect(statSync(join(to, 'models/tiny/note.txt')).mode & 0o777).toBe(0o600);
    expect(readlinkSync(join(to, 'elsewhere/link'))).toBe('../models/tiny');
    expect(readdirSync(from)).toEqual(['moved-to.json']);
    expect(readdirSync(root).toSorted()).toEqual(['new', 'old']);
  });

  it('goes back to where the data once were', async () => {
    fill();
    expect(await move().ended).toBe(0);
    [from, to] = [to, from];
    const { ended, stderr } = move();
    expect([await ended, stderr()]).toEqual([0, '']);
    expect([followMoves(from), followMoves(to)]).toEqual([to, to]);
    expectWhole(to);
    expect(readdirSync(from)).toEqual(['moved-to.json']);
  });

  it('leaves alone what it did not copy, and what has changed since', async () => {
    fill();
    expect(await move().ended).toBe(0);
    mkdirSync(join(from, 'mine'));
    writeFileSync(join(from, 'mine/photo.jpg'), 'a photo');
    expect(followMoves(from)).toBe(to);
    expect(readFileSync(join(from, 'mine/photo.jpg'), 'utf8')).toBe('a photo');
  });

  it('loses nothing wherever it is killed, and goes on from there', { timeout: 300_000 }, async () => {
    fill();
    const { ended, stdout } = move();
    await ended;
    const calls = Number(stdout());
    const stride = Number(process.env.LONGHAND_STRIDE ?? 4);
    const places: string[] = [];
    for (let at = 1; at <= calls; at += stride) {
      for (const folder of readdirSync(root)) rmSync(join(root, folder), { recursive: true });
      fill();
      const killed = move(at);
      expect(await killed.ended, killed.stderr()).toBe(137);
      const place = followMoves(from);
      places.push(place === to ? 'new' : 'old');
      expectWhole(place);
      const again = move();
      expect([at, await again.ended, again.stderr()]).toEqual([at, 0, '']);
      expect(followMoves(from)).toBe(to);
      expectWhole(to);
      expect(readdirSync(from)).toEqual(['moved-to.json']);
    }
    // Both sides of the one moment that decides have been tried.
    expect(places.indexOf('new')).toBeGreaterThan(0);
    expect(places.slice(places.indexOf('new'))).not.toContain('old');
  });
});

describe('a place for the data', () => {
  it.each<[reason: string, prepare: () => string]>([
    ['not-a-path', () => 'new'],
    ['same', () => from],
    ['nested', () => join(from, 'below')],
    [
      'not-empty',
      () => {
        mkdirSync(join(to, 'Longhand'), { recursive: true });
        for (const file of ['one.txt', 'Longhand/two.txt']) writeFileSync(join(to, file), '');
        return to;
      },
    ],
    [
      'not-a-folder',
      () => {
        writeFileSync(to, '');
        return to;
      },
    ],
    [
      'not-a-folder',
      () => {
        writeFileSync(to, '');
        return join(to, 'below');
      },
    ],
    [
      'not-empty',
      () => {
        mkdirSync(`${to}.part`);
        writeFileSync(join(`${to}.part`, 'mine.txt'), '');
        return to;
      },
    ],
    ['unwritable', () => '/proc/longhand'],
  ])('is refused as %s before anything is written', async (reason, prepare) => {
    fill();
    const { client } = startAssistant({ dataDir: from });
    const path = prepare();
    const before = readdirSync(root, { recursive: true }).length;
    for (const ask of ['planMove', 'moveData'] as const) {
      expect(await failureOf(client.system[ask]({ path }))).toMatchObject({
        code: 'move-refused',
        details: { reason },
      });
    }
    expect(readdirSync(root, { recursive: true })).toHaveLength(before);
    expect(await client.jobs.list()).toEqual([]);
  });

  it('is a folder of our name in one that is in use', async () => {
    fill();
    const { client } = startAssistant({ dataDir: from });
    mkdirSync(to);
    expect((await client.system.planMove({ path: to })).target).toBe(to);
    writeFileSync(join(to, 'mine.txt'), '');
    const plan = await client.system.planMove({ path: to });
    expect(plan.target).toBe(join(to, 'Longhand'));
    expect(plan.bytes).toBeGreaterThan(WEIGHTS.length);
  });

  it('is taken from a page only where the user chose it', async () => {
    fill();
    const { assistant, shell } = startAssistant({ dataDir: from });
    const page = connectClient(assistant, 'page');
    expect((await failureOf(page.system.moveData({ path: to }))).code).toBe('path-not-chosen');
    expect((await failureOf(page.system.planMove({ path: to }))).code).toBe('path-not-chosen');
    shell.chosen.push(to);
    expect((await page.system.planMove({ path: to })).target).toBe(to);
  });

  it('is left as it was when the move is cancelled, and the app goes on', async () => {
    fill();
    writeFileSync(join(from, 'models/large.bin'), Buffer.alloc(96 << 20));
    const { client } = startAssistant({ dataDir: from });
    const { id } = await client.system.moveData({ path: to });
    await until(() => existsSync(`${to}.part`));
    expect((await client.jobs.cancel({ id })).state).toBe('cancelled');
    expect(readdirSync(root)).toEqual(['old']);
    await client.chat.create({});
    expect(followMoves(from)).toBe(from);
  });

  it('that is not there any more is named, and nothing is begun in the old one', async () => {
    fill();
    expect(await move().ended).toBe(0);
    renameSync(to, `${to}-unplugged`);
    expect(() => followMoves(from)).toThrow(
      expect.objectContaining({ code: 'data-folder-away', details: { path: to, from } }),
    );
    mkdirSync(to); // as the empty place where a disk is mounted
    expect(() => followMoves(from)).toThrow('which is not there');
  });
});
