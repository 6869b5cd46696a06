// Builds the page into out/renderer, where every shell serves it from.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = join(root, 'out');
const target = join(out, 'renderer');
const SOURCES = ['renderer', 'main/contract', 'vite.config.ts', 'package-lock.json'];

/**
 * Builds the page unless out/renderer comes from these very sources. The new page replaces the old one whole, so a
 * failed or interrupted build leaves the old one in place.
 * @throws {Error} what vite says about the sources
 */
export async function buildRenderer() {
  const wanted = hashSources();
  const stamp = join(target, '.sources');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;

  process.stderr.write('Building the interface.\n');
  const started = Date.now();
  const fresh = join(out, `.renderer-${process.pid}`);
  try {
    const { build } = await import('vite'); // slow to load, so only where there is something to build
    await build({
      configFile: join(root, 'vite.config.ts'),
      root: join(root, 'renderer'),
      logLevel: 'error',
      build: { outDir: fresh },
    });
    writeFileSync(join(fresh, '.sources'), wanted);
    replace(fresh, target);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  process.stderr.write(`Built the interface in ${((Date.now() - started) / 1000).toFixed(1)} s.\n`);
}

function hashSources() {
  const hash = createHash('sha256');
  for (const source of SOURCES) {
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
    // Two starts at once build the same page; the one that comes second may drop its own.
    if (!['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(error.code) || !existsSync(old)) throw error;
  }
}

if (import.meta.main) await buildRenderer();
