import { createHash } from 'node:crypto';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect as connectSocket, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

const gitBlobId = (bytes: Uint8Array) =>
  createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');

/** Bytes that look like no others and cannot be compressed. */
export function someBytes(length: number, seed = 1): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, index) =>
    createHash('sha256').update(`${seed} ${index}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, length);
}

export type Hub = Awaited<ReturnType<typeof startHub>>;

/**
 * A model hub and, under the names of its mirror, ModelScope: listings of what `files` holds; `resolve` URLs answer with a redirect to the storage and the hash of the file; the storage knows ranges.
 * What goes wrong is set on it, and what was asked for is kept.
 */
export async function startHub(files: Record<string, Buffer> = {}) {
  const hub = {
    base: '',
    files,
    etag: (bytes: Buffer) => `"${sha256(bytes).slice(0, 16)}"`,
    /** Cuts the connection of the storage's next answers after so many bytes of the body. */
    cutAfter: [] as number[],
    /** Sends so many bytes of the next answers and then nothing more. */
    stallAfter: [] as number[],
    ignoresRanges: false,
    tellsHash: true,
    /** Answers the next requests to the storage with these codes. */
    failWith: [] as number[],
    /** Takes connections and never answers. */
    silent: false,
    /** What the model's card says; null for nothing. */
    license: 'apache-2.0' as string | null,
    /** Answers listings with this code in place of a list, or with these words. */
    listing: null as number | string | null,
    /** Files on one page of a listing. */
    pageSize: 1000,
    /** Files that are small enough for git itself, which tells their blob id in place of a SHA-256. */
    inGit: /\.json$/,
    /** Called when a listing has been answered: the hub may change after that. */
    onListed: () => {},
    requests: [] as { method: string; url: string; range: string | null }[],
    storage: () => hub.requests.filter(({ url }) => url.startsWith('/storage/')),
  };

  function resolve(path: string, bytes: Buffer, response: ServerResponse) {
    const linked = hub.tellsHash
      ? { 'x-linked-etag': `"${sha256(bytes)}"`, 'x-linked-size': String(bytes.length) }
      : {};
    response.writeHead(302, { location: `${hub.base}/storage${path}`, ...linked }).end();
  }

  function serve(bytes: Buffer, request: IncomingMessage, response: ServerResponse) {
    const code = hub.failWith.shift();
    if (code !== undefined) return void response.writeHead(code).end();
    const etag = hub.etag(bytes);
    const [, first] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
    const condition = request.headers['if-range'];
    const partial = first !== undefined && !hub.ignoresRanges && (condition === undefined || condition === etag);
    const start = partial ? Number(first) : 0;
    if (start >= bytes.length)
      return void response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
    const body = bytes.subarray(start);
    response.writeHead(partial ? 206 : 200, {
      etag,
      'content-length': String(body.length),
      ...(partial ? { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {}),
    });
    const cut = hub.cutAfter.shift();
    const stall = hub.stallAfter.shift();
    if (cut !== undefined) response.write(body.subarray(0, cut), () => setTimeout(() => response.destroy(), 20));
    else if (stall !== undefined) response.write(body.subarray(0, stall));
    else response.end(body);
  }

  function list(url: URL, response: ServerResponse) {
    const [, owner, name] = /^\/api\/(?:v1\/)?models\/([^/]+)\/([^/]+)/.exec(url.pathname) ?? [];
    const isMirror = url.pathname.startsWith('/api/v1/');
    const root = isMirror ? `/models/${owner}/${name}/resolve/master/` : `/${owner}/${name}/resolve/main/`;
    const found = Object.entries(hub.files).filter(([path]) => path.startsWith(root));
    if (typeof hub.listing === 'number') return void response.writeHead(hub.listing).end();
    if (typeof hub.listing === 'string') return void response.end(hub.listing);
    if (found.length === 0) return void response.writeHead(404).end('{"error":"Repository not found"}');
    const send = (body: unknown, headers = {}) => void response.writeHead(200, headers).end(JSON.stringify(body));
    const files = found.map(([path, bytes]) => ({ path: decodeURIComponent(path.slice(root.length)), bytes }));
    if (isMirror && url.pathname.endsWith('/repo/files')) {
      const Files = files.map(({ path, bytes }) => ({
        ...{ Path: path, Type: 'blob', Size: bytes.length, IsLFS: true },
        ...(hub.tellsHash ? { Sha256: sha256(bytes) } : {}),
      }));
      send({ Code: 200, Data: { Files: [{ Path: 'folder', Type: 'tree', Size: 0 }, ...Files] } });
    } else if (isMirror) {
      send({ Code: 200, Data: { License: hub.license } });
    } else if (url.pathname.endsWith('/tree/main')) {
      const from = Number(url.searchParams.get('cursor') ?? 0);
      const page = files.slice(from, from + hub.pageSize).map(({ path, bytes }) => {
        const [type, size] = ['file', bytes.length];
        if (!hub.tellsHash) return { type, path, size };
        if (hub.inGit.test(path)) return { type, path, size, oid: gitBlobId(bytes) };
        return { type, path, size, oid: 'f'.repeat(40), lfs: { oid: sha256(bytes), size, pointerSize: 134 } };
      });
      const next = `${hub.base}${url.pathname}?recursive=true&cursor=${from + hub.pageSize}`;
      const more = from + hub.pageSize < files.length ? { link: `<${next}>; rel="next"` } : {};
      send([{ type: 'directory', path: 'folder', size: 0, oid: '0'.repeat(40) }, ...page], more);
      if (!('link' in more)) hub.onListed();
    } else {
      send({ id: `${owner}/${name}`, cardData: hub.license === null ? {} : { license: hub.license } });
    }
  }

  const server = createServer((request, response) => {
    const url = request.url ?? '';
    hub.requests.push({ method: request.method ?? '', url, range: request.headers.range ?? null });
    if (hub.silent) return;
    if (url.startsWith('/api/')) return list(new URL(url, hub.base), response);
    const path = url.replace(/^\/storage/, '');
    const bytes = hub.files[path];
    if (bytes === undefined) response.writeHead(404).end();
    else if (url.startsWith('/storage')) serve(bytes, request, response);
    else resolve(path, bytes, response);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  hub.base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return hub;
}

/** An address of this machine at which nothing listens. */
export async function closedPort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return `http://127.0.0.1:${port}`;
}

/** An HTTP proxy that takes every host for this machine. */
export async function startProxy(): Promise<{ base: string; hosts: string[] }> {
  const hosts: string[] = [];
  const server = createServer();
  server.on('connect', (request, client, head) => {
    const { hostname, port } = new URL(`http://${request.url}`);
    hosts.push(hostname);
    const target = connectSocket(Number(port), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      target.write(head);
      target.pipe(client).pipe(target);
    });
  });
  server.on('request', (request, response) => {
    const { hostname, port, pathname } = new URL(request.url ?? '');
    hosts.push(hostname);
    const onward = { host: '127.0.0.1', port, path: pathname, headers: request.headers };
    get(onward, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, hosts };
}

/** The command of a pip that behaves as `mode` says and delivers the file `wheel`. */
export function fakePip(mode: 'good' | 'slow' | 'absent' | 'offline' | 'refused', wheel: string): string[] {
  return [process.execPath, join(import.meta.dirname, '../support/processes/fake-pip.mjs'), mode, wheel];
}
