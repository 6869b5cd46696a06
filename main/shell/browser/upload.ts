import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { Transform, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { LonghandError } from '../../contract/errors.ts';
import { freeBytes, isDiskFull } from '../../../native-models/files.ts';

export const UPLOAD_PATH = '/upload/';

/** What stays free for the database, which must not run out of room because of a copy. */
const RESERVED_BYTES = 64 << 20;
const MAX_NAME_CHARACTERS = 120;

export type UploadOptions = { free?: (folder: string) => Promise<number> };

/**
 * Receives a file from the page, which has no path to offer, into a folder of its own or its group's below `incoming`. The copy exists
 * whole or not at all. Whoever imports it removes it.
 * @returns its path
 * @throws LonghandError `disk-full` with both figures, `invalid-input` for a name that is none, `cancelled` when the page
 *   went away in the middle
 */
export async function receiveUpload(
  request: IncomingMessage,
  incoming: string,
  { free = freeBytes }: UploadOptions = {},
): Promise<string> {
  const name = uploadName(request.url ?? '');
  await mkdir(incoming, { recursive: true, mode: 0o700 });
  const room = (await free(incoming)) - RESERVED_BYTES;
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > room) throw full(incoming, announced, room);
  const group = groupOf(request.url ?? '');
  const folder = join(incoming, group ?? randomUUID());
  const path = join(folder, name);
  try {
    await mkdir(folder, { mode: 0o700, recursive: group !== null });
    const limit = new Limit(room, () => full(incoming, announced, room));
    await pipeline(request, limit, createWriteStream(path, { flags: 'wx', mode: 0o600 }));
    if (!request.complete) throw new LonghandError('cancelled', 'The upload ended early.');
    return path;
  } catch (error) {
    // Of a group, only this file: one that was there under its name already is another's.
    const isTaken = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    if (group === null) await rm(folder, { recursive: true, force: true });
    else if (!isTaken) await rm(path, { force: true });
    throw explain(error, incoming, announced, room);
  }
}

/** Files of one checkpoint come with the same UUID and lie in one folder. @throws LonghandError `invalid-input` */
export function groupOf(url: string): string | null {
  const group = new URLSearchParams(/\?([^#]*)/s.exec(url)?.[1] ?? '').get('group');
  if (group === null || /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(group)) return group;
  throw new LonghandError('invalid-input', 'The group of the file cannot be read.', { group: group.slice(0, 100) });
}

/** The file's own name, without anything that leads elsewhere. @throws LonghandError `invalid-input` */
export function uploadName(url: string): string {
  const raw = url.slice(UPLOAD_PATH.length).replace(/[?#].*$/s, '');
  let name: string;
  try {
    name = decodeURIComponent(raw);
  } catch {
    throw new LonghandError('invalid-input', 'The name of the file cannot be read.', { name: raw });
  }
  const plain = name
    .normalize('NFC')
    .replace(/[\p{C}\p{Zl}\p{Zp}/\\:*?"<>|]+/gu, '_')
    .replace(/^[._ ]+|[. ]+$/gu, '');
  // The end says what kind of file it is, so a name that is too long loses its beginning.
  const short = [...plain]
    .slice(-MAX_NAME_CHARACTERS)
    .join('')
    .replace(/^[._ ]+/u, '');
  if (short === '') throw new LonghandError('invalid-input', 'The file has no name.', { name });
  // Windows takes a few names for devices, whatever follows the first full stop.
  return /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/iu.test(short) ? `file-${short}` : short;
}

/** Ends a stream that carries more than there is room for: a length need not be told, nor be true. */
class Limit extends Transform {
  #left: number;
  readonly #problem: () => Error;

  constructor(bytes: number, problem: () => Error) {
    super();
    this.#left = bytes;
    this.#problem = problem;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#left -= chunk.length;
    if (this.#left < 0) done(this.#problem());
    else done(null, chunk);
  }
}

function full(path: string, neededBytes: number, room: number): LonghandError {
  const free = Math.max(0, room);
  const message = `There is not enough room for the file: ${(free / 1e9).toFixed(1)} GB are free.`;
  return new LonghandError('disk-full', message, { path, neededBytes, freeBytes: free });
}

function explain(error: unknown, incoming: string, announced: number, room: number): unknown {
  if (isDiskFull(error)) return full(incoming, announced, room);
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code !== 'ECONNRESET' && code !== 'ERR_STREAM_PREMATURE_CLOSE') return error;
  return new LonghandError('cancelled', 'The upload ended early.', {}, { cause: error });
}
