import { createHash } from 'node:crypto';
import { open, statfs } from 'node:fs/promises';

const SLICE_BYTES = 1 << 20; // a millisecond of hashing: calls and tokens are served in between

/** SHA-256 of a file in hexadecimal. Progress counts bytes. @throws `signal.reason` when stopped */
export async function hashFile(
  path: string,
  { signal, onProgress }: { signal?: AbortSignal | undefined; onProgress?: (done: number) => void },
): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'r');
  try {
    const buffer = new Uint8Array(SLICE_BYTES);
    for (let done = 0; ;) {
      signal?.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, buffer.length, done);
      if (bytesRead === 0) return hash.digest('hex');
      hash.update(buffer.subarray(0, bytesRead));
      done += bytesRead;
      onProgress?.(done);
    }
  } finally {
    await file.close();
  }
}

/** Bytes that this user may still write to the disk of an existing `folder`. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** Whether a write failed for want of room: a full disk or a used-up quota. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}
