import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

const SLICE_BYTES = 1 << 20; // a millisecond of hashing: calls and tokens are served in between

/** SHA-256 of a file in hexadecimal. Progress counts bytes. @throws `signal.reason` when stopped */
export async function hashFile(
  path: string,
  { signal, onProgress }: { signal: AbortSignal; onProgress?: (done: number) => void },
): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'r');
  try {
    const buffer = new Uint8Array(SLICE_BYTES);
    for (let done = 0; ;) {
      signal.throwIfAborted();
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
