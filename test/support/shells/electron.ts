import { fileURLToPath } from 'node:url';
import { _electron } from '@playwright/test';
import { findElectron } from '../../../scripts/electron.ts';
import { dropFile, overPorts, type App, type Start } from './app.ts';
import { openPagePort } from './page-port.ts';
import { startAfresh } from './stand-in.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Electron itself, where its binary is: see scripts/electron.ts. */
export async function startElectron({ dataFolder, model }: Start): Promise<App> {
  const electron = findElectron();
  if ('reason' in electron) throw new Error(electron.reason);
  const { LONGHAND_DATA: _data, ...own } = process.env as Record<string, string>;
  const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const app = await _electron.launch({
    executablePath: electron.path,
    args: [...asRoot, root, '--no-fetch', '--data', dataFolder],
    env: { ...own, ...(model === null ? {} : { LONGHAND_MODEL: model }) },
  });
  const page = await app.firstWindow();
  return {
    ...overPorts(() => openPagePort(page)),
    show: () => startAfresh(page),
    dropFile,
    async chooseFiles(_ui, paths, ask) {
      await app.evaluate(({ dialog }, filePaths) => {
        dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths });
      }, paths);
      await ask();
    },
    stop: () => app.close(),
  };
}
