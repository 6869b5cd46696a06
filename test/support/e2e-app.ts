import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as base, expect, type Page } from '@playwright/test';
import { buildElectron } from '../../scripts/build-electron.mjs';
import { buildRenderer } from '../../scripts/build-renderer.mjs';
import { writeGguf } from './gguf-writer.ts';
import type { App, ShellName, Start } from './shells/app.ts';
import { startBrowserShell } from './shells/browser.ts';
import { startElectron } from './shells/electron.ts';
import { startStandIn } from './shells/stand-in.ts';
import { tinyCheckpoint } from './tiny-checkpoint.ts';

export type ShellOptions = { shell: ShellName };

type Files = { dataFolder: string; model: string };

const shells = { browser: startBrowserShell, 'stand-in': startStandIn, electron: startElectron };

/**
 * The whole product in the shell that the project names, with a tiny random model: `app` and its `ui` serve all tests of
 * a worker, `firstStart` begins with an empty data folder.
 */
export const test = base.extend<
  { ui: Page; files: Files; firstStart: () => Promise<{ app: App; ui: Page }> },
  ShellOptions & { app: App }
>({
  shell: ['browser', { option: true, scope: 'worker' }],
  app: [
    async ({ shell }, use) => {
      const files = newFiles();
      const app = await start(shell, { dataFolder: files.dataFolder, model: files.model });
      try {
        await expect.poll(() => app.call(async (client) => (await client.models.status()).state), WAIT).toBe('ready');
        // Always the likeliest token: a random model then goes on and on, which gives the tests time to look.
        await app.call((client) => client.system.changeSettings({ temperature: 0, repetitionPenalty: 1 }));
        await use(app);
      } finally {
        await app.stop();
        remove(files);
      }
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  ui: async ({ page, app }, use) => {
    const ui = await app.show(page);
    await expect(ui.getByText('Tiny', { exact: true })).toBeVisible();
    await use(ui);
  },
  files: async ({}, use) => {
    const files = newFiles();
    await use(files);
    remove(files);
  },
  firstStart: async ({ page, shell, files }, use) => {
    const apps: App[] = [];
    await use(async () => {
      const app = await start(shell, { dataFolder: files.dataFolder, model: null });
      apps.push(app);
      return { app, ui: await app.show(page) };
    });
    for (const app of apps) await app.stop();
  },
});

export { expect };

const WAIT = { timeout: 60_000 };

async function start(shell: ShellName, options: Start): Promise<App> {
  await buildRenderer();
  if (shell !== 'browser') await buildElectron();
  return shells[shell](options);
}

function newFiles(): Files {
  const folder = mkdtempSync(join(tmpdir(), 'longhand-e2e-'));
  const model = join(folder, 'tiny.gguf');
  writeFileSync(model, writeGguf(talkativeCheckpoint()));
  return { dataFolder: join(folder, 'data'), model };
}

const remove = ({ model }: Files) => rmSync(join(model, '..'), { recursive: true, force: true, maxRetries: 3 });

/**
 * A random model of about 300 tokens a second on one core, with a context that lasts for half a minute of that. It never
 * stops by itself: an embedding of zeros gives the tokens that would end an answer a logit of 0, and the likeliest of
 * 260 others is above that.
 */
function talkativeCheckpoint() {
  const size = { layers: 6, heads: 8, kvHeads: 2, headDim: 32, intermediateSize: 512 };
  const checkpoint = tinyCheckpoint({ ...size, seed: 2, metadata: { 'qwen2.context_length': 8192 } });
  const embeddings = checkpoint.tensors.find(({ name }) => name === 'token_embd.weight');
  const tokens = new Map(Object.entries(checkpoint.metadata ?? {})).get('tokenizer.ggml.tokens') as string[];
  const rowBytes = size.heads * size.headDim * Float32Array.BYTES_PER_ELEMENT;
  for (const [row, token] of tokens.entries()) {
    if (token.startsWith('<|')) embeddings?.data.fill(0, row * rowBytes, (row + 1) * rowBytes);
  }
  return checkpoint;
}
