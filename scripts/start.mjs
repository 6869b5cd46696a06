// npm start: the app as it runs from its sources, in Electron where that is or can be had, else in the browser shell.
import { main } from '../main/shell/browser/main.ts';
import { parseOptions } from '../main/shell/browser/options.ts';
import { findDataFolder } from '../main/shell/data-folder.ts';
import { findInstance } from '../main/shell/instance.ts';
import { root } from './build-once.mjs';
import { buildRenderer } from './build-renderer.mjs';
import { findElectron } from './electron.ts';
import { ensureElectron } from './electron-fetch.ts';
import { runElectron } from './electron-run.ts';

const args = process.argv.slice(2);
await buildRenderer();
if (!(await ranInElectron())) await main(args);

async function ranInElectron() {
  const options = parsed();
  if (options === null || options.isForBrowser || !hasDisplay()) return false;
  // A Longhand that serves this data folder to browsers shows its window in one.
  if ((await findInstance(findDataFolder(options.data))) !== null) return false;
  const electron = options.fetch === 'never' ? findElectron() : await ensureElectron();
  if ('reason' in electron) {
    process.stderr.write(`Opening a browser, as Electron is not here: ${electron.reason}.\n`);
    return false;
  }
  const { buildElectron } = await import('./build-electron.mjs');
  await buildElectron();
  const { hasStarted, exitCode } = await runElectron(electron.path, root, args);
  if (!hasStarted && exitCode !== 0) {
    process.stderr.write(`Electron ended with ${exitCode} before it showed a window. Opening a browser.\n`);
    return false;
  }
  process.exitCode = exitCode;
  return true;
}

/** Null for what the browser shell will refuse, with its usage. */
function parsed() {
  try {
    return parseOptions(args);
  } catch {
    return null;
  }
}

function hasDisplay() {
  return process.platform !== 'linux' || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
}
