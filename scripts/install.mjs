// Brings node_modules to what package-lock.json says. Runs before anything is installed: Node 20's own modules only.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { withFolderLock } from './folder-lock.mjs';

/** A failure the user can mend. The message is one line that says what to do. */
export class InstallError extends Error {}

const GB = 1e9;
const NEEDED_BYTES = 1.6 * GB; // 1.4 GB of packages, and room for npm's temporary files
const FAIL_SOON = ['--fetch-retries=1', '--fetch-retry-mintimeout=500', '--fetch-retry-maxtimeout=1000'];

/**
 * Installs unless node_modules already belongs to this lockfile, platform and architecture. Of several processes that
 * find it missing one installs and the others wait. Progress goes to stderr.
 * @param {string} root folder with package.json and package-lock.json
 * @throws {InstallError}
 */
export async function ensureInstalled(root) {
  const wanted = fingerprint(root);
  if (isStamped(root, wanted)) return;
  try {
    await withFolderLock(join(root, '.installing'), { onWait: sayWaiting }, async (addOwner) => {
      if (isStamped(root, wanted)) return; // whoever held the lock before us did the work
      await install(root, addOwner);
      stamp(root);
    });
  } catch (error) {
    throw error instanceof InstallError ? error : explainOwnError(error, root);
  }
}

/** Marks node_modules as complete for the present lockfile. */
export function stamp(root) {
  writeFileSync(stampFile(root), fingerprint(root));
}

/** What decides the content of node_modules. The scripts in package.json do not, so editing one installs nothing. */
function fingerprint(root) {
  const { dependencies, optionalDependencies, devDependencies, overrides } = readJson(join(root, 'package.json'));
  return createHash('sha256')
    .update(JSON.stringify([process.platform, process.arch]))
    .update(JSON.stringify([dependencies, optionalDependencies, devDependencies, overrides]))
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
}

async function install(root, addOwner) {
  const packages = expectedPackages(root);
  const { code, output: npmVersion } = await npm(root, ['--version']);
  if (code !== 0) throw new InstallError(`npm does not start here: ${lastLine(npmVersion)}`);
  checkFreeSpace(root);
  checkFreeSpace(root, packages.length);
  say(
    `Installing ${packages.length} packages with npm ${npmVersion.trim()}. This happens once and takes a minute or two.`,
  );

  // npm ci begins by deleting node_modules, so ask first whether the registry answers at all.
  const [name, version] = Object.entries(readJson(join(root, 'package.json')).dependencies ?? {})[0] ?? [];
  if (name) {
    const probe = await npm(
      root,
      ['view', `${name}@${version}`, 'version', '--fetch-timeout=15000', ...FAIL_SOON],
      addOwner,
    );
    if (probe.code !== 0) throw explainNpm(probe, root);
  }

  rmSync(stampFile(root), { force: true });
  const started = Date.now();
  const stopProgress = showProgress(() => {
    const present = packages.filter((path) => existsSync(join(root, path, 'package.json'))).length;
    return `Installing: ${present} of ${packages.length} packages, ${seconds(started)} s`;
  });
  // Scripts stay off: npm 10 ignores allowScripts, and every package here works, or brings its binary, without them.
  const args = ['ci', '--ignore-scripts', '--include=dev', '--include=optional', '--no-audit', '--no-fund'];
  const result = await npm(root, args, addOwner).finally(stopProgress);
  if (result.code !== 0) throw explainNpm(result, root);

  // npm passes over an optional package that it cannot get, and the pinned Node and every native binary are such.
  const missing = packages.filter((path) => !existsSync(join(root, path, 'package.json')));
  if (missing.length > 0) {
    const names = missing
      .slice(0, 3)
      .map((path) => path.replace('node_modules/', ''))
      .join(', ');
    throw new InstallError(
      `npm left out ${missing.length} of ${packages.length} packages (${names}). Start again to get them.`,
    );
  }
  say(`Installed ${packages.length} packages in ${seconds(started)} s.`);
}

/**
 * Folders that npm ci fills on this platform, e.g. `node_modules/zod`. Optional packages for every platform are left
 * out: npm drops those that only a foreign platform's package needs.
 */
function expectedPackages(root) {
  const fits = (allowed, value) => allowed === undefined || [allowed].flat().includes(value);
  return Object.entries(readJson(join(root, 'package-lock.json')).packages)
    .filter(([path, { extraneous, optional, os, cpu }]) => path !== '' && !extraneous && (!optional || os || cpu))
    .filter(
      ([, { os, cpu, libc }]) => fits(os, process.platform) && fits(cpu, process.arch) && fits(libc, systemLibc()),
    )
    .map(([path]) => path);
}

/** The C library as lockfiles name it. npm looks into ldd too; asking Node's report can wait seconds for DNS. */
function systemLibc() {
  if (process.platform !== 'linux') return undefined;
  const ldd = '/usr/bin/ldd';
  return existsSync(ldd) && readFileSync(ldd, 'utf8').includes('musl') ? 'musl' : 'glibc';
}

