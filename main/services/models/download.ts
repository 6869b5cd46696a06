import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, open, rename, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { LonghandError } from '../../contract/errors.ts';
import { explainWrite, requireSpace, sizeOf, type FreeBytes } from './disk.ts';
import { hashFile } from '../../../native-models/files.ts';

export type DownloadOptions = {
  signal: AbortSignal;
  /** 'download', then 'check'; bytes. */
  onProgress(step: { stage: 'download' | 'check'; done: number; total: number | null }): void;
  /** What the file must hash to; null where the source does not tell, and then only its size is known to be right. */
  sha256: string | null;
  /** Room that must be left besides the file, for what is made of it. */
  reserveBytes?: number;
  /** A connection that brings nothing for so long is made anew. */
  stallMs?: number;
  /** Waits before each further attempt; more failures in a row than these, without a byte between them, end it. */
  retryMs?: readonly number[];
  freeBytes?: FreeBytes;
};

const STALL_MS = 20_000;
const RETRY_MS = [500, 1000, 2000, 4000, 8000, 15_000, 30_000, 30_000, 30_000];

const partState = z.object({ url: z.string(), etag: z.string().nullable(), sizeBytes: z.number().nullable() });
type PartState = z.infer<typeof partState>;
type Attempt = Required<Pick<DownloadOptions, 'reserveBytes' | 'stallMs'>> &
  DownloadOptions & { part: string; url: string };

/**
 * Downloads `url` to `path`, which exists whole and checked or not at all. What has come lies in `<path>.part`; after a
 * lost connection, a stall or a restart of the app the rest is asked for, and the source says whether the file is
 * still the same.
 * @throws LonghandError `offline` | `download-failed` | `checksum-mismatch` | `disk-full`, or `signal.reason`
 */
export async function download(url: string, path: string, options: DownloadOptions): Promise<void> {
  const { signal, onProgress, sha256, retryMs = RETRY_MS } = options;
  const part = partOf(path);
  const attempt: Attempt = { reserveBytes: 0, stallMs: STALL_MS, ...options, part, url };
  await mkdir(dirname(path), { recursive: true });

  for (let failures = 0; ;) {
    const before = sizeOf(part) ?? 0;
    try {
      await fetchRest(attempt);
      break;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Interruption)) throw error;
      if ((sizeOf(part) ?? 0) > before) failures = 0;
      const delayMs = retryMs[failures++];
      if (delayMs === undefined) throw error.explain(url);
      await sleep(delayMs, undefined, { signal });
    }
  }

  const total = sizeOf(part) ?? 0;
  const found = await hashFile(part, { signal, onProgress: (done) => onProgress({ stage: 'check', done, total }) });
  if (sha256 !== null && found !== sha256) {
    discardPart(path);
    const message = `${url} did not arrive as it was published (SHA-256 ${found}, expected ${sha256}). It was deleted.`;
    throw new LonghandError('checksum-mismatch', message, { url, expected: sha256, found });
  }
  await rename(part, path);
  discardPart(path);
}

/** Removes what an unfinished download of `path` left. */
export function discardPart(path: string): void {
  rmSync(partOf(path), { force: true });
  rmSync(stateOf(partOf(path)), { force: true });
}

/** The connection failed, not the download: it is worth another attempt. */
class Interruption extends Error {
  explain(url: string): LonghandError {
    const { host } = new URL(url);
    const reason = describe(this.cause) ?? this.message;
    const code = isNoNetwork(this.cause) ? 'offline' : 'download-failed';
    const message = `${host} could not be reached (${reason}). Check the network, or the proxy settings, and try again.`;
    return new LonghandError(code, message, { url, reason }, { cause: this });
  }
}

