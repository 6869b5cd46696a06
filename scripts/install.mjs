// Brings node_modules to what package-lock.json says. Runs before anything is installed: Node 20's own modules only.
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { withFolderLock } from './folder-lock.mjs';
import { explainFileSystem, explainNpm, InstallError, runNpm } from './npm.mjs';

const GB = 1e9;
const NEEDED_BYTES = 1.6 * GB; // 1.4 GB of packages, and room for npm's temporary files
const LOG_EVERY_MS = 5000;

/**
 * Installs unless node_modules already belongs to this lockfile, platform and architecture. Of several processes that
 * find it missing one installs and the others wait. Progress goes to stderr.
 * @param {string} root folder with package.json and package-lock.json
 * @throws {InstallError}
 */
export async function ensureInstalled(root) {
  if (isInstalled(root)) return;
  const onWait = () => say('Another command is installing the packages. Waiting for it.');
  try {
    await withFolderLock(join(root, '.installing'), { onWait }, async (addOwner) => {
      if (isInstalled(root)) return; // whoever held the lock before us did the work
      await install(root, addOwner);
      markInstalled(root);
    });
  } catch (error) {
    throw error instanceof InstallError ? error : (explainFileSystem({ code: error.code }, root) ?? error);
  }
}

/**
 * Marks node_modules as complete for the present lockfile.
 * @param {string} root
 */
export function markInstalled(root) {
  mkdirSync(join(root, 'node_modules'), { recursive: true }); // npm makes none where there is nothing to install
  writeFileSync(stampFile(root), fingerprint(root));
}

/**
 * Refuses to begin where the packages cannot fit.
 * @param {string} root
 * @param {number} [neededBytes]
 * @throws {InstallError}
 */
export function checkFreeSpace(root, neededBytes = NEEDED_BYTES) {
  const { bavail, bsize } = statfsSync(root);
  const freeBytes = bavail * bsize;
  if (freeBytes >= neededBytes || freeBytes + oldPackagesBytes(root) >= neededBytes) return;
  throw new InstallError(
    `${gb(freeBytes)} free, ${gb(neededBytes)} needed for the packages in ${root}. ` +
      'Nothing was changed. Free some space and start again.',
  );
}

async function install(root, addOwner) {
  const packages = expectedPackages(root);
  if (isComplete(root, packages)) return;
  const { code, output: npmVersion } = await runNpm(root, ['--version']);
  if (code !== 0) throw new InstallError(`npm does not start here: ${npmVersion.trim().split('\n').at(-1)}`);
  if (packages.length > 0) checkFreeSpace(root);
  say(`Installing ${packages.length} packages with npm ${npmVersion.trim()}. Once; it takes a minute or two.`);
  await checkRegistry(root, addOwner);

  rmSync(stampFile(root), { force: true });
  const started = Date.now();
  const seconds = () => Math.round((Date.now() - started) / 1000);
  const missing = () => packages.filter((path) => !isWrittenSince(started, join(root, path, 'package.json')));
  const status = () => `Installing: ${packages.length - missing().length} of ${packages.length}, ${seconds()} s`;
  const stopProgress = showProgress(status);
  // Scripts stay off: npm 10 ignores allowScripts, and every package here works, or brings its binary, without them.
  const args = ['ci', '--ignore-scripts', '--include=dev', '--include=optional', '--no-audit', '--no-fund'];
  const result = await runNpm(root, args, addOwner).finally(stopProgress);
  if (result.code !== 0) throw explainNpm(result, root);

  // npm passes over an optional package that it cannot get, and the pinned Node and every native binary are such.
  const leftOut = missing();
  if (leftOut.length > 0) {
    throw new InstallError(
      `npm left out ${leftOut.length} packages, ${leftOut[0]} among them. Start again to get them.`,
    );
  }
  say(`Installed ${packages.length} packages in ${seconds()} s.`);
}

/**
 * True when npm has brought everything here to its end already: by hand, or as an orphan of a command that was killed.
 * npm ci deletes its own record, node_modules/.package-lock.json, first and writes it last.
 */
function isComplete(root, packages) {
  const record = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const wanted = readJson(join(root, 'package-lock.json')).packages;
  const present = readJson(record).packages;
  return packages.every(
    (path) => present[path]?.version === wanted[path].version && existsSync(join(root, path, 'package.json')),
  );
}

/** npm ci begins by deleting node_modules, so first ask whether the registry answers at all. */
async function checkRegistry(root, addOwner) {
  const [name, version] = Object.entries(readJson(join(root, 'package.json')).dependencies ?? {})[0] ?? [];
  if (!name) return;
  const failSoon = ['--fetch-timeout=15000', '--fetch-retries=1', '--fetch-retry-mintimeout=500'];
  const answer = await runNpm(root, ['view', `${name}@${version}`, 'version', ...failSoon], addOwner);
  if (answer.code !== 0) throw explainNpm(answer, root);
}

/**
 * Folders that npm ci fills on this platform, e.g. `node_modules/zod`. Optional packages for every platform are left
 * out: npm drops those that only a foreign platform's package needs.
 */
function expectedPackages(root) {
  const system = { os: process.platform, cpu: process.arch, libc: systemLibc() };
  const fits = (entry) => Object.keys(system).every((key) => !entry[key] || [entry[key]].flat().includes(system[key]));
  return Object.entries(readJson(join(root, 'package-lock.json')).packages)
    .filter(([path, { extraneous, optional, os }]) => path !== '' && !extraneous && (!optional || os))
    .filter(([, entry]) => fits(entry))
    .map(([path]) => path);
}

/** The C library as lockfiles name it. npm looks into ldd too; asking Node's report can wait seconds for DNS. */
function systemLibc() {
  const ldd = '/usr/bin/ldd';
  return existsSync(ldd) && readFileSync(ldd, 'utf8').includes('musl') ? 'musl' : 'glibc';
}

/** Shows a status line until the returned function is called: rewritten on a terminal, a line at a time in a log. */
function showProgress(status) {
  const rewrite = process.stderr.isTTY;
  const show = () => (rewrite ? process.stderr.write(`\r\x1b[K${status()}`) : say(status()));
  const timer = setInterval(show, rewrite ? 500 : LOG_EVERY_MS);
  return () => {
    clearInterval(timer);
    if (rewrite) process.stderr.write('\r\x1b[K');
  };
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

function isInstalled(root) {
  return existsSync(stampFile(root)) && readFileSync(stampFile(root), 'utf8') === fingerprint(root);
}

/** npm ci deletes the old packages first, so their space counts as free. */
function oldPackagesBytes(root) {
  const folder = join(root, 'node_modules');
  if (!existsSync(folder)) return 0;
  return readdirSync(folder, { recursive: true }).reduce((sum, file) => sum + lstatSync(join(folder, file)).size, 0);
}

/** npm ci takes a while to delete the old packages; they do not count as installed. */
const isWrittenSince = (time, file) => (statSync(file, { throwIfNoEntry: false })?.ctimeMs ?? 0) >= time;
const stampFile = (root) => join(root, 'node_modules', '.installed');
const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));
const gb = (bytes) => `${(bytes / GB).toFixed(1)} GB`;
const say = (text) => process.stderr.write(`${text}\n`);
