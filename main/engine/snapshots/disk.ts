import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';

/** The calls by which snapshots reach the disk: a test lets them fail one by one. */
export const disk = { mkdir, open, readdir, readFile, rename, rm, stat, utimes };
export type Disk = typeof disk;

/** Brings the names in a folder to the disk. Windows cannot open a folder, and journals renames. */
export async function flushFolder({ open }: Disk, folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes a small file that appears whole or not at all, also after a power cut. */
export async function writeWhole(disk: Disk, path: string, text: string): Promise<void> {
  const part = `${path}.part`;
  try {
    const handle = await disk.open(part, 'w', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await disk.rename(part, path);
  } catch (error) {
    await disk.rm(part, { force: true }).catch(() => {});
    throw error;
  }
}
