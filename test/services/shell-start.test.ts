import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../../main/contract/client.ts';
import { openSocketPort } from '../../main/shell/socket-port.ts';
import { endScripts, runScript } from '../support/run.ts';

let data = '';
beforeEach(() => void (data = mkdtempSync(join(tmpdir(), 'longhand-start-'))));
afterEach(async () => {
  await endScripts();
  rmSync(data, { recursive: true, force: true });
});

const READY = /^Longhand is ready: (http:\/\/127\.0\.0\.1:\d+)\/#([\w-]{43})$/m;
const start = (args: string[], env: Record<string, string> = {}) =>
  runScript('test/support/processes/start.ts', ['--data', data, ...args], env);

describe('npm start', () => {
  it('prints the address, serves the assistant there, and ends in order at a signal', async () => {
    const shell = start(['--headless']);
    const [, address = '', token = ''] = await shell.says(READY);
    await shell.says(/Model ready: scripted/);
    const port = await openSocketPort(address, token);
    expect(await connect(port).system.hello()).toMatchObject({ dataFolder: data });
    expect(statSync(join(data, 'instance.json')).mode & 0o777).toBe(0o600);
    shell.child.kill('SIGTERM');
    expect(await shell.ended).toBe(0);
    expect(readdirSync(data)).not.toContain('instance.json');
    expect(readFileSync(join(data, 'fake.pid'), 'utf8')).toBe('0'); // the assistant could close what it had open
    expect(shell.stdout()).toMatch(/^Longhand is ready: \S+\n$/);
  });

  it('says calmly that there is no display, and shows how the model arrives', async () => {
    const shell = start([], { FAKE_MODEL: 'installing' });
    await shell.says(/There is no display here\. Open the address above in a browser on this machine\.\n/);
    await shell.says(/Model ready: scripted/);
    expect(shell.stderr()).toContain('Scripted model: download, 1.0 of 4.0 MB (25%), 500.0 kB/s, 6 s left\n');
  });

  it('prints one JSON object per line for scripts', async () => {
    const shell = start(['--headless', '--json']);
    await shell.says(/"state":"ready"/);
    shell.child.kill('SIGTERM');
    await shell.ended;
    const events = shell
      .stdout()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events[0]).toMatchObject({
      event: 'ready',
      pid: shell.child.pid,
      url: expect.stringMatching(/^http:.*#/) as unknown,
    });
    expect(events[1]).toMatchObject({ event: 'model', state: 'ready' });
  });

  it('shows the running one when it is started a second time on the same folder', async () => {
    const first = start(['--headless']);
    const [, address, token] = await first.says(READY);
    const second = start(['--headless']);
    expect(await second.ended).toBe(0);
    expect(second.stdout()).toBe(`Longhand is already running: ${address}/#${token}\n`);
    expect(second.stderr()).toBe('');
  });

  it('leaves one running when two are started in the same moment', async () => {
    const both = [start(['--headless']), start(['--headless'])];
    const codes = both.map(async (shell) => [await shell.ended, shell] as const);
    const [code, loser] = await Promise.race(codes);
    const winner = both.find((shell) => shell !== loser)!;
    const [, address, token] = await winner.says(READY);
    expect(code).toBe(0);
    expect(loser.stdout()).toBe(`Longhand is already running: ${address}/#${token}\n`);
  });

  it('says who has the data folder when that is no running Longhand with a page', async () => {
    writeFileSync(join(data, 'fake.pid'), String(process.pid));
    const shell = start(['--headless']);
    expect(await shell.ended).toBe(1);
    expect(shell.stderr()).toBe(`longhand: ${data} is in use by process ${process.pid}.\n`);
    expect(shell.stdout()).toBe('');
  });

  it('says what to do when the port is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.on('listening', resolve));
    const { port } = other.address() as AddressInfo;
    const shell = start(['--headless', '--port', String(port)]);
    expect(await shell.ended).toBe(1);
    expect(shell.stderr()).toBe(
      `longhand: Port ${port} is in use by another program. Name another with --port, or leave --port out and a free one is taken.\n`,
    );
    other.close();
  });

  it('explains its usage when it does not understand', async () => {
    const shell = start(['--headles']);
    expect(await shell.ended).toBe(2);
    expect(shell.stderr()).toMatch(/^longhand: .*--headles.*\n\nUsage: npm start -- \[options\]/);
  });

  it('ends when its window is closed, and lets no process list see the token', async () => {
    // A browser that opens the page as Chromium does, and tells how it was called.
    const browser = join(data, 'browser.mjs');
    const log = join(data, 'browser.log');
    writeFileSync(
      browser,
      `#!${process.execPath}
      import { readFileSync, writeFileSync } from 'node:fs';
      const page = process.argv.find((argument) => argument.startsWith('--app=')).slice(6);
      writeFileSync(${JSON.stringify(log)}, JSON.stringify(process.argv.slice(2)));
      const [, address, token] = /replace\\("(.*)\\/#(.*)"\\)/.exec(readFileSync(new URL(page), 'utf8'));
      const socket = new WebSocket(address.replace('http', 'ws') + '/assistant', { protocols: ['longhand', token], headers: { origin: address } });
      socket.onopen = () => setTimeout(() => process.exit(0), 300);
      socket.onerror = () => process.exit(1);`,
      { mode: 0o755 },
    );
    const shell = start([], { DISPLAY: ':99', LONGHAND_BROWSER: browser });
    const [, , token = ''] = await shell.says(READY);
    expect(await shell.ended).toBe(0);
    expect(readFileSync(log, 'utf8')).not.toContain(token);
    expect(readdirSync(join(data, 'browser'))).toEqual([]);
  });

  it('goes on when the window does not come up, and says so', async () => {
    mkdirSync(join(data, 'bin'));
    writeFileSync(join(data, 'bin', 'chromium'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    const shell = start([], { DISPLAY: ':99', PATH: join(data, 'bin') });
    await shell.says(/The window could not be opened\. Open the address above/);
    expect(shell.child.exitCode).toBeNull();
  });
});
