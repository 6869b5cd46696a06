import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { request, type ClientRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startServer, type Server } from '../../main/shell/browser/server.ts';
import { uploadName } from '../../main/shell/browser/upload.ts';
import { newToken } from '../../main/shell/instance.ts';

const token = newToken();
let root = '';
let incoming = '';
let server: Server;
let freeBytes = 1e9;
let given: string[] = [];

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'longhand-upload-'));
  incoming = join(root, 'incoming');
  mkdirSync(join(root, 'page'));
  writeFileSync(join(root, 'page', 'index.html'), '<title>Longhand</title>');
  writeFileSync(join(root, 'precious.gguf'), 'precious');
  freeBytes = 1e9;
  given = [];
  server = await startServer({
    folder: join(root, 'page'),
    token,
    port: 0,
    incoming: () => incoming,
    home: () => join(root, 'home'),
    onPath: (path) => void given.push(path),
    uploads: { free: async () => freeBytes },
    connectPage: () => {
      throw new Error('no assistant here');
    },
  });
});
afterEach(async () => {
  await server.close();
  rmSync(root, { recursive: true, force: true });
});

type Reply = { status: number; body: { path?: string | null; code?: string; details?: Record<string, unknown> } };

/** A PUT as a page makes it; `headers` change or (with undefined) remove some. */
function open(path: string, headers: Record<string, string | undefined> = {}, method = 'PUT') {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const usual = { origin: server.address, authorization: `Bearer ${token}` };
  const sent = Object.entries({ ...usual, ...headers }).filter(([, value]) => value !== undefined);
  const { port } = new URL(server.address);
  const call: ClientRequest = request(
    { host: '127.0.0.1', port, path, method, headers: Object.fromEntries(sent) as Record<string, string> },
    (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => resolve({ status: response.statusCode!, body: parse(text) }));
    },
  );
  call.on('error', reject);
  promise.catch(() => {});
  return { call, reply: promise };
}

function parse(text: string): Reply['body'] {
  try {
    return JSON.parse(text) as Reply['body'];
  } catch {
    return {};
  }
}

function put(path: string, body: string | Buffer, headers: Record<string, string | undefined> = {}, method = 'PUT') {
  const { call, reply } = open(path, headers, method);
  call.end(body);
  return reply;
}

/** Whatever lies below the folder. */
const left = () => (existsSync(incoming) ? readdirSync(incoming, { recursive: true }) : []);

async function until(done: () => boolean): Promise<void> {
  for (const end = Date.now() + 3000; !done() && Date.now() < end;)
    await new Promise((resolve) => setTimeout(resolve, 5));
  expect(done()).toBe(true);
}