/** One connection: brings what is missing of the part, or fails with what it got kept. */
async function fetchRest({ url, part, signal, stallMs, reserveBytes, freeBytes, onProgress }: Attempt): Promise<void> {
  const known = readState(part, url);
  const have = known === null ? 0 : (sizeOf(part) ?? 0);
  const stall = new AbortController();
  let timer = setTimeout(() => stall.abort(), stallMs);
  const stillComing = () => {
    clearTimeout(timer);
    timer = setTimeout(() => stall.abort(), stallMs);
  };
  let file: FileHandle | null = null;
  let missing = 0;
  try {
    const response = await fetch(url, {
      headers: { 'accept-encoding': 'identity', ...rangeHeaders(have, known) },
      signal: AbortSignal.any([signal, stall.signal]),
    });
    const start = startOf(response, have, known);
    if (start === 'whole') return;
    if (start === 'anew') {
      discardState(part);
      throw new Interruption('the file has changed at its source');
    }
    const sizeBytes = totalOf(response);
    missing = (sizeBytes ?? 0) - start;
    await requireSpace(dirname(part), missing + reserveBytes, freeBytes);
    writeState(part, { url, etag: response.headers.get('etag'), sizeBytes });
    file = await open(part, start === 0 ? 'w' : 'r+');
    await file.truncate(start);

    let done = start;
    onProgress({ stage: 'download', done, total: sizeBytes });
    for await (const chunk of response.body ?? []) {
      stillComing();
      for (let at = 0; at < chunk.length;)
        at += (await file.write(chunk, at, chunk.length - at, done + at)).bytesWritten;
      done += chunk.length;
      onProgress({ stage: 'download', done, total: sizeBytes });
    }
    if (sizeBytes !== null && done !== sizeBytes)
      throw new Interruption(`it ended after ${done} of ${sizeBytes} bytes`);
    await file.sync();
  } catch (error) {
    if (error instanceof LonghandError || error instanceof Interruption || signal.aborted) throw error;
    const explained = await explainWrite(error, dirname(part), missing, freeBytes);
    if (explained instanceof LonghandError) throw explained;
    throw new Interruption(stall.signal.aborted ? `nothing came for ${stallMs / 1000} s` : 'the connection broke', {
      cause: stall.signal.aborted ? undefined : error,
    });
  } finally {
    clearTimeout(timer);
    await file?.close();
  }
}

/** A weak ETag promises no equal bytes, and If-Range may not carry it (RFC 9110, section 13.1.5). */
function rangeHeaders(have: number, known: PartState | null): Record<string, string> {
  if (have === 0) return {};
  const etag = known?.etag ?? null;
  return { range: `bytes=${have}-`, ...(etag !== null && !etag.startsWith('W/') ? { 'if-range': etag } : {}) };
}

/** Where in the file the body begins; 'whole' when nothing is missing, 'anew' when the kept part belongs to another file. */
function startOf(response: Response, have: number, known: PartState | null): number | 'whole' | 'anew' {
  const { status, headers } = response;
  const [, first, total] = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(headers.get('content-range') ?? '') ?? [];
  if (status === 200) return 0; // it ignores ranges, or the file is another one now: all of it comes
  if (status === 206) {
    const isSame = known?.etag === headers.get('etag') && String(known?.sizeBytes) === total;
    return Number(first) === have && isSame ? have : 'anew';
  }
  if (status === 416) return Number(total) === have && known?.sizeBytes === have ? 'whole' : 'anew';
  const answer = `${status} ${response.statusText}`.trim();
  if (status >= 500 || status === 429 || status === 408) throw new Interruption(`it answered ${answer}`);
  const message = `${new URL(response.url).host} refused ${response.url} (${answer}).`;
  throw new LonghandError('download-failed', message, { url: response.url, status });
}

function totalOf({ headers, status }: Response): number | null {
  const text = status === 206 ? headers.get('content-range')?.split('/')[1] : headers.get('content-length');
  const total = Number(text ?? Number.NaN);
  return Number.isSafeInteger(total) ? total : null;
}

const partOf = (path: string) => `${path}.part`;
const stateOf = (part: string) => `${part}.json`;
const discardState = (part: string) => rmSync(stateOf(part), { force: true });
const writeState = (part: string, state: PartState) => writeFileSync(stateOf(part), JSON.stringify(state));

/** Null when the part cannot be gone on with: another source, or a state that a crash cut short. */
function readState(part: string, url: string): PartState | null {
  try {
    const state = partState.parse(JSON.parse(readFileSync(stateOf(part), 'utf8')));
    return state.url === url ? state : null;
  } catch {
    return null;
  }
}

function isNoNetwork(error: unknown): boolean {
  const text = describe(error) ?? '';
  return /ENOTFOUND|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|ENETDOWN|ECONNREFUSED/.test(text);
}

/** `fetch` hides the reason in the cause of its TypeError. */
function describe(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  const code = 'code' in error ? String(error.code) : null;
  return describe(error.cause) ?? code ?? error.message;
}
