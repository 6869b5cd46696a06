import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { LonghandError } from '../../main/contract/errors.ts';
import { AddressFetcher } from '../../main/services/documents/address.ts';
import { isPublic } from '../../main/services/documents/public-address.ts';
import { startAssistant, tempFolder, until } from './assistant-support.ts';

type Handler = (response: ServerResponse, path: string) => void;

const PAGE =
  '<!doctype html><html><head><title>Otters</title></head><body><h1>Otters</h1><p>Otters swim.</p></body></html>';

/** A host on this machine, and what it was asked. */
async function startHost(answer: Handler) {
  const asked: { path: string; headers: NodeJS.Dict<string | string[]> }[] = [];
  const server = createServer(({ url = '/', headers }, response) => {
    asked.push({ path: url, headers });
    answer(response, url);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { asked, port, host: `127.0.0.1:${port}`, base: `http://127.0.0.1:${port}` };
}

const html: Handler = (response) => response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(PAGE);

function start({ mayReach = () => true }: { mayReach?: (address: string) => boolean } = {}) {
  const started = startAssistant({ mayReach });
  const add = async (address: string, allow: string[] = [], signal?: AbortSignal) => {
    const events = [];
    const options = signal === undefined ? {} : { signal };
    for await (const event of await started.client.documents.addAddress({ address, allow }, options))
      events.push(event);
    const added = events.find((event) => event.type === 'added');
    return { events, documents: added?.documents ?? [] };
  };
  const refusal = async (address: string, allow: string[] = []) => {
    const error = await add(address, allow).then(
      () => null,
      (reason: unknown) => reason,
    );
    if (!(error instanceof LonghandError)) throw new Error('it was not refused', { cause: error });
    return {
      code: error.code,
      reason: error.details['reason'],
      host: error.details['host'],
      from: error.details['from'],
    };
  };
  return { ...started, add, refusal };
}

/** What a fetcher with short limits makes of an address. */
async function reasonOf(address: string, hosts: string[], limits: { wholeMs?: number; stallMs?: number } = {}) {
  const fetcher = new AddressFetcher({ env: {}, log() {}, mayReach: () => true, ...limits });
  const { signal } = new AbortController();
  try {
    for await (const _ of fetcher.fetch(address, { hosts, folder: tempFolder(), signal }));
    return null;
  } catch (error) {
    return error instanceof LonghandError ? (error.details['reason'] ?? error.code) : error;
  }
}

describe('a document from an address', () => {
  it('is fetched from a host that was agreed to, and read as a file of its kind', async () => {
    const { add, client, dataDir } = start();
    const { base, host, asked } = await startHost(html);
    const { documents, events } = await add(`${base}/animals/otters?page=1#swimming`, [host]);
    expect(documents).toMatchObject([{ name: 'otters.html', origin: `${base}/animals/otters?page=1` }]);
    expect(events[0]).toEqual({ type: 'progress', done: PAGE.length, total: null });
    const { id } = documents[0]!;
    await until(async () => (await client.documents.get({ id })).state === 'ready');
    expect(await client.documents.get({ id })).toMatchObject({ format: 'html', title: 'Otters' });
    expect((await client.documents.search({ query: 'swim' })).hits).toHaveLength(1);
    expect(readdirSync(join(dataDir, 'documents'))).toHaveLength(1);
    // Nothing but the request itself is told.
    const { 'user-agent': agent, ...headers } = asked[0]!.headers;
    expect([agent, Object.keys(headers).toSorted()]).toEqual([
      'Longhand',
      ['accept', 'accept-encoding', 'connection', 'host'],
    ]);
  });

  it('is asked for by nobody before a yes to its host, be that for once or for always', async () => {
    const { add, refusal, client } = start();
    const { base, host, asked } = await startHost(html);
    expect(await refusal(base)).toEqual({ code: 'host-not-allowed', reason: undefined, host, from: null });
    expect(await refusal(base, ['example.org', '127.0.0.1'])).toMatchObject({ code: 'host-not-allowed' });
    expect(asked).toEqual([]);
    await client.system.changeSettings({ documentHosts: [host] });
    expect((await add(base)).documents).toMatchObject([{ name: '127.0.0.1.html' }]);
  });

  it('follows to another host only with a yes to that one', async () => {
    const { add, refusal } = start();
    const second = await startHost(html);
    const first = await startHost((response) => response.writeHead(302, { location: `${second.base}/page` }).end());
    expect(await refusal(first.base, [first.host])).toEqual({
      code: 'host-not-allowed',
      reason: undefined,
      host: second.host,
      from: first.base,
    });
    expect(second.asked).toEqual([]);
    const { documents } = await add(first.base, [first.host, second.host]);
    expect(documents).toMatchObject([{ name: 'page.html', origin: `${second.base}/page` }]);
  });

  it('is never fetched from this machine or its network, whatever the name or the redirect', async () => {
    const { refusal } = start({ mayReach: isPublic });
    const { port, asked } = await startHost(html);
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, `[::ffff:7f00:1]:${port}`]) {
      expect(await refusal(`http://${host}/`, [host]), host).toMatchObject({ reason: 'private' });
    }
    for (const host of ['10.0.0.1', '192.168.1.1', '169.254.169.254', '172.20.1.1', '[fe80::1]', '[fd00::1]']) {
      expect(await refusal(`http://${host}/`, [host]), host).toMatchObject({ reason: 'private' });
    }
    expect(await refusal('http://0x7f.1/', ['127.0.0.1'])).toMatchObject({ reason: 'private' });
    expect(asked).toEqual([]);
  });

  it('has to be one of the web, and no more than that', async () => {
    const { refusal } = start();
    for (const address of [
      'file:///etc/passwd',
      'ftp://example.org/a',
      'example.org',
      '',
      'http://ada:secret@example.org/',
    ]) {
      expect(await refusal(address), address).toMatchObject({ code: 'address-not-fetched', reason: 'not-an-address' });
    }
  });

  it('is refused for what the host answers', async () => {
    const { refusal, client, dataDir } = start();
    const answers: Record<string, Handler> = {
      '/gone': (response) => response.writeHead(404).end('nothing'),
      '/film': (response) => response.writeHead(200, { 'content-type': 'video/mp4' }).end('film'),
      '/huge': (response) =>
        response.writeHead(200, { 'content-type': 'text/plain', 'content-length': '200000000' }).end(),
      '/round': (response) => response.writeHead(302, { location: '/round' }).end(),
      '/local': (response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
    };
    const { base, host } = await startHost((response, path) => answers[path]!(response, path));
    const reasons = [];
    for (const path of Object.keys(answers)) reasons.push((await refusal(base + path, [host])).reason);
    expect(reasons).toEqual(['status', 'type', 'too-large', 'redirects', 'not-an-address']);
    expect(await client.documents.list()).toEqual([]);
    expect(existsSync(join(dataDir, 'documents')) ? readdirSync(join(dataDir, 'documents')) : []).toEqual([]);
  });

  it('is refused where it grows beyond what is allowed, also out of few bytes', async () => {
    const bomb = gzipSync(Buffer.alloc(120_000_000));
    const { base, host } = await startHost((response) =>
      response.writeHead(200, { 'content-type': 'text/plain', 'content-encoding': 'gzip' }).end(bomb),
    );
    expect(await reasonOf(base, [host])).toBe('too-large');
  });

  it('is unpacked where the host packs it all the same', async () => {
    const { add } = start();
    const { base, host } = await startHost((response) =>
      response.writeHead(200, { 'content-type': 'text/html', 'content-encoding': 'gzip' }).end(gzipSync(PAGE)),
    );
    expect((await add(`${base}/otters.html`, [host])).documents).toMatchObject([
      { name: 'otters.html', sizeBytes: PAGE.length },
    ]);
  });

  it('is given up where the host falls silent, is too slow, hangs up or is not there', async () => {
    const silent = await startHost(() => {});
    expect(await reasonOf(silent.base, [silent.host], { stallMs: 100 })).toBe('too-slow');
    const stalls = await startHost((response) => response.writeHead(200, { 'content-type': 'text/plain' }).write('a'));
    expect(await reasonOf(stalls.base, [stalls.host], { stallMs: 100 })).toBe('too-slow');
    const drips = await startHost((response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      const timer = setInterval(() => response.write('a'), 20);
      response.on('close', () => clearInterval(timer));
    });
    expect(await reasonOf(drips.base, [drips.host], { wholeMs: 300 })).toBe('too-slow');
    const breaks = await startHost((response) => {
      response.writeHead(200, { 'content-type': 'text/plain', 'content-length': '10' }).write('a');
      setTimeout(() => response.destroy(), 50);
    });
    expect(await reasonOf(breaks.base, [breaks.host])).toBe('unreachable');
    expect(await reasonOf('http://127.0.0.1:9/', ['127.0.0.1:9'])).toBe('unreachable');
  });

  it('ends with whoever asked for it, and hangs up', async () => {
    const { add, client, dataDir } = start();
    let hungUp = false;
    const { base, host, asked } = await startHost((response) => {
      response.writeHead(200, { 'content-type': 'text/plain' }).write('a');
      response.on('close', () => (hungUp = true));
    });
    const stop = new AbortController();
    const adding = add(base, [host], stop.signal);
    adding.catch(() => {});
    await until(() => asked.length === 1);
    stop.abort();
    await expect(adding).rejects.toThrow();
    await until(() => hungUp);
    await until(() => readdirSync(join(dataDir, 'documents')).length === 0);
    expect(await client.documents.list()).toEqual([]);
  });

  it('is called by its type where its name says otherwise', async () => {
    const { add } = start();
    const types: Record<string, string> = {
      '/paper': 'application/pdf',
      '/notes.md': 'text/plain',
      '/main.rs': 'text/x-rust',
      '/table': 'text/csv; header=present',
      '/a%2Fb%20c.txt': 'application/octet-stream',
    };
    const { base, host } = await startHost((response, path) =>
      response.writeHead(200, { 'content-type': types[path] }).end(`It is ${path}.`),
    );
    const names = [];
    for (const path of Object.keys(types)) names.push((await add(base + path, [host])).documents[0]?.name);
    expect(names).toEqual(['paper.pdf', 'notes.md', 'main.rs', 'table.csv', 'a b c.txt']);
  });
});

describe('an IP address', () => {
  it.each(['8.8.8.8', '172.15.0.1', '100.63.0.1', '2606:4700::1111', '::ffff:8.8.8.8', '64:ff9b::808:808'])(
    '%s is public',
    (address) => expect(isPublic(address)).toBe(true),
  );
  it.each([
    '0.0.0.0',
    '127.8.8.8',
    '100.64.0.1',
    '172.31.255.255',
    '255.255.255.255',
    '::',
    '::1',
    'fe80::1%eth0',
    '::ffff:10.0.0.1',
    '::ffff:0a00:1',
    '64:ff9b::10.0.0.1',
    '::127.0.0.1',
    'example.org',
  ])('%s is not', (address) => expect(isPublic(address)).toBe(false));
});