describe('a folder that the page was given', () => {
  /** Files of these texts below `root`, and what a browser tells of them. */
  function folder(path: string, texts: Record<string, string>) {
    for (const [name, text] of Object.entries(texts)) {
      mkdirSync(dirname(join(root, path, name)), { recursive: true });
      writeFileSync(join(root, path, name), text);
    }
    return Object.keys(texts)
      .filter((name) => !/(^|\/)(\.|node_modules)/.test(name))
      .map((name): [string, number, number] => {
        const { size, mtimeMs } = statSync(join(root, path, name));
        return [name, size, Math.floor(mtimeMs)];
      });
  }
  const NOWHERE = { status: 200, body: { path: null } };
  const show = (body: object, headers = {}) => put('/folder', JSON.stringify(body), headers);

  it('is found by its name and its files, below the home folder', async () => {
    folder('home/other/Deeds', { 'a.txt': 'another', 'b/c.txt': 'inner' });
    const files = folder('home/papers/old/Deeds', { 'a.txt': 'a deed', 'b/c.txt': 'inner', '.git/d': 'hidden' });
    const { status, body } = await show({ name: 'Deeds', path: null, files });
    expect([status, body.path]).toEqual([200, join(root, 'home/papers/old/Deeds')]);
    expect(given).toEqual([body.path]);
    expect(await show({ name: 'Deeds', path: null, files: files.slice(0, 1) })).toMatchObject(NOWHERE);
  });

  it('is believed to lie where the user says only when its files do', async () => {
    const files = folder('outside/Deeds', { 'a.txt': 'a deed' });
    const path = join(root, 'outside', 'Deeds');
    expect(await show({ name: 'Deeds', path: null, files })).toMatchObject(NOWHERE);
    expect(await show({ name: 'Deeds', path: join(root, 'page'), files })).toMatchObject(NOWHERE);
    const [[name, size, modifiedMs]] = files as [[string, number, number]];
    for (const guess of [
      [name, size, modifiedMs + 5],
      [name, size + 1, modifiedMs],
      ['b.txt', size, modifiedMs],
    ]) {
      expect(await show({ name: 'Deeds', path, files: [guess] })).toMatchObject(NOWHERE);
    }
    expect(given).toEqual([]);
    expect(await show({ name: 'Deeds', path, files })).toMatchObject({ status: 200, body: { path } });
  });

  it('is told from others by all that is in it, and of folders in it by the first file below', async () => {
    const texts = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`${1000 + index}.txt`, `${index}`]));
    const files = folder('home/Many', texts);
    const below = folder('home/Many', { 'deep/er/a.txt': 'first', 'deep/er/b.txt': 'second' }).slice(0, 1);
    const path = join(root, 'home', 'Many');
    expect(await show({ name: 'Many', path: null, files: [...files, ...below] })).toMatchObject({ body: { path } });
    expect(await show({ name: 'Many', path: null, files })).toMatchObject(NOWHERE);
    expect(await show({ name: 'Many', path: null, files: [...files.slice(1), ...below] })).toMatchObject(NOWHERE);
  });

  it('does not stand for the folder around it', async () => {
    const texts = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`${1000 + index}.txt`, `${index}`]));
    const inner = folder('home/Desktop', texts);
    folder('home/Documents', { 'secret.txt': 'nobody gave this' });
    const files = inner.map(([name, ...look]) => [`Desktop/${name}`, ...look]);
    for (const shown of [files, files.slice(0, 1)]) {
      expect(await show({ name: 'home', path: join(root, 'home'), files: shown })).toMatchObject(NOWHERE);
    }
    expect(given).toEqual([]);
  });

  it('is refused when it is empty, not told, or shown by another page', async () => {
    mkdirSync(join(root, 'home', 'Empty'), { recursive: true });
    const empty = { name: 'Empty', path: null, files: [] };
    expect(await show(empty)).toMatchObject({ status: 400, body: { code: 'invalid-input' } });
    expect(await put('/folder', 'no JSON')).toMatchObject({ status: 400 });
    expect(await show(empty, { authorization: 'Bearer wrong' })).toMatchObject({ status: 403 });
    expect(given).toEqual([]);
  });
});

