import { fork } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Page } from '@playwright/test';
import type { Order, Told } from '../electron-stand-in/control.ts';
import { dropFile, overPorts, type App, type Start } from './app.ts';
import { openPagePort } from './page-port.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

export type StandIn = App & {
  readonly pid: number;
  /** Everything that the app has asked of the system so far. */
  readonly told: Told[];
  /** The next such request, or one of before, that is named `call`. */
  hears(call: string): Promise<Told>;
  order(order: Order): void;
};

/** The built Electron bundles under plain Node, with a Chromium for a window. */
export async function startStandIn({ dataFolder, model }: Start, env: NodeJS.ProcessEnv = {}): Promise<StandIn> {
  const register = fileURLToPath(new URL('../electron-stand-in/register.mjs', import.meta.url));
  const { DISPLAY: _display, LONGHAND_DATA: _data, ...own } = process.env;
  const child = fork('out/electron/main.js', ['--no-fetch', '--data', dataFolder], {
    cwd: root,
    execArgv: ['--disable-warning=ExperimentalWarning', '--import', register],
    env: { ...own, STAND_IN_FILES: dirname(dataFolder), ...(model === null ? {} : { LONGHAND_MODEL: model }), ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const told: Told[] = [];
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.on('message', (message: Told) => told.push(message));
  const ended = once(child, 'exit');
  const hears = async (call: string): Promise<Told> => {
    for (;;) {
      const found = told.find((one) => one.call === call);
      if (found) return found;
      if (child.exitCode !== null) throw new Error(`the stand-in ended before ${call}:\n${output}`);
      await Promise.race([once(child, 'message'), ended]);
    }
  };
  const [address] = (await hears('devtools')).args as [string];
  await hears('window.show');
  const browser = await chromium.connectOverCDP(address);
  const page = browser.contexts()[0]?.pages()[0];
  if (page === undefined) throw new Error(`the stand-in shows no window:\n${output}`);
  return {
    ...overPorts(() => openPagePort(page)),
    pid: child.pid ?? 0,
    told,
    hears,
    order: (order) => void child.send(order),
    show: () => startAfresh(page),
    dropFile,
    async chooseFiles(_ui, filePaths, ask) {
      child.send({ answer: 'dialog.showOpenDialog', value: { canceled: false, filePaths } } satisfies Order);
      await ask();
    },
    async stop() {
      if (child.exitCode === null) child.kill('SIGTERM');
      await ended;
      await browser.close();
    },
  };
}

/** The window of before, as it is after a start: with a new conversation. */
export async function startAfresh(page: Page): Promise<Page> {
  await page.evaluate(() => (location.hash = '#/'));
  await page.reload();
  return page;
}
