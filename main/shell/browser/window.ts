import { spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const COMMANDS = [
  'google-chrome',
  'google-chrome-stable',
  'chromium',
  'chromium-browser',
  'microsoft-edge',
  'microsoft-edge-stable',
];
const MAC_APPLICATIONS = ['Google Chrome', 'Chromium', 'Microsoft Edge'].map(
  (name) => `/Applications/${name}.app/Contents/MacOS/${name}`,
);
const WINDOWS_PROGRAMS = ['Google/Chrome/Application/chrome.exe', 'Microsoft/Edge/Application/msedge.exe'];

/** Longhand's own window makes no connection of its own and asks nothing. */
const QUIET = [
  '--no-first-run',
  '--no-default-browser-check',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-default-apps',
  '--disable-extensions',
  '--disable-breakpad',
  '--disable-domain-reliability',
  '--disable-features=Translate,OptimizationHints,MediaRouter,AutofillServerCommunication',
  '--no-pings',
  '--password-store=basic', // else the first start may ask for the keyring's password
];

type Machine = {
  platform: NodeJS.Platform;
  env: NodeJS.ProcessEnv;
  home: string;
  isExecutable(file: string): boolean;
};

const thisMachine = (): Machine => ({ platform: process.platform, env: process.env, home: homedir(), isExecutable });

/** Why there is no window, or which browser makes one. */
export type Found = { browser: string } | { reason: string };

/** A Chromium, Chrome or Edge that can show a window here; LONGHAND_BROWSER goes before all others. */
export function findBrowser({ platform, env, home, isExecutable } = thisMachine()): Found {
  const hasDisplay = platform !== 'linux' || Boolean(env.DISPLAY || env.WAYLAND_DISPLAY);
  if (!hasDisplay) return { reason: 'There is no display here.' };
  if (env.LONGHAND_BROWSER) {
    const browser = env.LONGHAND_BROWSER;
    if (isExecutable(browser)) return { browser };
    return { reason: `LONGHAND_BROWSER names ${browser}, which cannot be started.` };
  }
  const browser = candidates({ platform, env, home }).find(isExecutable);
  if (browser !== undefined) return { browser };
  return { reason: 'No Chromium, Chrome or Edge was found. Install one, or name one in LONGHAND_BROWSER.' };
}

function candidates({ platform, env, home }: Omit<Machine, 'isExecutable'>): string[] {
  if (platform === 'darwin') return MAC_APPLICATIONS.flatMap((path) => [path, join(home, path)]);
  if (platform === 'win32') {
    const folders = [env.ProgramFiles, env['ProgramFiles(x86)'], env.LOCALAPPDATA].filter(
      (folder) => folder !== undefined,
    );
    return WINDOWS_PROGRAMS.flatMap((program) => folders.map((folder) => join(folder, program)));
  }
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return COMMANDS.flatMap((command) => folders.map((folder) => join(folder, command)));
}

export type Window = {
  /**
   * Settles when the browser ends, to whether it ended well: at once, too, where it only asked a running one to open
   * the window.
   */
  readonly closed: Promise<boolean>;
  /** Takes away the file that told the browser the address; it is read only once. */
  forgetAddress(): void;
  close(): void;
};

/**
 * Opens `url` in a window without tabs and address bar, with a profile of its own. The address, which holds the token,
 * is passed in a private file: a process list shows everybody how a browser was called. The window outlives us unless
 * it is closed.
 */
export function openWindow(browser: string, url: string, dataFolder: string): Window {
  const folder = windowFolder(browser, dataFolder);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const pages = mkdtempSync(join(folder, 'open-')); // its mode is 0700 everywhere
  const page = join(pages, 'open.html');
  writeFileSync(page, `<!doctype html><script>location.replace(${JSON.stringify(url)})</script>\n`, { mode: 0o600 });
  const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : []; // Chromium refuses its sandbox to root
  const child = spawn(
    browser,
    [...asRoot, ...QUIET, `--user-data-dir=${join(folder, 'profile')}`, `--app=${pathToFileURL(page).href}`],
    { stdio: 'ignore', detached: true },
  );
  child.unref();
  const forgetAddress = () => rmSync(pages, { recursive: true, force: true });
  return {
    closed: new Promise((resolve) => {
      child.on('error', () => resolve(false));
      child.on('exit', (code) => resolve(code === 0));
    }),
    forgetAddress,
    close() {
      forgetAddress();
      child.kill();
    },
  };
}

/** A browser from a snap can read neither hidden folders nor /tmp, but it has a folder of its own. */
export function windowFolder(browser: string, dataFolder: string, home = homedir()): string {
  const [, snap] = /^\/snap\/bin\/(.+)$/.exec(browser) ?? [];
  return snap === undefined ? join(dataFolder, 'browser') : join(home, 'snap', snap, 'common', 'longhand');
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
