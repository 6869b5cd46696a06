import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { looseVersions, offencesIn, sourcesIn } from '../support/house-rules.ts';

type Manifest = Record<'dependencies' | 'devDependencies' | 'optionalDependencies', Record<string, string>> & {
  allowScripts: Record<string, boolean>;
};
type Lockfile = { packages: Record<string, Partial<Manifest> & { hasInstallScript?: boolean; resolved?: string }> };

const readJson = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));
const manifest = readJson('package.json') as Manifest;
const { packages } = readJson('package-lock.json') as Lockfile;
const kinds = ['dependencies', 'devDependencies', 'optionalDependencies'] as const;

describe('the dependencies', () => {
  it.each(kinds)('among the %s are pinned to one exact version', (kind) => {
    expect(looseVersions(manifest[kind])).toEqual([]);
  });

  it('would be caught with a range, a tag or an address for a version', () => {
    const loose = { a: '^1.2.3', b: 'latest', c: 'github:owner/name', d: '1.x', e: '>=1.0.0' };
    expect(looseVersions({ ...loose, fine: '1.2.3', finer: '2.0.0-beta.2' })).toHaveLength(5);
  });

  it.each(kinds)('among the %s are those that the lockfile was made for', (kind) => {
    expect(packages['']?.[kind]).toEqual(manifest[kind]);
  });

  it('are locked without naming a registry, so that a clone installs from the one that its npm knows', () => {
    const located = Object.entries(packages).filter(([, { resolved }]) => resolved !== undefined);
    expect(located.map(([path]) => path)).toEqual([]);
  });

  it('run no script of their own when they are installed', () => {
    const scripted = Object.entries(packages).filter(([, { hasInstallScript }]) => hasInstallScript);
    const names = scripted.map(([path]) => path.replace(/^.*node_modules\//, ''));
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => manifest.allowScripts[name] !== false)).toEqual([]);
  });
});

describe('the sources', () => {
  it('take no shortcut and no file is longer than one can read at a sitting', () => {
    const offences = sourcesIn(['main', 'native-models', 'renderer', 'scripts']).flatMap((file) =>
      offencesIn(readFileSync(file, 'utf8')).map((offence) => `${file}, ${offence}`),
    );
    expect(offences).toEqual([]);
  });

  it.each([
    ['const x: any = 1;', 'line 1: any'],
    ['\nconst x = y as any;', 'line 2: any'],
    ['const x: Map<string, number> = new Map<any, number>();', 'line 1: any'],
    ['// @ts-ignore', 'line 1: a compiler check switched off'],
    ['// @ts-expect-error', 'line 1: a compiler check switched off'],
    ['/* eslint-disable no-console */', 'line 1: a lint rule switched off'],
    ['<!-- svelte: TODO -->', 'line 1: a note of unfinished work'],
    ['x;\n'.repeat(401), '401 lines, 400 at most'],
  ])('would be caught with %j', (text, offence) => {
    expect(offencesIn(text)).toEqual([offence]);
  });

  it('may be as long as the limit and speak of anything', () => {
    expect(offencesIn('// many, anything: anyhow\n'.repeat(400))).toEqual([]);
  });
});

describe('the package', () => {
  const require = createRequire(createRequire(import.meta.url).resolve('electron-builder'));
  const config = require('app-builder-lib/out/util/config/config.js') as {
    getConfig(projectDir: string, configPath: null, cli: null): Promise<{ asarUnpack: string[] }>;
    validateConfiguration(config: unknown, logger: { isEnabled: boolean; add(): void }): Promise<void>;
  };

  it('is described in the terms that electron-builder knows', async () => {
    const logger = { isEnabled: false, add() {} };
    const described = await config.getConfig('.', null, null);
    await expect(config.validateConfiguration(described, logger)).resolves.not.toThrow();
    await expect(config.validateConfiguration({ ...described, asarUnpak: [] }, logger)).rejects.toThrow('asarUnpak');
  });

  it('keeps every native library outside the archive', async () => {
    const { asarUnpack } = await config.getConfig('.', null, null);
    const prefixes = asarUnpack.map((pattern) => pattern.replace(/\*.*$/, ''));
    const native = Object.keys(packages).filter((path) => /(koffi|canvas|node-pty)-linux-x64/.test(path));
    expect(native.length).toBeGreaterThanOrEqual(3);
    for (const path of [...native, 'node_modules/better-sqlite3/', 'node_modules/onnxruntime-node/']) {
      expect(prefixes.some((prefix) => path.startsWith(prefix))).toBe(true);
    }
  });
});
