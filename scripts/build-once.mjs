// Builds a folder below out/, unless what lies there comes from these very sources.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
const out = join(root, 'out');

/**
 * The new folder replaces the old one whole, so a failed or interrupted build leaves the old one in place.
 * @param {{ name: string, title: string, sources: string[] }} what `name` of the folder, paths from the root it is made of
 * @param {(folder: string) => Promise<void>} build fills the folder
 * @throws {Error} what `build` throws
 */
export async function buildOnce({ name, title, sources }, build) {
  const target = join(out, name);
  const wanted = hashSources(sources);
  const stamp = join(target, '.sources');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;

  process.stderr.write(`Building ${title}.\n`);
  const started = Date.now();
  const fresh = join(out, `.${name}-${process.pid}`);
  try {
    await build(fresh);
    writeFileSync(join(fresh, '.sources'), wanted);
    replace(fresh, target);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  process.stderr.write(`Built ${title} in ${((Date.now() - started) / 1000).toFixed(1)} s.\n`);
}

function hashSources(sources) {
  const hash = createHash('sha256');
  for (const source of sources) {
    for (const file of filesIn(join(root, source))) hash.update(file.slice(root.length)).update(readFileSync(file));
  }
  return hash.digest('hex');
}

function filesIn(path) {
  if (statSync(path).isFile()) return [path];
  const entries = readdirSync(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function replace(fresh, old) {
  mkdirSync(out, { recursive: true });
  rmSync(old, { recursive: true, force: true });
  try {
    renameSync(fresh, old);
  } catch (error) {
    // Two starts at once build the same; the one that comes second may drop its own.
    if (!['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(error.code) || !existsSync(old)) throw error;
  }
}