/** Runs npm to its end; a signal that stops us stops npm first. Resolves to the exit code and what npm printed. */
function npm(root, args, addOwner) {
  // npm ci deletes node_modules and with it the pinned Node, so npm must run on the system's.
  const path = (process.env.PATH ?? '').split(delimiter).filter((dir) => !dir.split(/[\\/]/).includes('node_modules'));
  const child = spawn('npm', [...args, '--loglevel=error', '--prefix', root], {
    cwd: root,
    env: { ...process.env, PATH: path.join(delimiter), ONNXRUNTIME_NODE_INSTALL: 'skip' },
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32', // npm is a .cmd there
  });
  const removeOwner = child.pid && addOwner ? addOwner(child.pid) : () => {};
  return new Promise((resolve, reject) => {
    let output = '';
    let stoppedBy;
    const stop = (signal) => {
      stoppedBy = signal;
      child.kill(signal);
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, stop);
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    const end = (settle) => {
      removeOwner();
      for (const signal of signals) process.off(signal, stop);
      if (stoppedBy) reject(new InstallError(`Installing was stopped (${stoppedBy}). The next start does it again.`));
      else settle();
    };
    child.on('error', (error) => {
      const advice =
        error.code === 'ENOENT' ? 'npm was not found. Install Node.js with npm (https://nodejs.org)' : error.message;
      end(() => reject(new InstallError(`${advice} and start again.`)));
    });
    child.on('close', (code, signal) => end(() => resolve({ code: code ?? signal, output })));
  });
}

function checkFreeSpace(root) {
  const freeBytes = freeBytesOf(root);
  if (freeBytes >= NEEDED_BYTES) return;
  const old = join(root, 'node_modules'); // npm ci deletes it first, so its space counts as well
  const oldBytes = existsSync(old)
    ? readdirSync(old, { recursive: true }).reduce((sum, file) => sum + lstatSync(join(old, file)).size, 0)
    : 0;
  if (freeBytes + oldBytes < NEEDED_BYTES) throw new InstallError(noSpace(root, freeBytes));
}

function freeBytesOf(folder) {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

const noSpace = (root, freeBytes) =>
  `The disk that holds ${root} has ${(freeBytes / GB).toFixed(1)} GB free and the packages need about ` +
  `${(NEEDED_BYTES / GB).toFixed(1)} GB. Free some space and start again.`;

const ADVICE = [
  [
    /^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|EPIPE|ERR_SOCKET_TIMEOUT|ENOTCACHED|FETCH_ERROR|UND_.*)$/,
    'could not be reached. Check the network (behind a proxy: npm config set https-proxy URL) and start again.',
  ],
  [
    /CERT|SIGNATURE/,
    'has a certificate that npm does not trust. Name your authority in NODE_EXTRA_CA_CERTS and start again.',
  ],
  [/^E(401|403|404|5\d\d)$/, 'refused. Check which one npm uses (npm config get registry) and start again.'],
];

/**
 * Turns a failed npm run into one line of advice.
 * @param {{ code: number | string, output: string }} result
 */
export function explainNpm({ code, output }, root) {
  const npmCode = /npm (?:error|ERR!) code (\S+)/.exec(output)?.[1] ?? '';
  if (npmCode === 'ENOSPC') {
    return new InstallError(`The disk is full. ${noSpace(root, freeBytesOf(root))}`);
  }
  if (NOT_WRITABLE.test(npmCode))
    return new InstallError(notWritable(/npm (?:error|ERR!) path (.+)/.exec(output)?.[1] ?? root));
  if (npmCode === 'EUSAGE') {
    return new InstallError(
      'package.json and package-lock.json disagree. Run npm install --ignore-scripts and start again.',
    );
  }
  if (npmCode === 'EINTEGRITY') {
    return new InstallError('A downloaded package was damaged. Run npm cache verify and start again.');
  }
  const advice = ADVICE.find(([codes]) => codes.test(npmCode))?.[1];
  if (advice) return new InstallError(`The package registry${hostIn(output)} ${advice} (${npmCode})`);
  return new InstallError(`${output.trim()}\nnpm ended with ${code}. Its message is above.`);
}

function explainOwnError(error, root) {
  if (error.code === 'ENOSPC') return new InstallError(`The disk is full. ${noSpace(root, freeBytesOf(root))}`);
  return NOT_WRITABLE.test(error.code) ? new InstallError(notWritable(root)) : error;
}

const NOT_WRITABLE = /^(EACCES|EPERM|EROFS)$/;
const notWritable = (path) => `${path} cannot be written by this user. Make it writable and start again.`;

function hostIn(output) {
  const url = /https?:\/\/[^\s/]+/.exec(output)?.[0];
  return url ? ` ${url}` : '';
}

/** Keeps one status line current: rewritten in place on a terminal, a fresh line every 5 s in a log. */
function showProgress(line) {
  const inPlace = process.stderr.isTTY;
  const timer = setInterval(
    () => (inPlace ? process.stderr.write(`\r\x1b[K${line()}`) : say(line())),
    inPlace ? 500 : 5000,
  );
  return () => {
    clearInterval(timer);
    if (inPlace) process.stderr.write('\r\x1b[K');
  };
}

const sayWaiting = () => say('Another command is installing the packages. Waiting for it.');
const say = (text) => process.stderr.write(`${text}\n`);
const seconds = (since) => Math.round((Date.now() - since) / 1000);
const lastLine = (text) => text.trim().split('\n').at(-1);
const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));
const stampFile = (root) => join(root, 'node_modules', '.installed');
const isStamped = (root, wanted) => existsSync(stampFile(root)) && readFileSync(stampFile(root), 'utf8') === wanted;
