// A lock between processes that is a folder: it needs no library, works on every file system and outlives no owner.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 200;

/**
 * Runs `work` while this process holds the lock `folder`, waiting for as long as another living process holds it.
 * `work` gets `addOwner(pid)`, which keeps the lock taken while that child lives, even if this process is killed, and
 * returns a function that takes the child off again. `onWait` is called once, when there is something to wait for.
 *
 * The folder holds one empty file per owner, named after the process and its start. Each step is atomic, so no two
 * processes can both take a dead one's place: a claim renames a folder that already has its owner over the lock, which
 * succeeds only where the lock is absent or empty; a takeover unlinks the dead owner's own file and nothing else.
 * @param {string} folder
 * @param {{ onWait?: () => void }} options
 * @param {(addOwner: (pid: number) => () => void) => Promise<void>} work
 */
export async function withFolderLock(folder, { onWait }, work) {
  const me = ownerName(process.pid);
  const claim = `${folder}-${me}`;
  mkdirSync(claim, { recursive: true });
  writeFileSync(join(claim, me), '');
  try {
    for (let waited = false; !tryClaim(claim, folder);) {
      if (removeDeadOwners(folder)) continue;
      if (!waited) onWait?.();
      waited = true;
      await sleep(POLL_MS);
    }
    removeAbandonedClaims(folder);
    await work((pid) => {
      const file = join(folder, ownerName(pid));
      writeFileSync(file, '');
      return () => rmSync(file, { force: true });
    });
  } finally {
    rmSync(claim, { recursive: true, force: true });
    rmSync(join(folder, me), { force: true });
    removeIfEmpty(folder);
  }
}

function tryClaim(claim, folder) {
  if (process.platform === 'win32') removeIfEmpty(folder); // there a rename does not replace even an empty folder
  try {
    renameSync(claim, folder);
    return true;
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST'].includes(error.code)) return false;
    if (error.code === 'EPERM' && process.platform === 'win32') return false;
    throw error;
  }
}

/** True when nobody alive is left in the folder, so that a claim may succeed at once. */
function removeDeadOwners(folder) {
  const owners = list(folder);
  const dead = owners.filter((name) => !isAlive(name));
  for (const name of dead) rmSync(join(folder, name), { force: true });
  return dead.length === owners.length;
}

/** Claims of processes that were killed while waiting. */
function removeAbandonedClaims(folder) {
  const prefix = `${basename(folder)}-`;
  for (const name of list(dirname(folder))) {
    if (!name.startsWith(prefix) || isAlive(name.slice(prefix.length))) continue;
    rmSync(join(dirname(folder), name), { recursive: true, force: true });
  }
}

const ownerName = (pid) => `${pid}-${startOf(pid)}`;

function isAlive(owner) {
  const [pid, start] = owner.split('-');
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if (error.code !== 'EPERM') return false;
  }
  return startOf(Number(pid)) === start;
}

/** Start time in clock ticks, because a process id is used again after a restart. Empty where /proc does not tell. */
function startOf(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return fields.slice(fields.lastIndexOf(')') + 2).split(' ')[19] ?? ''; // field 22 of proc(5); the name may hold spaces
  } catch {
    return '';
  }
}

function list(folder) {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}

function removeIfEmpty(folder) {
  try {
    rmdirSync(folder);
  } catch (error) {
    if (!['ENOTEMPTY', 'ENOENT', 'EEXIST', 'EPERM'].includes(error.code)) throw error;
  }
}
