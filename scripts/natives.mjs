// Digests of the native parts that the processes load: a package keeps them outside of its archive, whose own digest
// says nothing of them.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGES = ['better-sqlite3', 'onnxruntime-node', '@koromix'];
const NATIVE = /\.(node|dll|dylib)$|\.so(\.\d+)*$/;

/**
 * @param {string} root of the project
 * @returns {Record<string, string>} SHA-256 in hex by path below node_modules, with slashes
 */
export function digestNatives(root) {
  const modules = join(root, 'node_modules');
  const files = PACKAGES.flatMap((name) =>
    readdirSync(join(modules, name), { recursive: true }).map((path) => join(name, path).replaceAll('\\', '/')),
  );
  const digest = (path) =>
    createHash('sha256')
      .update(readFileSync(join(modules, path)))
      .digest('hex');
  return Object.fromEntries(files.filter((path) => NATIVE.test(path)).map((path) => [path, digest(path)]));
}
