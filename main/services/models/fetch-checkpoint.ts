import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { LonghandError } from '../../contract/errors.ts';
import { baseName, type ChosenCheckpoint } from './checkpoint-files.ts';
import { requireSpace, sizeOf } from './disk.ts';
import { discardPart, download, type DownloadOptions } from './download.ts';
import type { HubFile, Listing } from './hub.ts';

export type FetchOptions = Pick<DownloadOptions, 'signal' | 'onProgress' | 'stallMs' | 'retryMs' | 'freeBytes'> & {
  /** Room that must be left besides the files, for what is made of them. */
  reserveBytes: number;
};

/** In the folder of a checkpoint: what belongs there, so that a later run knows what is whole and still the same. */
const RECORD_FILE = 'checkpoint.json';
const recordSchema = z.object({
  repository: z.string(),
  main: z.string().nullable(),
  files: z.array(z.object({ name: z.string(), sizeBytes: z.number(), checksum: z.string().nullable() })),
});
type Record = z.infer<typeof recordSchema>;

/**
 * Brings the files of a checkpoint into `folder`, one after the other: each whole and checked or not at all, and those
 * that are there already only once. Progress is of all of them together.
 * @returns where its reader begins
 * @throws LonghandError `disk-full` before anything is fetched, else as `download`
 */
export async function fetchCheckpoint(
  listing: Listing,
  chosen: ChosenCheckpoint,
  folder: string,
  options: FetchOptions,
): Promise<string> {
  const { signal, onProgress, reserveBytes, ...network } = options;
  mkdirSync(folder, { recursive: true });
  dropOutdated(folder, chosen);
  writeFileSync(join(folder, RECORD_FILE), JSON.stringify(recordOf(listing.repository, chosen)));
  const total = chosen.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let done = 0;
  const missing = chosen.files.filter((file) => !isHere(folder, file));
  const missingBytes = missing.reduce((sum, file) => sum + file.sizeBytes - partBytes(folder, file), 0);
  await requireSpace(folder, missingBytes + reserveBytes, network.freeBytes);
  for (const file of chosen.files) {
    signal.throwIfAborted();
    const path = join(folder, baseName(file.path));
    const before = done;
    if (!isHere(folder, file)) {
      await download(listing.urlOf(file.path), path, {
        ...network,
        signal,
        sha256: file.checksum?.kind === 'sha256' ? file.checksum.value : null,
        onProgress: ({ stage, done: bytes }) => onProgress({ stage, done: before + bytes, total }),
      });
      await checkArrived(path, file, listing.urlOf(file.path));
    }
    done = before + file.sizeBytes;
  }
  return chosen.main === null ? folder : join(folder, chosen.main);
}

/** Where the reader of a checkpoint that was fetched whole begins; null where anything of it is missing. */
export function fetchedCheckpoint(folder: string): string | null {
  const record = readRecord(folder);
  if (record === null) return null;
  const isWhole = record.files.every(({ name, sizeBytes }) => sizeOf(join(folder, name)) === sizeBytes);
  if (!isWhole || record.files.length === 0) return null;
  return record.main === null ? folder : join(folder, record.main);
}

/** Removes a checkpoint that has not come whole. */
export function discardUnfinished(folder: string): void {
  if (existsSync(folder) && fetchedCheckpoint(folder) === null) rmSync(folder, { recursive: true, force: true });
}

/** Files that the hub has otherwise by now, or no longer: a checkpoint is of one version throughout. */
function dropOutdated(folder: string, chosen: ChosenCheckpoint): void {
  const expected = new Map(chosen.files.map((file) => [baseName(file.path), file.checksum?.value ?? null]));
  for (const { name, checksum } of readRecord(folder)?.files ?? []) {
    if (expected.has(name) && expected.get(name) === checksum) continue;
    rmSync(join(folder, name), { force: true });
    discardPart(join(folder, name));
  }
}

/** The size, and of small files the id under which git knows them; large ones were hashed as they came. */
async function checkArrived(path: string, { sizeBytes, checksum }: HubFile, url: string): Promise<void> {
  const found = sizeOf(path);
  const isRight = found === sizeBytes && (checksum?.kind !== 'git-blob' || (await gitBlobId(path)) === checksum.value);
  if (isRight) return;
  rmSync(path, { force: true });
  const message = `${url} did not arrive as it was published (${found} bytes, expected ${sizeBytes}). It was deleted.`;
  throw new LonghandError('checksum-mismatch', message, { url, expected: checksum?.value ?? sizeBytes, found });
}

/** SHA-1 of `blob <size>\0<content>`. */
async function gitBlobId(path: string): Promise<string> {
  const bytes = await readFile(path);
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}

function recordOf(repository: string, { main, files }: ChosenCheckpoint): Record {
  const entries = files.map(({ path, sizeBytes, checksum }) => ({
    name: baseName(path),
    sizeBytes,
    checksum: checksum?.value ?? null,
  }));
  return { repository, main, files: entries };
}

function readRecord(folder: string): Record | null {
  try {
    return recordSchema.parse(JSON.parse(readFileSync(join(folder, RECORD_FILE), 'utf8')));
  } catch {
    return null;
  }
}

function isHere(folder: string, { path, sizeBytes }: HubFile): boolean {
  return sizeOf(join(folder, baseName(path))) === sizeBytes;
}

function partBytes(folder: string, { path, sizeBytes }: HubFile): number {
  return Math.min(sizeBytes, sizeOf(`${join(folder, baseName(path))}.part`) ?? 0);
}
