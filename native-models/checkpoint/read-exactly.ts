import type { FileHandle } from 'node:fs/promises';
import { CheckpointError } from './errors.ts';

/**
 * Fills `target` from byte `position` of an open file.
 * @throws CheckpointError `corrupt-checkpoint` when the file ends before that: it has become shorter since it was opened
 */
export async function readExactly(
  file: FileHandle,
  { path, what, position }: { path: string; what: string; position: number },
  target: Uint8Array,
): Promise<void> {
  for (let done = 0; done < target.length;) {
    const { bytesRead } = await file.read(target, done, target.length - done, position + done);
    if (bytesRead === 0) {
      throw new CheckpointError(
        'corrupt-checkpoint',
        `${path}: ${what} needs bytes up to ${position + target.length}, but the file now ends at ${position + done}`,
        { path, tensor: what, offset: position, expected: target.length, found: done },
      );
    }
    done += bytesRead;
  }
}
