import { execFile } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as forward, type RequestListener, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { electronPackage, findElectron } from '../../scripts/electron.ts';
import { ensureElectron, type FetchOptions } from '../../scripts/electron-fetch.ts';

const runFile = promisify(execFile);

// An installer like the package's own: it takes the archive from the mirror by way of the system's temporary folder, and
// writes path.txt last.
const INSTALLER = `
const { mkdirSync, writeFileSync, appendFileSync } = require('node:fs');
const { join } = require('node:path');
(async () => {
  const response = await fetch(process.env.ELECTRON_MIRROR + 'v1.2.3/electron.zip');
  const folder = join(require('node:os').tmpdir(), 'electron-download-x');
  mkdirSync(folder);
  for await (const chunk of response.body) appendFileSync(join(folder, 'electron.zip'), chunk);
  mkdirSync(join(__dirname, 'dist'));
  writeFileSync(join(__dirname, 'dist', 'electron'), '');
  writeFileSync(join(__dirname, 'dist', 'version'), 'v1.2.3');
  writeFileSync(join(__dirname, 'path.txt'), 'electron');
})().catch((error) => { console.error(error.stack); process.exit(1); });
`;

let folder = '';
let servers: Server[] = [];
let said: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'longhand-electron-'));
  mkdirSync(join(folder, 'package'));
  writeFileSync(join(folder, 'package', 'package.json'), JSON.stringify({ version: '1.2.3' }));
  writeFileSync(join(folder, 'package', 'install.js'), INSTALLER);
  said = [];
});
afterEach(async () => {
  await Promise.all(
    servers.map((server) => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    }),
  );
  servers = [];
  rmSync(folder, { recursive: true, force: true });
});

async function serve(listener: RequestListener): Promise<{ url: string; requests: string[]; server: Server }> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    listener(request, response);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, requests, server };
}

const { HTTP_PROXY: _a, http_proxy: _b, HTTPS_PROXY: _c, https_proxy: _d, ELECTRON_BINARY: _e, ...bare } = process.env;
const ensure = (env: NodeJS.ProcessEnv, options: FetchOptions = {}) =>
  ensureElectron({
    env: { ...bare, ...env },
    folder: join(folder, 'package'),
    cache: join(folder, 'cache'),
    probeMs: 500,
    say: (line) => said.push(line),
    ...options,
  });
const archive: RequestListener = (_request, response) => response.end('an archive');

