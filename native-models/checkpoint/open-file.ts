import { open, stat, type FileHandle } from 'node:fs/promises';
import { CheckpointError } from './errors.ts';

export type OpenFile = { path: string; handle: FileHandle; sizeBytes: number };

/**
 * @param whenMissing what to say of a file that should be beside another
 * @throws CheckpointError `not-a-checkpoint` for what is no regular file, `corrupt-checkpoint` with `whenMissing`, or the
 *   system's error
 */
export async function openFile(path: string, whenMissing?: string): Promise<OpenFile> {
  // Asked before opening: to open a named pipe would wait for its other end.
  const found = await stat(path).catch((cause: unknown) => {
    if (whenMissing === undefined) throw cause;
    throw new CheckpointError('corrupt-checkpoint', whenMissing, { path }, { cause });
  });
  if (!found.isFile()) throw new CheckpointError('not-a-checkpoint', `${path} is not a regular file`, { path });
  return { path, handle: await open(path, 'r'), sizeBytes: found.size };
}

export async function closeAll(files: readonly OpenFile[]): Promise<void> {
  for (const { handle } of files) await handle.close();
}

export function totalBytes(files: readonly OpenFile[]): number {
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
