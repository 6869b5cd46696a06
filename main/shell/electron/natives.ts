import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LonghandError } from '../../contract/errors.ts';

export type Natives = Record<string, string>;
type Machine = { platform: string; arch: string };

/**
 * Compares the native parts of a package, which lie outside of its archive, with the digests that were taken when it was
 * built; those for other machines are passed over. On a Mac they were signed after that, and the system checks the
 * signatures.
 * @param natives SHA-256 by path below `modules`
 * @throws LonghandError `app-damaged`, with the file
 */
export function checkNatives(natives: Natives, modules: string, { platform, arch }: Machine = process): void {
  if (platform === 'darwin') return;
  for (const [path, digest] of Object.entries(natives)) {
    if (!new RegExp(`${platform}[-_/]${arch}`).test(path)) continue;
    if (digestOf(join(modules, path)) === digest) continue;
    throw new LonghandError('app-damaged', `${path} is not what was built. Install Longhand again.`, { file: path });
  }
}

/** Null for a file that cannot be read: it would be missed soon enough. */
function digestOf(path: string): string | null {
  try {
    return createHash('sha256').update(readFileSync(path)).digest('hex');
  } catch {
    return null;
  }
}
