import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Port } from '../../contract/client.ts';
import { LonghandError, toStoredError } from '../../contract/errors.ts';
import { SOCKET_PATH, SOCKET_PROTOCOL } from '../socket-port.ts';
import { isFrameScript, openAssets, securityHeaders } from '../assets.ts';
import { refusalsIn } from './refusals.ts';
import { FOLDER_PATH, recogniseFolder } from './shown-folder.ts';
import { receiveUpload, UPLOAD_PATH, type UploadOptions } from './upload.ts';

const MAX_MESSAGE_BYTES = 16 << 20;
const MAX_UNSENT_BYTES = 32 << 20; // a page that sleeps this far behind does better to reconnect and read a snapshot
const MAX_SOCKETS = 64;
const PING_MS = 20_000;
const CLOSE_RESTART = 1012; // "service restart" in the WebSocket registry: the page reconnects at once
const CLOSE_GRACE_MS = 300;
const REFUSED_UPLOAD_MS = 2000;

export type ServerOptions = {
  /** The built page. */
  folder: string;
  token: string;
  /** Opens the same socket for the command line, with a port of `connectClient`. */
  commandToken?: string;
  /** 0 takes a free one. */
  port: number;
  /** Where `PUT /upload/NAME` puts the files that the page sends; without it, nothing is taken. */
  incoming?: () => string;
  /** A new port to the assistant for a page. What it throws closes that page's socket. */
  connectPage(): Port;
  connectClient?(): Port;
  /** Where a folder that was dropped is looked for, instead of the home folder. */
  home?: () => string;
  /** Called with the path of every file that the page has sent, and of every folder that it has been given. */
  onPath?(path: string): void;
  /** Called with the number of open pages whenever it changes. */
  onPages?(count: number): void;
  pingMs?: number;
  uploads?: UploadOptions;
};

export type Server = { readonly address: string; close(): Promise<void> };

/**
 * Serves the page on 127.0.0.1 and relays its WebSockets to the assistant, message by message and unread. Whoever has
 * not this very host in the address bar is refused, and without the token there is nothing but the page's own files.
 * `PUT /upload/NAME` with the token as bearer takes a file from the page and answers `{ path }`, or an error of ours. So does
 * `PUT /folder` with what the page was shown of a folder; its path is null where it is not found.
 * @throws LonghandError `port-in-use`
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  const assets = openAssets(options.folder);
  const hosts = new Set<string>();
  const http = createServer((request, response) => void answer(request, response));
  http.maxConnections = 4 * MAX_SOCKETS;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    handleProtocols: () => SOCKET_PROTOCOL, // never the token, which browsers would take as the chosen protocol
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').replace(/\?.*$/s, '');
    const headers = securityHeaders(`'self' ws://${request.headers.host ?? ''}`, path);
    const words = refusalsIn(request.headers['accept-language']);
    const refuse = (status: number, text: string, more: Record<string, string> = {}) =>
      void response
        .writeHead(status, { ...headers, 'content-type': 'text/plain; charset=utf-8', connection: 'close', ...more })
        .end(text);
    if (!isOurs(request, hosts) && !isFrames(request, hosts, path)) return refuse(403, words.address);
    if (path.startsWith(UPLOAD_PATH) || path === FOLDER_PATH) return take(request, response, headers);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return refuse(405, words.method, { allow: 'GET, HEAD' });
    }
    const asset = await assets.read(path);
    if (asset === null) return refuse(404, words.missing);
    response.writeHead(200, {
      ...headers,
      'content-type': asset.contentType,
      'content-length': asset.body.byteLength,
      'cache-control': asset.isHashed ? 'max-age=31536000, immutable' : 'no-cache',
    });
    response.end(request.method === 'HEAD' ? undefined : asset.body);
  }

  /** Takes a file or a folder from the page. */
  async function take(request: IncomingMessage, response: ServerResponse, headers: Record<string, string>) {
    const reply = (status: number, body: object) => {
      response.writeHead(status, { ...headers, 'content-type': 'application/json', connection: 'close' });
      response.end(JSON.stringify(body));
      // A page reads what we say only while its file is taken from it; some seconds of that are enough.
      request.resume();
      setTimeout(() => request.destroy(), REFUSED_UPLOAD_MS).unref();
    };
    const { authorization = '', origin } = request.headers;
    const token = /^Bearer (\S+)$/.exec(authorization)?.[1];
    if (origin === undefined || token === undefined || !isSame(token, options.token)) {
      return reply(403, toStoredError(new LonghandError('unauthorised', 'The upload did not come from our page.')));
    }
    if (request.method !== 'PUT') return reply(405, toStoredError(new LonghandError('invalid-input', 'Use PUT.')));
    if (options.incoming === undefined) {
      return reply(404, toStoredError(new LonghandError('not-found', 'No files are taken here.')));
    }
    try {
      const isFolder = request.url === FOLDER_PATH;
      const path = isFolder
        ? await recogniseFolder(request, options.home?.())
        : await receiveUpload(request, options.incoming(), options.uploads);
      if (path !== null) options.onPath?.(path);
      reply(200, { path });
    } catch (error) {
      if (!response.destroyed) reply(statusOf(error), toStoredError(error));
    }
  }

  http.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    stream.on('error', () => stream.destroy());
    const refusal = whyRefused(request);
    if (refusal !== null) {
      const lines = [`HTTP/1.1 ${refusal}`, 'Connection: close', 'Content-Length: 0', '', ''];
      stream.end(lines.join('\r\n'), () => stream.destroy());
      return;
    }
    sockets.handleUpgrade(request, stream, head, (socket) => {
      relay(socket, isCommand(request) ? options.connectClient! : options.connectPage);
      options.onPages?.(sockets.clients.size);
      socket.on('close', () => options.onPages?.(sockets.clients.size));
    });
  });

  function whyRefused(request: IncomingMessage): string | null {
    // Every browser names the origin of the page that opens a socket; the command line does the same.
    if (!isOurs(request, hosts) || request.headers.origin === undefined) return '403 Forbidden';
    if (request.url !== SOCKET_PATH) return '404 Not Found';
    const [protocol, token, ...more] = (request.headers['sec-websocket-protocol'] ?? '').split(/, */);
    if (protocol !== SOCKET_PROTOCOL || token === undefined || more.length > 0) return '403 Forbidden';
    if (!isSame(token, options.token) && !isCommand(request)) return '403 Forbidden';
    return sockets.clients.size < MAX_SOCKETS ? null : '503 Service Unavailable';
  }

  function isCommand(request: IncomingMessage): boolean {
    const { commandToken, connectClient } = options;
    if (commandToken === undefined || connectClient === undefined) return false;
    return isSame(request.headers['sec-websocket-protocol']?.split(/, */)[1] ?? '', commandToken);
  }

  const port = await listen(http, options.port);
  for (const name of ['127.0.0.1', 'localhost']) hosts.add(`${name}:${port}`);
  const pinging = setInterval(() => dropDead(sockets.clients), options.pingMs ?? PING_MS);
  return {
    address: `http://127.0.0.1:${port}`,
    async close() {
      clearInterval(pinging);
      const closed = new Promise((resolve) => http.close(resolve));
      for (const socket of sockets.clients) socket.close(1001, 'Longhand has ended');
      const timer = setTimeout(() => {
        for (const socket of sockets.clients) socket.terminate();
        http.closeAllConnections();
      }, CLOSE_GRACE_MS);
      http.closeIdleConnections();
      await closed;
      clearTimeout(timer);
    },
  };
}

