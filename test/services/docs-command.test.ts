import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DocumentInfo } from '../../main/contract/documents.ts';
import { endScripts, runScript } from '../support/run.ts';
import { until } from './assistant-support.ts';

// The shelf from the command line, with real processes and no Longhand beside it.
let root = '';
let folder = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'longhand-docs-'));
  folder = join(root, 'Reports');
  mkdirSync(folder);
});
afterEach(async () => {
  await endScripts();
  rmSync(root, { recursive: true, force: true, maxRetries: 5 });
});

const docs = (...argv: string[]) =>
  runScript('main/cli/main.ts', ['docs', ...argv, '--no-fetch', '--data', join(root, 'data')]);
async function told(...argv: string[]) {
  const running = docs(...argv);
  expect(await running.ended, running.stderr()).toBe(0);
  return running.stdout();
}
const shelf = async () =>
  (JSON.parse(await told('list', '--json')) as DocumentInfo[]).map(({ name, state }) => [name, state]);

describe('docs watch', { timeout: 120_000 }, () => {
  it('reads what lies in a folder, and what has changed there when it runs again', async () => {
    writeFileSync(join(folder, 'spring.md'), 'Otters swim.');
    writeFileSync(join(folder, 'summer.md'), 'Badgers dig.');
    expect(await told('watch')).toContain('No folder is watched.');
    expect(await told('watch', folder)).toBe(`${folder}: watched while Longhand runs (2 files)\n`);
    rmSync(join(folder, 'spring.md'));
    writeFileSync(join(folder, 'autumn.md'), 'Bats fly.');
    await told('watch', folder);
    const after = await shelf();
    expect(after.toSorted()).toEqual([
      ['autumn.md', 'ready'],
      ['summer.md', 'ready'],
    ]);
    expect(await told('unwatch', folder, '--remove')).toBe(`Not watched any more: ${folder}.\n`);
    expect(await shelf()).toEqual([]);
  });

  it('says what is wrong with a folder', async () => {
    const nowhere = docs('watch', join(root, 'nowhere'));
    expect(await nowhere.ended).toBe(1);
    expect(nowhere.stderr()).toContain('There is no folder');
    const unknown = docs('unwatch', folder);
    expect(await unknown.ended).toBe(1);
    expect(unknown.stderr()).toContain('is not watched');
  });
});

it('docs add ends at Ctrl+C while it copies, and keeps what it had', { timeout: 120_000 }, async () => {
  for (let index = 0; index < 3000; index++) writeFileSync(join(folder, `${index}.txt`), `Number ${index}.`);
  const adding = docs('add', folder);
  const kept = join(root, 'data', 'documents');
  await until(() => existsSync(kept) && readdirSync(kept).length > 5, 30_000);
  adding.child.kill('SIGINT');
  expect(await adding.ended).toBe(130);
  const { length } = await shelf();
  expect(length).toBeGreaterThan(0);
  expect(length).toBeLessThan(3000);
});

it(
  'docs add asks no host for an address without a yes to it, and this machine not at all',
  { timeout: 120_000 },
  async () => {
    const address = 'http://127.0.0.1:9/deed.html';
    const asked = docs('add', address);
    expect(await asked.ended).toBe(1);
    expect(asked.stderr()).toContain(
      `It would learn the address ${address}, your network address, and that Longhand asks.`,
    );
    expect(asked.stderr()).toContain('--allow 127.0.0.1:9');
    const allowed = docs('add', address, '--allow', '127.0.0.1:9');
    expect(await allowed.ended).toBe(1);
    expect(allowed.stderr()).toContain('it leads to this machine or its own network');
  },
);

it('docs tag and untag put tags on a document, which narrow its lists and searches', { timeout: 120_000 }, async () => {
  writeFileSync(join(folder, 'a.md'), 'Otters swim.');
  writeFileSync(join(folder, 'b.md'), 'Otters dive.');
  await told('add', folder);
  expect(await told('tag', 'a.md', '#Mill  Lane', 'animals')).toBe('a.md carries Mill Lane, animals.\n');
  expect(await told('list', '--tag', 'mill lane')).not.toContain('b.md');
  const hits = await told('search', 'otters', '--tag', 'animals');
  expect([hits.includes('swim'), hits.includes('dive')]).toEqual([true, false]);
  expect(await told('untag', 'a.md', 'ANIMALS', 'mill lane')).toBe('a.md carries no tag.\n');
  const gone = docs('search', 'otters', '--tag', 'animals');
  expect(await gone.ended).toBe(1);
  expect(gone.stderr()).toContain('No document carries the tag animals.');
});
