import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const tests = 'test/{unit,golden,services,model,fuzz}/**';
const stateTests = `${tests}/*.svelte.test.ts`;

export default defineConfig({
  test: {
    testTimeout: 20_000, // room for a shared two-core machine; a unit test takes milliseconds
    hookTimeout: 60_000,
    projects: [
      { extends: true, test: { name: 'node', include: [`${tests}/*.test.ts`], exclude: [stateTests] } },
      {
        // Tests of renderer/state/*.svelte.ts. Runes are compiled as for a page, so that effects run; there is no DOM.
        extends: true,
        plugins: [svelte({ configFile: false, dynamicCompileOptions: () => ({ generate: 'client' }) })],
        ssr: { resolve: { conditions: ['browser', 'svelte', 'module', 'development'] } },
        test: { name: 'state', include: [stateTests] },
      },
    ],
  },
});
