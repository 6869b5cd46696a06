import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LonghandError, toStoredError } from '../../contract/errors.ts';
import { INCOMING_FOLDER } from '../../contract/models.ts';
import { ChosenPaths } from '../chosen-paths.ts';
import { removeOldProfiles } from '../../services/data/place.ts';
import { Connection } from '../connection.ts';
import { ensureDataFolder, findDataFolder } from '../data-folder.ts';
import { announceInstance, awaitInstance, findInstance, newToken, pageUrl, type Instance } from '../instance.ts';
import { followModel } from '../model-status.ts';
import { createNodeSupervisor, type NodeShellOptions } from '../node/start.ts';
import { parseOptions, usage, type Options } from './options.ts';
import { Pages } from './pages.ts';
import { jsonReport, textReport, type Report } from './report.ts';
import { startServer } from './server.ts';
import { findBrowser, openWindow, type Window } from './window.ts';

const FIRST_PAGE_MS = 10_000;
const RELOAD_MS = 2000;

/** What tests put in the place of the real thing. */
export type Parts = Pick<NodeShellOptions, 'files' | 'restartDelayMs'> & { folder?: string };

/**
 * `npm start`: serves the page to this machine and shows it in a window, until that is closed or a signal comes.
 * Sets the exit code: 0 after an orderly end, 1 with one line on stderr, 2 for wrong usage.
 */
export async function main(argv: string[], parts: Parts = {}): Promise<void> {
  let options: Options;
  try {
    options = parseOptions(argv);
  } catch (error) {
    process.stderr.write(`longhand: ${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    process.exitCode = 2;
    return;
  }
  if (options.help) return void process.stdout.write(usage);
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {}); // whoever read them has gone
  const report = (options.json ? jsonReport : textReport)(process);
  try {
    await run(options, report, parts);
  } catch (error) {
    report.error(error instanceof LonghandError ? error : new LonghandError('internal', toStoredError(error).message));
    process.exitCode = 1;
  }
}

async function run(options: Options, report: Report, parts: Parts): Promise<void> {
  let dataFolder = findDataFolder(options.data);
  ensureDataFolder(dataFolder);
  const running = await findInstance(dataFolder);
  if (running) return joinRunning(running, dataFolder, options, report);

  const folder = parts.folder ?? fileURLToPath(new URL('../../../out/renderer', import.meta.url));
  if (!existsSync(join(folder, 'index.html'))) {
    throw new LonghandError('internal', 'The page has not been built. Build it with: npm run build');
  }
  const { say, log } = report;
  const chosen = new ChosenPaths();
  const isChosen = (path: string) => chosen.has(path);
  const onMoved = () => {
    forget();
    dataFolder = findDataFolder(options.data);
    forget = announceInstance(dataFolder, instance);
  };
  const shown = { fetch: options.fetch, say, log };
  const supervisor = createNodeSupervisor({ ...parts, ...shown, dataFolder, isChosen, onMoved });
  const pages = new Pages();
  const [token, commandToken] = [newToken(), newToken()];
  const server = await startServer({
    folder,
    token,
    commandToken,
    port: options.port,
    incoming: () => join(dataFolder, INCOMING_FOLDER),
    connectPage: () => supervisor.connectPage(),
    connectClient: () => supervisor.connectClient(),
    onPath: (path) => chosen.add(path),
    onPages: (count) => pages.set(count),
  });
  const instance: Instance = { pid: process.pid, address: server.address, token, commandToken };
  const connection = new Connection(() => supervisor.connectClient());
  const ending = new AbortController();
  const signalled = untilSignal(ending.signal);
  const failed = supervisor.failed.then((error) => Promise.reject(error));
  failed.catch(() => {}); // it is awaited below; until then it must not count as unhandled
  let forget = () => {};
  let window: Window | null = null;
  try {
    supervisor.start();
    // A page could be served sooner, but only an assistant that answers has the data folder to itself.
    const started = await Promise.race([untilUp(connection), signalled]);
    if (started === 'taken') {
      const other = await awaitInstance(dataFolder);
      if (other === null) throw await supervisor.failed;
      return await joinRunning(other, dataFolder, options, report);
    }
    if (started !== 'up') return;
    forget = announceInstance(dataFolder, instance);
    removeOldProfiles(dataFolder);
    report.ready(instance);
    if (!options.isHeadless) window = openOwnWindow(instance, dataFolder, report);
    const done = window && untilWindowIsClosed(window, pages, options, report);
    void followModel(connection, report.model, ending.signal).catch(() => {}); // `failed` says what there is to say
    await Promise.race([signalled, failed, ...(done ? [done] : [])]);
  } finally {
    ending.abort();
    forget();
    window?.close();
    await server.close();
    await connection.close();
    await supervisor.stop();
  }
}

/** 'taken' when another Longhand, maybe one that is just starting, has the data folder. */
async function untilUp(connection: Connection): Promise<'up' | 'taken'> {
  try {
    await connection.run((client) => client.system.hello());
    return 'up';
  } catch (error) {
    if (error instanceof LonghandError && error.code === 'data-folder-in-use') return 'taken';
    throw error;
  }
}

/** A second start on a data folder shows the first one's page and is done. */
async function joinRunning(instance: Instance, dataFolder: string, options: Options, report: Report): Promise<void> {
  report.alreadyRunning(instance);
  const window = options.isHeadless ? null : openOwnWindow(instance, dataFolder, report);
  if (!window) return;
  await Promise.race([window.closed, sleep(FIRST_PAGE_MS / 2)]);
  await sleep(1000); // where a running browser opens the window, ours has ended before the file was read
  window.forgetAddress();
}

function openOwnWindow(instance: Instance, dataFolder: string, report: Report): Window | null {
  const found = findBrowser();
  if ('browser' in found) return openWindow(found.browser, pageUrl(instance), dataFolder);
  report.say(`${found.reason} Open the address above in a browser on this machine.`);
  return null;
}

/** Settles when the user has closed the window. One that never showed the page does not count. */
async function untilWindowIsClosed(window: Window, pages: Pages, options: Options, report: Report): Promise<void> {
  const hasShown = pages.haveComeWithin(FIRST_PAGE_MS);
  void hasShown.then((shown) => shown && window.forgetAddress());
  const endedWell = await window.closed;
  if (!(await pages.haveComeWithin(endedWell ? FIRST_PAGE_MS : 0))) {
    report.say('The window could not be opened. Open the address above in a browser on this machine.');
  } else if (!options.isKept) {
    return pages.haveAllGoneFor(RELOAD_MS);
  }
  return new Promise(() => {}); // from here on only a signal ends us
}

/** Settles at the first signal to end; a second one ends this process at once, and its children with it. */
function untilSignal(ended: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let count = 0;
  const onSignal = () => (++count === 1 ? resolve() : process.exit(130));
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  ended.addEventListener(
    'abort',
    () => void (count === 0 && signals.forEach((signal) => process.off(signal, onSignal))),
  );
  return promise;
}
