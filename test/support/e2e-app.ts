import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as base, expect, type Page } from '@playwright/test';
import { connect } from '../../main/contract/client.ts';
import type { LonghandClient } from '../../main/contract/index.ts';
import type { ProcessRole } from '../../main/contract/shell.ts';
import { openSocketPort } from '../../main/shell/socket-port.ts';
import { writeGguf } from './gguf-writer.ts';
import { runScript } from './run.ts';
import { tinyCheckpoint } from './tiny-checkpoint.ts';

/** The whole product in the browser shell, over a data folder of its own, with a tiny random model. */
export type App = {
  url: string;
  /** One call over a line of its own. */
  call<T>(run: (client: LonghandClient) => Promise<T>): Promise<T>;
  /** SIGKILL, as the system does when memory runs out. */
  kill(role: ProcessRole): Promise<void>;
};

export const test = base.extend<{ ui: Page }, { app: App }>({
  app: [
    async ({}, use) => {
      const folder = mkdtempSync(join(tmpdir(), 'longhand-e2e-'));
      const model = join(folder, 'tiny.gguf');
      writeFileSync(model, writeGguf(talkativeCheckpoint()));
      const args = ['--headless', '--json', '--no-fetch', '--data', join(folder, 'data')];
      const shell = runScript('scripts/start.mjs', args, { LONGHAND_MODEL: model });
      try {
        const [, ready = ''] = await shell.says(/^(\{"event":"ready".*\})$/m);
        const { url, address, token } = JSON.parse(ready) as Record<'url' | 'address' | 'token', string>;
        await shell.says(/"event":"model","state":"ready"/);
        const app = joinApp(url, address, token);
        // Always the likeliest token: a random model then goes on and on, which gives the tests time to look.
        await app.call((client) => client.system.changeSettings({ temperature: 0, repetitionPenalty: 1 }));
        await use(app);
      } finally {
        shell.child.kill('SIGTERM');
        await shell.ended;
        rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
      }
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  ui: async ({ page, app }, use) => {
    await page.goto(app.url);
    await expect(page.getByText('Tiny', { exact: true })).toBeVisible();
    await use(page);
  },
});

export { expect };

function joinApp(url: string, address: string, token: string): App {
  const call: App['call'] = async (run) => {
    const port = await openSocketPort(address, token);
    try {
      return await run(connect<LonghandClient>(port));
    } finally {
      port.close?.();
    }
  };
  const pidOf = async (role: ProcessRole) => {
    const processes = await call((client) => client.system.processes());
    return processes.find((one) => one.role === role)?.pid ?? null;
  };
  return {
    url,
    call,
    async kill(role) {
      const pid = await pidOf(role);
      if (pid === null) throw new Error(`the ${role} does not run`);
      process.kill(pid, 'SIGKILL');
    },
  };
}

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
