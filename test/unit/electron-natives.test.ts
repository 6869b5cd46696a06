import { cpSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestNatives } from '../../scripts/natives.mjs';
import { checkNatives } from '../../main/shell/electron/natives.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const natives = digestNatives(root);
const linux = { platform: 'linux', arch: 'x64' };

describe('the native parts of a package', () => {
  let modules = '';
  beforeEach(() => {
    modules = mkdtempSync(join(tmpdir(), 'longhand-natives-'));
    for (const path of Object.keys(natives).filter((one) => /linux[-_/]x64/.test(one))) {
      mkdirSync(dirname(join(modules, path)), { recursive: true });
      cpSync(join(root, 'node_modules', path), join(modules, path));
    }
  });
  afterEach(() => rmSync(modules, { recursive: true, force: true }));

  const sqlite = 'better-sqlite3/prebuilds/linux-x64.node';

  it('are the runtime, the database and what calls them, for every machine', () => {
    const names = Object.keys(natives);
    expect(names).toContain(sqlite);
    expect(names).toContain('onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime.so.1');
    expect(names).toContain('onnxruntime-node/bin/napi-v6/win32/x64/onnxruntime.dll');
    expect(names.some((name) => name.endsWith('koffi.node'))).toBe(true);
  });

  it('pass as they were built, whatever is missing for other machines', () => {
    expect(() => checkNatives(natives, modules, linux)).not.toThrow();
  });

  it.each([
    ['changed', (path: string) => writeFileSync(path, 'x', { flag: 'a' })],
    ['cut short', (path: string) => truncateSync(path, 1000)],
    ['gone', (path: string) => rmSync(path)],
  ])('stop the start when one is %s, and name it', (_, harm) => {
    harm(join(modules, sqlite));
    expect(() => checkNatives(natives, modules, linux)).toThrow(
      expect.objectContaining({ code: 'app-damaged', details: { file: sqlite } }),
    );
  });

  it('are left to the system where it checks their signatures', () => {
    expect(() => checkNatives(natives, join(modules, 'nowhere'), { platform: 'darwin', arch: 'arm64' })).not.toThrow();
  });
});
