import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { arch, platform } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatBytes, ProgressLine } from '../main/shell/progress.ts';
import { electronPackage, findElectron } from './electron.ts';
import { withFolderLock } from './folder-lock.mjs';

const OFFICIAL = 'https://github.com/electron/electron/releases/download/';
const DAY_MS = 24 * 3_600_000;
const LOOK_MS = 300;

type Env = NodeJS.ProcessEnv;
type Found = { path: string } | { reason: string };

export type FetchOptions = {
  env?: Env;
  /** The electron package. */
  folder?: string;
  /** Where it is remembered that there was none, and where a download lies meanwhile. */
  cache?: string;
  /** How long the source may take to answer at all. */
  probeMs?: number;
  /** How long nothing may arrive. */
  stallMs?: number;
  nowMs?: number;
  say?(line: string): void;
};

/**
 * Electron's binary, fetched by the package's own installer where it is absent and its source answers soon: through the
 * proxy and from the mirror (ELECTRON_MIRROR) that the environment names. What failed is not tried again for a day, or
 * until one of these changes.
 */
export async function ensureElectron(options: FetchOptions = {}): Promise<Found> {
  const { env = process.env, folder = electronPackage, nowMs = Date.now() } = options;
  const cache = options.cache ?? join(dirname(folder), '.cache', 'longhand');
  const found = findElectron(env, folder);
  if ('path' in found || env.ELECTRON_BINARY || env.ELECTRON_SKIP_BINARY_DOWNLOAD) return found;
  const memory = join(cache, 'electron.json');
  const route = routeOf(env, folder);
  const known = readMemory(memory);
  if (known !== null && known.route === route && nowMs - known.failedMs < DAY_MS) return { reason: known.reason };
  let result: Found = found;
  mkdirSync(cache, { recursive: true });
  const say = options.say ?? ((line: string) => void process.stderr.write(`${line}\n`));
  const onWait = () => say('Another command is getting Electron. Waiting for it.');
  await withFolderLock(join(cache, 'electron-lock'), { onWait }, async () => {
    result = findElectron(env, folder); // whoever held the lock before us may have got it
    if ('reason' in result) result = await fetchElectron({ ...options, env, folder, cache, say });
  });
  if ('reason' in result) writeFileSync(memory, JSON.stringify({ route, failedMs: nowMs, reason: result.reason }));
  return result;
}

type Fetching = FetchOptions & { env: Env; folder: string; cache: string; say(line: string): void };

async function fetchElectron({ env, folder, cache, say, probeMs = 4000, stallMs = 45_000 }: Fetching): Promise<Found> {
  const probe = await probeSource(artifactUrl(env, folder), probeMs, env);
  if ('reason' in probe) return probe;
  say('Getting Electron, once, for a window of its own.');
  const reason = await runInstaller({ env, folder, cache, stallMs, bytes: probe.bytes });
  const found = findElectron(env, folder);
  return 'path' in found || reason === null ? found : { reason };
}

/** As @electron/get names it. */
function artifactUrl(env: Env, folder: string): string {
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
  const mirror = env.npm_config_electron_mirror ?? env.NPM_CONFIG_ELECTRON_MIRROR ?? env.ELECTRON_MIRROR;
  const path = env.ELECTRON_CUSTOM_DIR?.replace('{{ version }}', version) ?? `v${version}`;
  return `${mirror ?? OFFICIAL}${path}/electron-v${version}-${platform()}-${arch()}.zip`;
}

/** What decides whether a fetch can succeed; only its digest is kept, as a proxy's address may hold a password. */
function routeOf(env: Env, folder: string): string {
  const proxies = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'NO_PROXY', 'no_proxy'];
  const parts = [artifactUrl(env, folder), ...proxies.map((name) => env[name] ?? '')];
  return createHash('sha256').update(parts.join('\n')).digest('hex');
}

function readMemory(file: string): { route: string; failedMs: number; reason: string } | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as { route: string; failedMs: number; reason: string };
  } catch {
    return null;
  }
}

type Probe = { bytes: number | null } | { reason: string };

function probeSource(url: string, limitMs: number, env: Env): Promise<Probe> {
  const file = fileURLToPath(new URL('electron-probe.mjs', import.meta.url));
  return new Promise((resolve) => {
    // The second limit is for what the first does not cover, such as a look-up of the name.
    const limits = { timeout: limitMs + 2000, killSignal: 'SIGKILL' as const };
    const throughProxy = { ...env, NODE_USE_ENV_PROXY: '1' };
    execFile(process.execPath, [file, url, String(limitMs)], { ...limits, env: throughProxy }, (error, stdout) =>
      resolve(error ? { reason: `${new URL(url).host} does not answer in time` } : (JSON.parse(stdout) as Probe)),
    );
  });
}

type Installing = { env: Env; folder: string; cache: string; stallMs: number; bytes: number | null };

/** Runs the package's installer and ends it when nothing arrives any more. Returns what went wrong, or null. */
async function runInstaller({ env, folder, cache, stallMs, bytes }: Installing): Promise<string | null> {
  const temporary = join(cache, 'electron-download'); // the archive grows in the system's temporary folder, so name it
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary, { recursive: true });
  const own = { TMPDIR: temporary, TEMP: temporary, TMP: temporary, ELECTRON_GET_NO_PROGRESS: '1' };
  const child = spawn(process.execPath, [join(folder, 'install.js')], {
    env: { ...env, ...own, ELECTRON_GET_USE_PROXY: '1', NODE_USE_ENV_PROXY: '1' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const progress = new ProgressLine(process.stderr);
  let arrived = 0;
  let changedMs = Date.now();
  let isStalled = false;
  const looking = setInterval(() => {
    const size = sizeOf(temporary);
    if (size !== arrived) changedMs = Date.now();
    arrived = size;
    if (size > 0)
      progress.update(
        `Electron: ${bytes === null ? '' : `${formatBytes(bytes)}, of which `}${formatBytes(size)} are here`,
      );
    isStalled = Date.now() - changedMs > stallMs;
    if (isStalled) child.kill('SIGKILL');
  }, LOOK_MS);
  const stop = () => child.kill('SIGKILL');
  process.once('exit', stop);
  try {
    const code = await new Promise<number | null>((resolve) => {
      child.on('error', () => resolve(null));
      child.on('close', resolve);
    });
    if (code === 0) return null;
    if (isStalled) return 'its download came to a standstill';
    return `its download failed: ${/^.*Error.*$/m.exec(errors)?.[0] ?? `the installer ended with ${code}`}`;
  } finally {
    clearInterval(looking);
    process.off('exit', stop);
    progress.clear();
    rmSync(temporary, { recursive: true, force: true });
  }
}

function sizeOf(folder: string): number {
  try {
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
  } catch {
    return 0; // moved away while we looked
  }
}
