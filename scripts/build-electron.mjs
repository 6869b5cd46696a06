// Builds what Electron runs into out/electron: it reads no TypeScript. Packages stay outside, in node_modules.
import { copyFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { buildOnce, root } from './build-once.mjs';
import { digestNatives } from './natives.mjs';

/** What the self-test reads, beside the bundles. */
const BOOK = 'resources/alice.txt';
const BUNDLES = {
  name: 'electron',
  title: 'the Electron bundles',
  sources: ['main', 'native-models', BOOK, 'scripts/build-electron.mjs', 'scripts/natives.mjs', 'package-lock.json'],
};
const PROCESSES = {
  main: 'main/shell/electron/main.ts',
  assistant: 'main/services/process.ts',
  engine: 'main/engine/process.ts',
  reader: 'main/reader/process.ts',
  embedder: 'main/embedder/process.ts',
};
const PRELOAD = 'main/shell/electron/preload.ts';

/** @throws {Error} what vite says about the sources */
export async function buildElectron() {
  await buildOnce(BUNDLES, async (outDir) => {
    const { build } = await import('vite');
    const shared = { configFile: false, root, envDir: false, publicDir: false, logLevel: 'error' };
    const output = { outDir, emptyOutDir: false, target: 'node24', minify: false, reportCompressedSize: false };
    const input = Object.fromEntries(Object.entries(PROCESSES).map(([name, file]) => [name, join(root, file)]));
    await build({
      ...shared,
      build: {
        ...output,
        ssr: true,
        rolldownOptions: { input, output: { entryFileNames: '[name].js', chunkFileNames: 'shared/[name]-[hash].js' } },
      },
    });
    // A sandboxed preload can import nothing: one CommonJS file.
    await build({
      ...shared,
      ssr: { noExternal: true },
      build: {
        ...output,
        ssr: join(root, PRELOAD),
        rolldownOptions: { external: ['electron'], output: { format: 'cjs', entryFileNames: 'preload.cjs' } },
      },
    });
    copyFileSync(join(root, BOOK), join(outDir, basename(BOOK)));
    writeFileSync(join(outDir, 'natives.json'), JSON.stringify(digestNatives(root)));
  });
}

if (import.meta.main) await buildElectron();
