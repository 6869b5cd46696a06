// Builds the page into out/renderer, where every shell serves it from.
import { join } from 'node:path';
import { buildOnce, root } from './build-once.mjs';

const PAGE = {
  name: 'renderer',
  title: 'the interface',
  sources: ['renderer', 'main/contract', 'vite.config.ts', 'package-lock.json'],
};

/** @throws {Error} what vite says about the sources */
export async function buildRenderer() {
  await buildOnce(PAGE, async (outDir) => {
    const { build } = await import('vite'); // slow to load, so only where there is something to build
    await build({
      configFile: join(root, 'vite.config.ts'),
      root: join(root, 'renderer'),
      logLevel: 'error',
      build: { outDir },
    });
  });
}

if (import.meta.main) await buildRenderer();
