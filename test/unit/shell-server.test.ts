import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { connect as connectTcp, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Port } from '../../main/contract/client.ts';
import { startServer, type Server, type ServerOptions } from '../../main/shell/browser/server.ts';
import { newToken } from '../../main/shell/instance.ts';
import { createChannel } from '../../main/shell/node/channel.ts';
import { openSocketPort } from '../../main/shell/socket-port.ts';

const token = newToken();
let root = '';
let server: Server;
let port = 0;
let assistant: Port[] = [];
let pages: number[] = [];
let connectClient: () => Port;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'longhand-server-'));
  const folder = join(root, 'renderer');
  mkdirSync(join(folder, 'assets'), { recursive: true });
  writeFileSync(join(folder, 'index.html'), '<title>Longhand</title>');
  writeFileSync(join(folder, 'assets', 'main-1a2b.js'), 'let x;');
  mkdirSync(join(folder, 'diagram'));
  for (const name of ['frame.html', 'frame.js']) writeFileSync(join(folder, 'diagram', name), '');
  writeFileSync(join(folder, '.sources'), 'hidden');
  writeFileSync(join(root, 'secret.txt'), 'secret');
  mkdirSync(join(root, 'renderer-old'));
  writeFileSync(join(root, 'renderer-old', 'secret.txt'), 'secret');
  symlinkSync(join(root, 'secret.txt'), join(folder, 'link.txt'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

beforeEach(async () => {
  assistant = [];
  pages = [];
  connectClient = () => {
    const [ours, theirs] = createChannel();
    theirs.addEventListener('message', ({ data }) => theirs.postMessage(data));
    theirs.start?.();
    assistant.push(theirs);
    return ours;
  };
  server = await start();
  port = Number(new URL(server.address).port);
});
afterEach(() => server.close());

function start(more: Partial<ServerOptions> = {}) {
  const counts = pages; // those of a server that is closed later belong to another test
  return startServer({
    folder: join(root, 'renderer'),
    token,
    port: 0,
    connectPage: () => connectClient(),
    onPages: (count) => void counts.push(count),
    ...more,
  });
}

/** Sends the bytes as they are, because every client library mends what these tests are about. */
function raw(lines: string[]): Promise<{ status: number; text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const stream = connectTcp(port, '127.0.0.1', () => stream.write([...lines, '', ''].join('\r\n')));
  let text = '';
  const done = () => resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]), text });
  stream.on('data', (chunk) => {
    text += chunk.toString();
    if (/^HTTP\/1\.1 101/.test(text)) stream.destroy();
  });
  stream.on('close', done);
  stream.on('error', reject);
  return promise;
}

const get = (path: string, headers: string[] = [`Host: 127.0.0.1:${port}`], method = 'GET') =>
  raw([`${method} ${path} HTTP/1.1`, ...headers, 'Connection: close']);