describe('Electron, where its binary is absent', () => {
  it('is fetched by the installer of its package from the mirror that the environment names', async () => {
    const mirror = await serve(archive);
    expect(await ensure({ ELECTRON_MIRROR: mirror.url })).toEqual({ path: join(folder, 'package/dist/electron') });
    expect(mirror.requests[0]).toMatch(/^HEAD \/v1\.2\.3\/electron-v1\.2\.3-\w+-\w+\.zip$/);
    expect(said).toEqual(['Getting Electron, once, for a window of its own.']);
    expect(existsSync(join(folder, 'cache/electron-download'))).toBe(false);
  });

  it('is fetched once by two starts at a time', async () => {
    const mirror = await serve(archive);
    const options = { folder: join(folder, 'package'), cache: join(folder, 'cache') };
    const code = `import { ensureElectron } from './scripts/electron-fetch.ts';
      console.log(JSON.stringify(await ensureElectron(${JSON.stringify(options)})));`;
    const env = { ...bare, ELECTRON_MIRROR: mirror.url };
    const run = () => runFile(process.execPath, ['--input-type=module', '-e', code], { env });
    for (const { stdout } of await Promise.all([run(), run()])) {
      expect(JSON.parse(stdout)).toEqual({ path: join(folder, 'package/dist/electron') });
    }
    expect(mirror.requests.filter((request) => request.startsWith('GET'))).toHaveLength(1);
  });

  it('is fetched through the proxy that the environment names', async () => {
    const mirror = await serve(archive);
    const proxy = await serve((request, response) => {
      const { pathname } = new URL(request.url ?? '');
      forward(new URL(pathname, mirror.url), { method: request.method }, (answer) => answer.pipe(response)).end();
    });
    proxy.server.on('connect', (_request, socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      const { hostname, port } = new URL(mirror.url);
      socket.pipe(connect(Number(port), hostname)).pipe(socket);
    });
    const env = { ELECTRON_MIRROR: 'http://electron.invalid/', HTTP_PROXY: proxy.url, http_proxy: proxy.url };
    expect(await ensure({ ...env, NO_PROXY: '', no_proxy: '' })).toHaveProperty('path');
  });

  it('is given up soon where nobody answers, and for a day', async () => {
    const mirror = await serve(() => {});
    const env = { ELECTRON_MIRROR: mirror.url };
    const started = Date.now();
    const { host } = new URL(mirror.url);
    expect(await ensure(env)).toEqual({ reason: `${host} does not answer in time` });
    expect(Date.now() - started).toBeLessThan(5000);
    expect(mirror.requests).toHaveLength(1);

    expect(await ensure(env)).toEqual({ reason: `${host} does not answer in time` });
    expect(mirror.requests).toHaveLength(1);
    await ensure(env, { nowMs: Date.now() + 25 * 3_600_000 });
    expect(mirror.requests).toHaveLength(2);
  });

  it('is tried again at once when the user names another mirror', async () => {
    const closed = await serve((_request, response) => response.writeHead(404).end());
    expect(await ensure({ ELECTRON_MIRROR: closed.url })).toEqual({
      reason: `${new URL(closed.url).host} answers 404`,
    });
    const open = await serve(archive);
    expect(await ensure({ ELECTRON_MIRROR: open.url })).toHaveProperty('path');
  });

  it('is given up when its download comes to a standstill', async () => {
    const mirror = await serve((request, response) => {
      if (request.method === 'HEAD') response.writeHead(200, { 'content-length': 1000 }).end();
      else response.writeHead(200, { 'content-length': 1000 }).write('the first bytes');
    });
    const result = await ensure({ ELECTRON_MIRROR: mirror.url }, { stallMs: 1500 });
    expect(result).toEqual({ reason: 'its download came to a standstill' });
    expect(existsSync(join(folder, 'cache/electron-download'))).toBe(false);
  });

  it('is not taken from a mirror whose archive is not the published one', async () => {
    // The installer of the real package, on a copy without a binary; it is not imported.
    const mirror = await serve(archive);
    const modules = join(folder, 'node_modules');
    cpSync(electronPackage, join(modules, 'electron'), {
      recursive: true,
      filter: (path) => !/[\\/](dist|path\.txt)$/.test(path),
    });
    const env = { ELECTRON_MIRROR: mirror.url, electron_config_cache: join(folder, 'store') };
    const linked = { NODE_PATH: join(electronPackage, '..') };
    const result = await ensure({ ...env, ...linked }, { folder: join(modules, 'electron') });
    expect(result).toEqual({ reason: expect.stringMatching(/download failed: .*checksum/i) as string });
    expect(existsSync(join(modules, 'electron/dist'))).toBe(false);
  });

  it.each([{ ELECTRON_BINARY: '/nowhere/electron' }, { ELECTRON_SKIP_BINARY_DOWNLOAD: '1' }])(
    'is not fetched against the word of the user: %o',
    async (env) => {
      const mirror = await serve(archive);
      expect(await ensure({ ELECTRON_MIRROR: mirror.url, ...env })).toHaveProperty('reason');
      expect(mirror.requests).toEqual([]);
    },
  );
});

describe('a binary of Electron', () => {
  const install = (version: string) => {
    mkdirSync(join(folder, 'package/dist'));
    writeFileSync(join(folder, 'package/dist/electron'), '');
    chmodSync(join(folder, 'package/dist/electron'), 0o755);
    writeFileSync(join(folder, 'package/dist/version'), version);
  };

  it('counts only whole and of the version of its package', () => {
    install('1.2.3');
    expect(findElectron({}, join(folder, 'package'))).toEqual({ reason: 'its binary has not been fetched' });
    writeFileSync(join(folder, 'package/path.txt'), 'electron');
    expect(findElectron({}, join(folder, 'package'))).toEqual({ path: join(folder, 'package/dist/electron') });
    writeFileSync(join(folder, 'package/dist/version'), '1.2.2');
    expect(findElectron({}, join(folder, 'package'))).toEqual({ reason: 'its binary is not that of version 1.2.3' });
  });

  it('may be one that the user names', () => {
    const env = { ELECTRON_BINARY: join(folder, 'package/install.js') };
    expect(findElectron(env, join(folder, 'package'))).toEqual({ path: env.ELECTRON_BINARY });
  });
});
