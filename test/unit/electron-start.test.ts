import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endScripts, runScript } from '../support/run.ts';

let folder = '';
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'longhand-start-'))));
afterEach(async () => {
  await endScripts();
  rmSync(folder, { recursive: true, force: true });
});

/** A program in the place of Electron's: it notes how it was called, and then runs `code`. */
function fakeElectron(code: string): string {
  const file = join(folder, 'electron');
  const note = `require('node:fs').writeFileSync(${JSON.stringify(join(folder, 'called.json'))}, JSON.stringify({
    args: process.argv.slice(2), runAsNode: process.env.ELECTRON_RUN_AS_NODE ?? null }));`;
  writeFileSync(file, `#!${process.execPath}\n${note}\n${code}\n`);
  chmodSync(file, 0o755);
  return file;
}

const start = (electron: string, args: string[] = []) =>
  runScript('scripts/start.mjs', ['--no-fetch', '--data', join(folder, 'data'), ...args], {
    ELECTRON_BINARY: electron,
    DISPLAY: ':99',
    LONGHAND_BROWSER: '/nowhere/browser', // so that no window comes up
  });
const called = () =>
  JSON.parse(readFileSync(join(folder, 'called.json'), 'utf8')) as { args: string[]; runAsNode: string | null };

describe.skipIf(process.platform === 'win32')('npm start', { timeout: 60_000 }, () => {
  it('opens Electron where its binary is, with what the user asked for', async () => {
    const shell = start(fakeElectron(`console.log('Longhand is ready');`));
    expect(await shell.ended).toBe(0);
    expect(shell.stdout()).toBe('Longhand is ready\n');
    expect(called().args.slice(-4)).toEqual([expect.any(String), '--no-fetch', '--data', join(folder, 'data')]);
    expect(called().runAsNode).toBe(null);
  });

  it('ends Electron in order when it is told to end, and passes the exit code on', async () => {
    const electron = fakeElectron(
      `process.on('SIGTERM', () => process.exit(7)); setInterval(() => {}, 1000); console.log('Longhand is ready');`,
    );
    const shell = start(electron);
    await shell.says(/Longhand is ready/);
    shell.child.kill('SIGTERM');
    expect(await shell.ended).toBe(7);
  });

  it('opens a browser where Electron cannot show a window', async () => {
    const shell = start(fakeElectron('process.exit(133);'));
    await shell.says(/Electron ended with 133 before it showed a window\. Opening a browser\./);
    await shell.says(/Longhand is ready: http:/);
    shell.child.kill('SIGTERM');
    expect(await shell.ended).toBe(0);
  });

  it('opens a browser where there is no Electron, and says so', async () => {
    const shell = start('/nowhere/electron');
    await shell.says(/Opening a browser, as Electron is not here: ELECTRON_BINARY names \/nowhere\/electron/);
    await shell.says(/Longhand is ready: http:/);
  });

  it.each([['--browser'], ['--headless']])('leaves Electron alone with %s', async (option) => {
    const shell = start(fakeElectron(''), [option]);
    await shell.says(/Longhand is ready: http:/);
    expect(called).toThrow('ENOENT');
  });
});