describe('a file that the page sends', () => {
  it('is kept whole under its own name, in a folder of its own', async () => {
    const bytes = Buffer.alloc(3_000_000, 'gguf');
    const first = await put('/upload/My%20model.Q4_0.gguf', bytes);
    expect(first.status).toBe(200);
    const path = first.body.path!;
    expect(basename(path)).toBe('My model.Q4_0.gguf');
    expect(dirname(dirname(path))).toBe(incoming);
    expect(readFileSync(path).equals(bytes)).toBe(true);
    const second = await put('/upload/My%20model.Q4_0.gguf', 'other');
    expect(second.body.path).not.toBe(path);
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  it('may come without telling its length', async () => {
    const { call, reply } = open('/upload/a.gguf', { 'transfer-encoding': 'chunked' });
    call.write('one ');
    call.end('two');
    expect(readFileSync((await reply).body.path!, 'utf8')).toBe('one two');
  });

  it('leaves nothing behind when the page goes away in the middle', async () => {
    const { call } = open('/upload/a.gguf', { 'content-length': '1000000' });
    call.write(Buffer.alloc(100_000));
    await until(() => left().length === 2);
    call.destroy();
    await until(() => left().length === 0);
  });

  it('is refused when the disk has no room for it, before a byte is written', async () => {
    freeBytes = 100e6;
    const { call, reply } = open('/upload/a.gguf', { 'content-length': '50000000' });
    call.flushHeaders();
    expect(await reply).toMatchObject({
      status: 507,
      body: { code: 'disk-full', details: { neededBytes: 50_000_000, freeBytes: 100e6 - (64 << 20) } },
    });
    call.destroy();
    expect(left()).toEqual([]);
  });

  it('is stopped when it turns out longer than there is room for, whatever it told', async () => {
    freeBytes = (64 << 20) + 1000;
    const { call, reply } = open('/upload/a.gguf', { 'transfer-encoding': 'chunked' });
    call.end(Buffer.alloc(5000));
    expect(await reply).toMatchObject({ status: 507, body: { code: 'disk-full' } });
    expect(left()).toEqual([]);
  });
});

describe('an upload is refused', () => {
  it.each<[string, Record<string, string | undefined>, number]>([
    ['with a wrong token', { authorization: `Bearer ${newToken()}` }, 403],
    ['with the token in another scheme', { authorization: `Basic ${token}` }, 403],
    ['without a token', { authorization: undefined }, 403],
    ['from another origin', { origin: 'http://evil.example' }, 403],
    ['from a page of no origin', { origin: 'null' }, 403],
    ['from no page at all', { origin: undefined }, 403],
    ['under another host name', { host: 'evil.example' }, 403],
  ])('%s', async (_, headers, status) => {
    expect((await put('/upload/a.gguf', 'x', headers)).status).toBe(status);
    expect(left()).toEqual([]);
  });

  it.each(['GET', 'POST', 'DELETE', 'OPTIONS'])('when it is a %s', async (method) => {
    expect((await put('/upload/a.gguf', 'x', {}, method)).status).toBe(405);
    expect(left()).toEqual([]);
  });

  it('without a name, or with one that cannot be read', async () => {
    for (const path of ['/upload/', '/upload/..', '/upload/%2e%2e', '/upload/%zz', '/upload/%00']) {
      expect(await put(path, 'x')).toMatchObject({ status: 400, body: { code: 'invalid-input' } });
    }
    expect(left()).toEqual([]);
  });
});

describe('the name of an upload', () => {
  it.each([
    ['/upload/..%2f..%2fprecious.gguf', 'precious.gguf'],
    ['/upload/../../precious.gguf', 'precious.gguf'],
    ['/upload/..%5c..%5cprecious.gguf', 'precious.gguf'],
    ['/upload/%2fetc%2fpasswd', 'etc_passwd'],
    ['/upload/C:%5Cmodel.gguf', 'C_model.gguf'],
    ['/upload/a%00b%0a.gguf?x=1', 'a_b_.gguf'],
    ['/upload/.hidden', 'hidden'],
    ['/upload/con.gguf', 'file-con.gguf'],
    ['/upload/%E9%80%9A%E4%B9%89.gguf', '通义.gguf'],
    ['/upload/a%E2%80%AEffug.b', 'a_ffug.b'],
    ['/upload/model.gguf.%20', 'model.gguf'],
  ])('%s is %s', (url, name) => {
    expect(uploadName(url).replace(/^[._]+/, '')).toBe(name);
    expect(uploadName(url)).not.toMatch(/[/\\]/);
  });

  it('keeps its end when it is too long', () => {
    const name = uploadName(`/upload/${'x'.repeat(300)}.gguf`);
    expect(name).toHaveLength(120);
    expect(name.endsWith('.gguf')).toBe(true);
  });

  it('leads nowhere else, however it is spelled', async () => {
    const before = readFileSync(join(root, 'precious.gguf'), 'utf8');
    for (const path of ['/upload/..%2f..%2fprecious.gguf', '/upload/%2e%2e/%2e%2e/precious.gguf']) {
      const { body } = await put(path, 'gone');
      expect(dirname(dirname(body.path!))).toBe(incoming);
    }
    expect(readFileSync(join(root, 'precious.gguf'), 'utf8')).toBe(before);
  });
});

describe('files of one checkpoint', () => {
  const group = '0123abcd-0123-4123-8123-0123456789ab';

  it('come to lie in one folder, and one that breaks off leaves the others', async () => {
    const first = await put(`/upload/config.json?group=${group}`, '{}');
    const second = await put(`/upload/model.safetensors?group=${group}`, 'weights');
    expect([first.body.path, second.body.path]).toEqual(
      ['config.json', 'model.safetensors'].map((name) => join(incoming, group, name)),
    );
    const again = await put(`/upload/config.json?group=${group}`, 'another');
    expect(again.status).not.toBe(200);
    expect(readFileSync(join(incoming, group, 'config.json'), 'utf8')).toBe('{}');
  });

  it.each(['..', '../..', '', 'x', `${group}/..`, `${group.toUpperCase()}`])(
    'take no other folder: %j',
    async (odd) => {
      const { status, body } = await put(`/upload/config.json?group=${encodeURIComponent(odd)}`, '{}');
      expect([status, body.code]).toEqual([400, 'invalid-input']);
      expect(left()).toEqual([]);
    },
  );
});
