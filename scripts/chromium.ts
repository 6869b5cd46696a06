import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const COMMANDS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge', 'chrome'];
const APPLICATIONS = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
];

/** Path of a Chromium, Chrome or Edge for the tests: `CHROMIUM` if that is set, else one that is installed. */
export function findChromium(): string | undefined {
  if (process.env.CHROMIUM) return existsSync(process.env.CHROMIUM) ? process.env.CHROMIUM : undefined;
  const folders = ['/usr/bin', ...(process.env.PATH ?? '').split(delimiter)];
  const onPath = folders.flatMap((folder) => COMMANDS.map((command) => join(folder, command)));
  return [...onPath, ...APPLICATIONS].find((path) => existsSync(path));
}

/**
 * Like `findChromium`, but first installs Debian's package where that is possible without asking anybody: as root, on
 * Debian or its kin. Returns a path, or the reason why there is none.
 */
export function ensureChromium(): { path: string } | { reason: string } {
  const path = findChromium();
  if (path) return { path };
  if (process.env.CHROMIUM) return { reason: `CHROMIUM names ${process.env.CHROMIUM}, which does not exist` };
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) {
    return { reason: 'no Chromium, Chrome or Edge is installed; install one, or name one in CHROMIUM' };
  }
  console.log('Installing Chromium for the interface tests (apt-get install chromium).');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', 'chromium']]) {
    const { status, stderr } = spawnSync('apt-get', ['-qq', ...args], { env, encoding: 'utf8', timeout: 600_000 });
    if (status !== 0) return { reason: `apt-get ${args[0]} failed: ${(stderr ?? '').trim().split('\n').at(-1)}` };
  }
  const installed = findChromium();
  return installed ? { path: installed } : { reason: 'apt-get installed Chromium, but it cannot be found' };
}
