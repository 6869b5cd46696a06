import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the electron package lies. It is only read: to import it would make it fetch its binary. */
export const electronPackage = fileURLToPath(new URL('../node_modules/electron', import.meta.url));

/**
 * Electron's binary: ELECTRON_BINARY, else the one of the installed package, whole and of its very version. Returns a
 * path, or the reason why there is none.
 */
export function findElectron(env = process.env, folder = electronPackage): { path: string } | { reason: string } {
  const named = env.ELECTRON_BINARY;
  if (named)
    return existsSync(named) ? { path: named } : { reason: `ELECTRON_BINARY names ${named}, which is not there` };
  const wanted = (JSON.parse(readText(join(folder, 'package.json')) ?? '{}') as { version?: string }).version;
  if (wanted === undefined) return { reason: 'the electron package is not installed' };
  // Written last by the package's own installer, so whatever has it is whole.
  const executable = readText(join(folder, 'path.txt'));
  if (executable === null) return { reason: 'its binary has not been fetched' };
  const path = join(folder, 'dist', executable);
  const version = readText(join(folder, 'dist', 'version'))
    ?.trim()
    .replace(/^v/, '');
  if (!existsSync(path) || version !== wanted) return { reason: `its binary is not that of version ${wanted}` };
  return { path };
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
