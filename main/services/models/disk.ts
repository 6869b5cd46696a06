import { statSync } from 'node:fs';
import { LonghandError } from '../../contract/errors.ts';
import { freeBytes, isDiskFull } from '../../../native-models/files.ts';

export type FreeBytes = (folder: string) => Promise<number>;

/** @throws LonghandError `disk-full`, with both figures */
export async function requireSpace(folder: string, neededBytes: number, free: FreeBytes = freeBytes): Promise<void> {
  const available = await free(folder);
  if (available < neededBytes) throw diskFull(folder, neededBytes, available);
}

/** A failed write as `disk-full` where the disk is to blame, anything else as it came. */
export async function explainWrite(error: unknown, folder: string, neededBytes: number, free: FreeBytes = freeBytes) {
  if (!isDiskFull(error)) return error;
  return diskFull(folder, neededBytes, await free(folder), error);
}

/** Size of the file or folder entry at `path` in bytes; null where there is none. */
export function sizeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.size ?? null;
}

function diskFull(path: string, neededBytes: number, available: number, cause?: unknown): LonghandError {
  const message = `The disk has ${gigabytes(available)} free at ${path}, and ${gigabytes(neededBytes)} are needed.`;
  return new LonghandError('disk-full', message, { path, freeBytes: available, neededBytes }, { cause });
}

const gigabytes = (bytes: number) =>
  bytes < 1e8 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