/** True for a request to the very address that we serve, made by our own page or by no page at all. */
function isOurs({ headers: { host = '', origin } }: IncomingMessage, hosts: Set<string>): boolean {
  return hosts.has(host) && (origin === undefined || origin === `http://${host}`);
}

function statusOf(error: unknown): number {
  if (!(error instanceof LonghandError)) return 500;
  return error.code === 'disk-full' ? 507 : error.code === 'invalid-input' ? 400 : 500;
}

/** True for the frame that draws diagrams, which has no origin to name, when it asks for its own scripts. */
function isFrames({ headers: { host = '', origin } }: IncomingMessage, hosts: Set<string>, path: string): boolean {
  return hosts.has(host) && origin === 'null' && isFrameScript(path);
}

/** Compares in a time that tells nothing, not even about lengths. */
function isSame(given: string, token: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}

const answered = new WeakSet<WebSocket>();

function relay(socket: WebSocket, open: () => Port): void {
  socket.on('error', () => socket.terminate());
  let port: Port;
  try {
    port = open();
  } catch {
    socket.close(1011, 'The assistant does not run');
    return;
  }
  answered.add(socket);
  socket.on('pong', () => answered.add(socket));
  socket.on('message', (data: Buffer, isBinary: boolean) => port.postMessage(isBinary ? data : data.toString()));
  socket.on('close', () => port.close?.());
  port.addEventListener('message', ({ data }) => {
    socket.send(data as string | Uint8Array);
    if (socket.bufferedAmount > MAX_UNSENT_BYTES) socket.terminate();
  });
  port.addEventListener('close', () => socket.close(CLOSE_RESTART, 'The assistant was restarted'));
  port.start?.();
}

/** Ends the sockets that left the last ping unanswered, such as those of a machine that went to sleep. */
function dropDead(sockets: Iterable<WebSocket>): void {
  for (const socket of sockets) {
    if (!answered.delete(socket)) socket.terminate();
    else socket.ping();
  }
}

function listen(http: ReturnType<typeof createServer>, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  http.once('error', (error: NodeJS.ErrnoException) => reject(explainListen(error, port)));
  http.listen(port, '127.0.0.1', () => resolve((http.address() as AddressInfo).port));
  return promise;
}

function explainListen(error: NodeJS.ErrnoException, port: number): Error {
  const advice = 'Name another with --port, or leave --port out and a free one is taken.';
  const details = { port, reason: error.code };
  if (error.code === 'EADDRINUSE') {
    return new LonghandError('port-in-use', `Port ${port} is in use by another program. ${advice}`, details);
  }
  if (error.code === 'EACCES') {
    return new LonghandError('port-in-use', `Port ${port} may not be opened by this user. ${advice}`, details);
  }
  return error;
}
