import { lookup } from 'node:dns';
import { lookup as lookUp } from 'node:dns/promises';
import { open } from 'node:fs/promises';
import { Agent as HttpAgent, request as requestHttp, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { extname, join } from 'node:path';
import { pipeline, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { CODE_ENDINGS } from '../../contract/endings.ts';
import { LonghandError } from '../../contract/errors.ts';
import { isDiskFull } from '../../../native-models/files.ts';
import { isPublic } from './public-address.ts';

/** Why nothing was fetched from an address; the words for it are the shells'. */
export type AddressReason =
  | 'not-an-address'
  | 'private'
  | 'insecure'
  | 'redirects'
  | 'status'
  | 'type'
  | 'too-large'
  | 'too-slow'
  | 'unreachable';

export type FetchAddress = {
  /** Hosts, with their ports where those are no usual ones, that the user has agreed to. */
  hosts: readonly string[];
  /** Where the file comes to lie. */
  folder: string;
  signal: AbortSignal;
};

/** `total` is null where the host does not tell. */
export type ByteProgress = { type: 'progress'; done: number; total: number | null };

export type AddressFetcherOptions = {
  env: NodeJS.ProcessEnv;
  log(line: string): void;
  /** For tests: which IP addresses may be reached. */
  mayReach?: ((address: string) => boolean) | undefined;
  /** For tests: how long all of it, and how long the next piece, may take. */
  wholeMs?: number | undefined;
  stallMs?: number | undefined;
};

const MOST_BYTES = 100_000_000;
const MOST_REDIRECTS = 5;
const WHOLE_MS = 120_000;
const STALL_MS = 20_000;
const TELL_EVERY_MS = 100;

/** How a document of a type is called, so that the reader knows it; null: by the ending in the address. */
const ENDINGS: Record<string, string | null> = {
  'text/html': '.html',
  'application/xhtml+xml': '.html',
  'application/pdf': '.pdf',
  'application/epub+zip': '.epub',
  'application/zip': '.zip',
  'application/json': '.json',
  'application/xml': '.xml',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': '.docx',
  'application/vnd.openxmlformats-officedocument.presentationml.presentation': '.pptx',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': '.xlsx',
  'application/vnd.oasis.opendocument.text': '.odt',
  'message/rfc822': '.eml',
  'text/csv': '.csv',
  'text/markdown': '.md',
  'image/png': '.png',
  'image/jpeg': '.jpg',
  'image/webp': '.webp',
  'image/tiff': '.tiff',
  'application/octet-stream': null,
  'binary/octet-stream': null,
};
const UNPACKERS: Record<string, () => Transform> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/**
 * Fetches a document from an address of the public internet, from hosts that the user has agreed to and no others. What is sent is
 * the request for the address: no cookie, no referrer, no language, nothing of what the user has.
 */
export class AddressFetcher {
  readonly #options: AddressFetcherOptions;
  readonly #mayReach: (address: string) => boolean;

  constructor(options: AddressFetcherOptions) {
    this.#options = options;
    this.#mayReach = options.mayReach ?? isPublic;
  }

  /**
   * @returns where the file lies, and the address that it came from in the end
   * @throws LonghandError `host-not-allowed` with the `host` to ask about | `address-not-fetched` with a `reason` | `disk-full`, or
   *   `signal.reason`
   */
  async *fetch(
    address: string,
    { hosts, folder, signal }: FetchAddress,
  ): AsyncGenerator<ByteProgress, { path: string; url: string }> {
    const stop = new AbortController(); // whoever leaves this loop hangs up
    const late = AbortSignal.timeout(this.#options.wholeMs ?? WHOLE_MS);
    const limits = AbortSignal.any([signal, late, stop.signal]);
    let url = parse(address);
    try {
      for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
        if (!hosts.includes(url.host)) throw notAllowed(url, redirects === 0 ? null : address);
        const response = await this.#request(url, limits);
        const to = redirectOf(response);
        if (to !== null) {
          response.destroy();
          url = next(url, to);
          continue;
        }
        const path = join(folder, nameOf(url, response));
        yield* this.#save(response, path, url);
        return { path, url: url.href };
      }
      throw refused(url, 'redirects');
    } catch (error) {
      signal.throwIfAborted();
      if (late.aborted) throw refused(url, 'too-slow');
      if (error instanceof LonghandError || isDiskFull(error)) throw error;
      throw refused(url, 'unreachable', { problem: problemOf(error) }, error);
    } finally {
      stop.abort();
    }
  }

  async #request(url: URL, signal: AbortSignal): Promise<IncomingMessage> {
    const options: RequestOptions = {
      headers: { 'user-agent': 'Longhand', accept: '*/*', 'accept-encoding': 'identity' },
      signal,
      timeout: this.#options.stallMs ?? STALL_MS,
      ...(await this.#route(url)),
    };
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, options, resolve);
    request.on('error', reject);
    // Whatever waits for the host at that moment, for its answer or for more of it, hears that it has fallen silent.
    let response: IncomingMessage | null = null;
    request.on('timeout', () => (response ?? request).destroy(refused(url, 'too-slow')));
    request.end();
    response = await promise;
    this.#options.log(`network: asked ${url.host} for a document: ${response.statusCode}`);
    return response;
  }

  /**
   * How the host is reached. A name is looked up once, at the connection itself, so that it can't be a public one when it is looked
   * at and a private one when it is used. Through a proxy only that one knows; what can be looked up here is refused all the same.
   */
  async #route(url: URL): Promise<Pick<RequestOptions, 'lookup' | 'agent'>> {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0 && !this.#mayReach(host)) throw refused(url, 'private');
    if (this.#isProxied(url)) {
      const found = await lookUp(host, { all: true }).catch(() => []);
      if (found.some(({ address }) => !this.#mayReach(address))) throw refused(url, 'private');
      return {};
    }
    const agent = url.protocol === 'https:' ? new HttpsAgent() : new HttpAgent();
    return { agent, lookup: this.#lookup(url) };
  }

  #lookup(url: URL): LookupFunction {
    return (host, options, callback) => {
      lookup(host, { ...options, all: true }, (error, found) => {
        if (error !== null) return callback(error, '', 0);
        const [first] = found;
        if (first === undefined || found.some(({ address }) => !this.#mayReach(address))) {
          return callback(refused(url, 'private'), '', 0);
        }
        if (options.all === true) callback(null, found);
        else callback(null, first.address, first.family);
      });
    };
  }

  #isProxied({ protocol }: URL): boolean {
    const { env } = this.#options;
    const names = protocol === 'https:' ? ['HTTPS_PROXY', 'https_proxy'] : ['HTTP_PROXY', 'http_proxy'];
    return names.some((name) => (env[name] ?? '') !== '');
  }

  async *#save(response: IncomingMessage, path: string, url: URL): AsyncGenerator<ByteProgress, void> {
    const length = Number(response.headers['content-length'] ?? Number.NaN);
    const unpack = UNPACKERS[(response.headers['content-encoding'] ?? '').toLowerCase()]?.();
    const total = Number.isFinite(length) && unpack === undefined ? length : null;
    if (response.statusCode !== 200) throw refused(url, 'status', { status: response.statusCode });
    if ((total ?? 0) > MOST_BYTES) throw tooLarge(url);
    // What breaks the one breaks the other, whose reader hears of it.
    if (unpack !== undefined) pipeline(response, unpack, () => {});
    const file = await open(path, 'wx', 0o600);
    let [done, toldMs] = [0, -Infinity];
    try {
      for await (const chunk of (unpack ?? response) as AsyncIterable<Buffer>) {
        done += chunk.length;
        if (done > MOST_BYTES) throw tooLarge(url);
        await file.writeFile(chunk);
        if (performance.now() - toldMs < TELL_EVERY_MS) continue;
        toldMs = performance.now();
        yield { type: 'progress', done, total };
      }
    } finally {
      await file.close();
    }
  }
}

/** The host of an address as it is agreed to: with its port, where that is no usual one. @throws LonghandError `address-not-fetched` */
export const hostOf = (address: string): string => parse(address).host;

function parse(address: string): URL {
  const url = URL.parse(address.trim());
  const isFit = url !== null && ['http:', 'https:'].includes(url.protocol) && url.host !== '';
  if (!isFit || url.username !== '' || url.password !== '') {
    const message = `${address} is no address that begins with http:// or https://, without a name and password in it.`;
    throw new LonghandError('address-not-fetched', message, { address, reason: 'not-an-address' });
  }
  url.hash = '';
  return url;
}

function redirectOf({ statusCode = 0, headers }: IncomingMessage): string | null {
  return statusCode >= 300 && statusCode < 400 ? (headers.location ?? null) : null;
}

function next(from: URL, location: string): URL {
  const to = URL.parse(location, from.href);
  if (to === null) throw refused(from, 'unreachable');
  const url = parse(to.href);
  if (from.protocol === 'https:' && url.protocol === 'http:') throw refused(url, 'insecure');
  return url;
}

/** What the file is called: by its place in the address, with the ending of its type. @throws LonghandError `address-not-fetched` */
function nameOf(url: URL, { headers }: IncomingMessage): string {
  const type = (headers['content-type'] ?? 'application/octet-stream').split(';')[0]!.trim().toLowerCase();
  const place = decoded(url.pathname.split('/').findLast((part) => part !== '') ?? '');
  const name = (place === '' ? url.hostname : place).replace(/[\p{Cc}/\\:]+/gu, ' ').slice(-150);
  const own = extname(name).toLowerCase();
  const known = ENDINGS[type];
  if (known === undefined && !type.startsWith('text/')) throw refused(url, 'type', { found: type });
  if (known === undefined) {
    // Some other text: verbatim as its ending says, or plain.
    return own === '.txt' || own === '.md' || CODE_ENDINGS.has(own.slice(1)) ? name : `${name}.txt`;
  }
  const isSaid =
    known === null || own === known || (known === '.html' && own === '.htm') || (known === '.jpg' && own === '.jpeg');
  return isSaid ? name : `${name}${known}`;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function notAllowed({ host, href }: URL, from: string | null): LonghandError {
  const message = `${host} was not asked for ${href}, because nobody has agreed to that.`;
  return new LonghandError('host-not-allowed', message, { host, address: href, from });
}

const MESSAGES: Record<Exclude<AddressReason, 'not-an-address'>, string> = {
  private: 'it leads to this machine or its own network',
  insecure: 'it leads from an encrypted address to one that is not',
  redirects: 'it leads from address to address, without an end',
  status: 'the host has no document there',
  type: 'what is there is no document',
  'too-large': 'it is larger than 100 MB',
  'too-slow': 'it takes too long',
  unreachable: 'the host can’t be reached',
};

function refused(
  { href, host }: URL,
  reason: keyof typeof MESSAGES,
  details: Record<string, string | number | undefined> = {},
  cause?: unknown,
): LonghandError {
  const told = [details.status, details.found, details.problem].find((one) => one !== undefined);
  const message = `${href} was not fetched: ${MESSAGES[reason]}${told === undefined ? '' : ` (${told})`}.`;
  return new LonghandError('address-not-fetched', message, { address: href, host, reason, ...details }, { cause });
}

const tooLarge = (url: URL) => refused(url, 'too-large', { limitBytes: MOST_BYTES });

const problemOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