describe('the page over HTTP', () => {
  it('is served with a policy that lets it load and reach nothing but its own origin', async () => {
    const response = await fetch(server.address);
    expect(await response.text()).toBe('<title>Longhand</title>');
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-cache');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    const policy = response.headers.get('content-security-policy')?.split('; ');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain(`connect-src 'self' ws://127.0.0.1:${port}`);
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('frames nothing but its own file for diagrams, which is opaque and reaches nothing', async () => {
    const get = (path: string, origin?: string) =>
      fetch(`${server.address}${path}`, { headers: origin === undefined ? {} : { origin } });
    expect((await get('/')).headers.get('content-security-policy')).toContain("frame-src 'self'");
    const frame = (await get('/diagram/frame.html')).headers.get('content-security-policy')?.split('; ');
    expect(frame).toContain("default-src 'none'");
    expect(frame).toContain("script-src 'self'");
    expect(frame).toContain('sandbox allow-scripts');
    expect(frame?.filter((rule) => /connect|img|frame-src|unsafe-eval/.test(rule))).toEqual([]);
    // A sandboxed document has no origin to name; it gets its scripts, and nothing else does or is got so.
    const script = await get('/diagram/frame.js', 'null');
    expect([script.status, script.headers.get('cross-origin-resource-policy')]).toEqual([200, 'cross-origin']);
    for (const path of ['/', '/diagram/frame.html', '/assets/main-1a2b.js', '/diagram/../index.html']) {
      expect((await get(path, 'null')).status).toBe(403);
    }
    expect((await get('/diagram/frame.js', 'https://attacker.example')).status).toBe(403);
  });

  it('has scripts that a browser may keep, since their names change with their content', async () => {
    const response = await fetch(`${server.address}/assets/main-1a2b.js`);
    expect(await response.text()).toBe('let x;');
    expect(response.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(response.headers.get('cache-control')).toContain('immutable');
  });

  it('answers HEAD without a body', async () => {
    const { status, text } = await get('/', undefined, 'HEAD');
    expect(status).toBe(200);
    expect(text).toMatch(/content-length: 23/);
    expect(text).toMatch(/\r\n\r\n$/);
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE'])('refuses %s', async (method) => {
    expect((await get('/', undefined, method)).status).toBe(405);
  });

  it.each([
    'evil.example',
    'evil.example:PORT',
    '127.0.0.1',
    '127.0.0.1:1',
    '127.0.0.1:PORT.evil.example',
    'localhost',
    '[::1]:PORT',
    '',
  ])('refuses a Host of "%s"', async (host) => {
    const { status, text } = await get('/', [`Host: ${host.replace('PORT', String(port))}`]);
    expect(status).toBe(403);
    expect(text).not.toContain('<title>');
  });

  it.each([
    ['zh-CN,zh;q=0.9,en;q=0.8', '请打开 Longhand 启动时显示的地址。'],
    ['en-GB,en;q=0.9,zh;q=0.8', 'Open the address that Longhand printed when it started.'],
    ['de', 'Open the address that Longhand printed when it started.'],
  ])('says where to go in the language of "%s"', async (languages, words) => {
    const { text } = await get('/', ['Host: evil.example', `Accept-Language: ${languages}`]);
    expect(text).toContain(words);
  });

  it('refuses a request without a Host', async () => {
    expect((await get('/', [])).status).toBe(400);
  });

  it('takes localhost with the right port for its own name', async () => {
    expect((await get('/', [`Host: localhost:${port}`])).status).toBe(200);
  });

  it.each(['http://evil.example', 'null', 'https://127.0.0.1:PORT', 'http://127.0.0.1:1', 'http://localhost:PORT'])(
    'refuses a request that a page of %s makes',
    async (origin) => {
      const headers = [`Host: 127.0.0.1:${port}`, `Origin: ${origin.replace('PORT', String(port))}`];
      expect((await get('/', headers)).status).toBe(403);
    },
  );

  it.each([
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/%2e%2e%2fsecret.txt',
    '/..%2fsecret.txt',
    '/assets/../../secret.txt',
    '/..\\secret.txt',
    '/%5c..%5csecret.txt',
    '//secret.txt',
    '/../renderer-old/secret.txt',
    '/-old/secret.txt',
    '/index.html%00.txt',
    '/link.txt',
    '/.sources',
    '/assets',
    '/constructor',
    'secret.txt',
    'http://127.0.0.1/../secret.txt',
    '*',
  ])('has nothing at %s', async (path) => {
    const { status, text } = await get(path);
    expect([400, 404]).toContain(status);
    expect(text).not.toContain('secret\n');
    expect(text).not.toMatch(/secret$/);
  });
});

describe("the page's socket", () => {
  const upgrade = (changes: Record<string, string | null> = {}, path = '/assistant') => {
    const headers: Record<string, string | null> = {
      Host: `127.0.0.1:${port}`,
      Origin: `http://127.0.0.1:${port}`,
      Upgrade: 'websocket',
      Connection: 'Upgrade',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Protocol': `longhand, ${token}`,
      ...changes,
    };
    const lines = Object.entries(headers).flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}`]));
    return raw([`GET ${path} HTTP/1.1`, ...lines]);
  };

  it('opens for the page, and names the protocol but not the token', async () => {
    const { status, text } = await upgrade();
    expect(status).toBe(101);
    expect(text).toMatch(/sec-websocket-protocol: longhand\r\n/i);
    expect(text).not.toContain(token);
  });

  it.each([
    ['a wrong token', { 'Sec-WebSocket-Protocol': `longhand, ${newToken()}` }],
    ['a longer token', { 'Sec-WebSocket-Protocol': `longhand, ${token}A` }],
    ['a part of the token', { 'Sec-WebSocket-Protocol': `longhand, ${token.slice(0, -1)}` }],
    ['an empty token', { 'Sec-WebSocket-Protocol': 'longhand, ' }],
    ['no token', { 'Sec-WebSocket-Protocol': 'longhand' }],
    ['the token alone', { 'Sec-WebSocket-Protocol': token }],
    ['two tokens', { 'Sec-WebSocket-Protocol': `longhand, ${token}, ${token}` }],
    ['no protocol', { 'Sec-WebSocket-Protocol': null }],
    ['a foreign origin', { Origin: 'http://evil.example' }],
    ['an opaque origin', { Origin: 'null' }],
    ['no origin', { Origin: null }],
    ['a rebound host', { Host: 'evil.example', Origin: 'http://evil.example' }],
  ])('is refused with %s', async (_case, changes) => {
    expect((await upgrade(changes)).status).toBe(403);
    expect(assistant).toHaveLength(0);
  });

  it.each(['/', '/assistant/', '/assistant?token', '/ASSISTANT'])('is not found at %s', async (path) => {
    expect((await upgrade({}, path)).status).toBe(404);
  });

  it('relays text as text and bytes as bytes, both ways', async () => {
    const client = await openSocketPort(server.address, token);
    const { promise, resolve } = Promise.withResolvers<void>();
    const received: unknown[] = [];
    client.addEventListener('message', ({ data }) => received.push(data) === 2 && resolve());
    client.postMessage('{"i":"1"} 東京');
    client.postMessage(new Uint8Array([0, 255, 7]));
    await promise;
    expect(received).toEqual(['{"i":"1"} 東京', Buffer.from([0, 255, 7])]);
  });

  it('is closed as "service restart" when the assistant dies, so that the page comes back', async () => {
    const client = new WebSocket(`ws://127.0.0.1:${port}/assistant`, ['longhand', token], { origin: server.address });
    const code = new Promise((resolve) => client.on('close', resolve));
    await new Promise((resolve) => client.on('open', resolve));
    assistant[0]!.close?.();
    expect(await code).toBe(1012);
  });

  it('closes the port to the assistant when the page goes, and counts the pages', async () => {
    const client = await openSocketPort(server.address, token);
    const closed = new Promise<void>((resolve) => assistant[0]!.addEventListener('close', resolve));
    client.close?.();
    await closed;
    expect(pages).toEqual([1, 0]);
  });

  it('is closed when there is no assistant to be had', async () => {
    connectClient = () => {
      throw new Error('given up');
    };
    const client = new WebSocket(`ws://127.0.0.1:${port}/assistant`, ['longhand', token], { origin: server.address });
    expect(await new Promise((resolve) => client.on('close', resolve))).toBe(1011);
  });

  it('is dropped when it answers no pings, and kept while it does', async () => {
    const quick = await start({ pingMs: 50 });
    try {
      const options = { origin: quick.address };
      const url = `${quick.address.replace('http', 'ws')}/assistant`;
      const asleep = new WebSocket(url, ['longhand', token], { ...options, autoPong: false });
      const awake = new WebSocket(url, ['longhand', token], options);
      await new Promise((resolve) => asleep.on('close', resolve));
      expect(awake.readyState).toBe(WebSocket.OPEN);
      awake.close();
    } finally {
      await quick.close();
    }
  });

  it('leads to another port with the token of the command line, which opens nothing else', async () => {
    const commandToken = newToken();
    const [ours] = createChannel();
    let commands = 0;
    const both = await start({
      commandToken,
      connectClient: () => {
        commands += 1;
        return ours;
      },
    });
    try {
      (await openSocketPort(both.address, commandToken)).close?.();
      expect([commands, assistant.length]).toEqual([1, 0]);
      (await openSocketPort(both.address, token)).close?.();
      expect([commands, assistant.length]).toEqual([1, 1]);
      const headers = { authorization: `Bearer ${commandToken}`, origin: both.address };
      const upload = await fetch(`${both.address}/upload/a.gguf`, { method: 'PUT', headers, body: 'x' });
      expect(upload.status).toBe(403);
    } finally {
      await both.close();
    }
  });

  it('tells a client with a stale token that it is refused', async () => {
    await expect(openSocketPort(server.address, newToken())).rejects.toMatchObject({ code: 'unauthorised' });
  });
});

describe('the port', () => {
  it('is said to be in use, with what to do, when another program has it', async () => {
    const other = createHttp().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.on('listening', resolve));
    const taken = (other.address() as AddressInfo).port;
    await expect(start({ port: taken })).rejects.toMatchObject({
      code: 'port-in-use',
      message: `Port ${taken} is in use by another program. Name another with --port, or leave --port out and a free one is taken.`,
      details: { port: taken },
    });
    await new Promise((resolve) => other.close(resolve));
  });

  it('is closed together with all connections, also those that keep quiet', async () => {
    const second = await start();
    const client = new WebSocket(`${second.address.replace('http', 'ws')}/assistant`, ['longhand', token], {
      origin: second.address,
    });
    await new Promise((resolve) => client.on('open', resolve));
    const code = new Promise((resolve) => client.on('close', resolve));
    const idle = connectTcp(Number(new URL(second.address).port), '127.0.0.1');
    await new Promise((resolve) => idle.on('connect', resolve));
    await second.close();
    expect(await code).toBe(1001);
    await expect(fetch(second.address)).rejects.toThrow();
    idle.destroy();
  });
});
