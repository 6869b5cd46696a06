import { statfs } from 'node:fs/promises';
import { LonghandError } from '../../contract/errors.ts';

export type FreeBytes = (folder: string) => Promise<number>;

/** Bytes that this user may still write to the disk of an existing `folder`. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** @throws LonghandError `disk-full`, with both figures */
export async function requireSpace(folder: string, neededBytes: number, free: FreeBytes = freeBytes): Promise<void> {
  const available = await free(folder);
  if (available < neededBytes) throw diskFull(folder, neededBytes, available);
}

/** A failed write as `disk-full` where the disk is to blame, anything else as it came. */
export async function explainWrite(error: unknown, folder: string, neededBytes: number, free: FreeBytes = freeBytes) {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return diskFull(folder, neededBytes, await free(folder), error);
}

function diskFull(path: string, neededBytes: number, available: number, cause?: unknown): LonghandError {
  const message = `The disk has ${gigabytes(available)} free at ${path}, and ${gigabytes(neededBytes)} are needed.`;
  return new LonghandError('disk-full', message, { path, freeBytes: available, neededBytes }, { cause });
}

const gigabytes = (bytes: number) =>
  bytes < 1e8 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
