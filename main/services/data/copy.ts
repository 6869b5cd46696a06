import { createHash } from 'node:crypto';
import {
  appendFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { z } from 'zod';
import { LonghandError } from '../../contract/errors.ts';
import { hashFile } from '../../../native-models/files.ts';
import { flushFolder, writeWhole } from './flush.ts';
import { MARKER, ORIGIN, PROFILES } from './place.ts';

/** In a copy: a line for every file that is whole in it and on the disk. */
export const COPIED = 'moved-files.jsonl';
export const DATABASE = 'longhand.db';

const SLICE_BYTES = 1 << 20;

/** What belongs to the running program, or is copied in another way. */
const LEFT_OUT: readonly RegExp[] = [
  /^longhand\.db(-wal|-shm|-journal)?$/,
  /^lock\.(db|db-journal|pid)$/,
  /^instance\.json/,
  /^\.doctor$/,
  /^cache$/,
];
const OURS: readonly string[] = [MARKER, `${MARKER}.draft`, ORIGIN, COPIED, ...PROFILES];

const copied = z.object({ path: z.string(), sizeBytes: z.number(), mtimeMs: z.number(), sha256: z.string() });
/** `path` is below the folder, with forward slashes; the size and the time are the original's. */
export type Copied = z.infer<typeof copied>;

type Found = { path: string; sizeBytes: number; mtimeMs: number; mode: number; kind: 'file' | 'folder' | 'link' };

export type CopyOptions = {
  signal: AbortSignal;
  /** Called with the bytes that are in the copy by now. */
  onProgress(doneBytes: number): void;
};

/** Everything in a data folder but its database, folders before what is in them. */
export function contentsOf(folder: string): Found[] {
  const found: Found[] = [];
  const look = (below: string) => {
    for (const name of readdirSync(join(folder, below)).toSorted()) {
      if (below === '' && (OURS.includes(name) || LEFT_OUT.some((pattern) => pattern.test(name)))) continue;
      const path = below === '' ? name : `${below}/${name}`;
      const stats = lstatSync(join(folder, path), { throwIfNoEntry: false });
      if (stats === undefined) continue; // gone meanwhile
      const kind = stats.isDirectory() ? 'folder' : stats.isSymbolicLink() ? 'link' : stats.isFile() ? 'file' : null;
      if (kind === null) continue; // a socket or a pipe holds no data
      const sizeBytes = kind === 'file' ? stats.size : 0;
      found.push({ path, sizeBytes, mtimeMs: stats.mtimeMs, mode: stats.mode, kind });
      if (kind === 'folder') look(path);
    }
  };
  look('');
  return found;
}

/**
 * Makes `to` a copy of what `contentsOf(from)` finds. Every file is read back and compared by SHA-256 with what was read
 * of the original, and is on the disk before it is noted; a copy that was broken off is gone on with.
 * @throws LonghandError `checksum-mismatch`, with the file; `signal.reason`; the system's error
 */
export async function copyContents(from: string, to: string, { signal, onProgress }: CopyOptions): Promise<void> {
  mkdirSync(to, { recursive: true, mode: 0o700 });
  appendFileSync(join(to, COPIED), ''); // by this the folder is known to be ours
  const known = new Map(readCopied(to).map((one) => [one.path, one]));
  const found = contentsOf(from);
  removeOthers(to, found);
  const kept: Copied[] = [];
  let done = 0;
  for (const one of found) {
    signal.throwIfAborted();
    const target = join(to, one.path);
    if (one.kind === 'folder') mkdirSync(target, { recursive: true, mode: one.mode & 0o777 });
    else if (one.kind === 'link') copyLink(from, one.path, target);
    else {
      let entry = known.get(one.path);
      if (!isStill(entry, one) || lstatSync(target, { throwIfNoEntry: false })?.size !== one.sizeBytes) {
        const sha256 = await copyFile(join(from, one.path), target, one, {
          signal,
          onProgress: (bytes) => onProgress(done + bytes),
        });
        entry = { path: one.path, sizeBytes: one.sizeBytes, mtimeMs: one.mtimeMs, sha256 };
        appendFileSync(join(to, COPIED), `${JSON.stringify(entry)}\n`);
      }
      kept.push(entry);
    }
    done += one.sizeBytes;
    onProgress(done);
  }
  for (const one of found) if (one.kind === 'folder') flushFolder(join(to, one.path));
  writeWhole(join(to, COPIED), kept.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
}

/** A last line that a kill cut off is left out, and its file copied again. */
export function readCopied(folder: string): Copied[] {
  let text: string;
  try {
    text = readFileSync(join(folder, COPIED), 'utf8');
  } catch {
    return [];
  }
  return text.split('\n').flatMap((line) => {
    try {
      return [copied.parse(JSON.parse(line))];
    } catch {
      return [];
    }
  });
}

async function copyFile(from: string, to: string, one: Found, options: CopyOptions): Promise<string> {
  const hash = createHash('sha256');
  const source = await open(from, 'r');
  try {
    const target = await open(to, 'w', one.mode & 0o777);
    try {
      const buffer = new Uint8Array(SLICE_BYTES);
      for (let done = 0; ;) {
        options.signal.throwIfAborted();
        const { bytesRead } = await source.read(buffer, 0, buffer.length, done);
        if (bytesRead === 0) break;
        const slice = buffer.subarray(0, bytesRead);
        hash.update(slice);
        for (let written = 0; written < bytesRead;)
          written += (await target.write(slice, written, bytesRead - written, done + written)).bytesWritten;
        done += bytesRead;
        options.onProgress(done);
      }
      await target.utimes(one.mtimeMs / 1000, one.mtimeMs / 1000);
      await target.sync();
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
  const expected = hash.digest('hex');
  const found = await hashFile(to, { signal: options.signal });
  if (found === expected) return expected;
  const message = `${to} is not what was written to it. Check that disk; nothing was moved.`;
  throw new LonghandError('checksum-mismatch', message, { path: to, expected, found });
}

/** A link goes on leading to what it led to: inside of the folder to the copy of that. */
function copyLink(folder: string, path: string, to: string): void {
  const here = dirname(join(folder, path));
  const leads = resolve(here, readlinkSync(join(folder, path)));
  rmSync(to, { force: true });
  symlinkSync(leads.startsWith(`${folder}${sep}`) ? relative(here, leads) : leads, to);
}

/** What an earlier attempt copied, and is not in the original any more or is of another kind. */
function removeOthers(to: string, found: readonly Found[]): void {
  const kinds = new Map(found.map(({ path, kind }) => [path, kind]));
  for (const { path, kind } of contentsOf(to)) {
    if (kinds.get(path) !== kind) rmSync(join(to, path), { recursive: true, force: true });
  }
}

const isStill = (entry: Copied | undefined, { sizeBytes, mtimeMs }: Found): entry is Copied =>
  entry !== undefined && entry.sizeBytes === sizeBytes && entry.mtimeMs === mtimeMs;
