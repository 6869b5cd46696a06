import { open, rm } from 'node:fs/promises';

const ZEROS = new Uint8Array(1 << 20);

/** Overwrites a file of ours, as far as the disk lets anybody overwrite, and removes it; one that is not there is left so. */
export async function wipe(path: string): Promise<void> {
  const file = await open(path, 'r+').catch(() => null);
  if (file !== null) {
    try {
      const { size } = await file.stat();
      for (let at = 0; at < size; at += ZEROS.length) {
        await file.write(ZEROS, 0, Math.min(ZEROS.length, size - at), at);
      }
      await file.sync();
    } finally {
      await file.close();
    }
  }
  await rm(path, { force: true });
}
