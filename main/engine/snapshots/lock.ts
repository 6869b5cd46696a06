import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { writeWhole, type Disk } from './disk.ts';

/** A writer renews its lock so often. */
const RENEW_MS = 5000;
/** One that was not renewed for so long is a dead writer's, whatever process has its number now. */
const STALE_MS = 20_000;
/** After taking a dead writer's lock: another may do the same at the same moment, and the later of the two has it. */
const SETTLE_MS = 50;

/** Locks of this very process: its number alone may be that of one which died. */
const ours = new Set<string>();

const holder = z.object({ id: z.string(), pid: z.number().int(), host: z.string() });

/**
 * One writer in a folder. The lock is a file that names its holder and is renewed; who dies loses it at once on the same
 * machine, and within 20 s elsewhere. Two writers would spoil nothing, as files are named by their contents and appear
 * whole, but they would throw away each other's.
 */
export class SnapshotLock {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #id: string;
  readonly #timer: NodeJS.Timeout;

  private constructor(disk: Disk, path: string, id: string) {
    this.#disk = disk;
    this.#path = path;
    this.#id = id;
    ours.add(id);
    const renew = () => {
      const now = new Date();
      disk.utimes(path, now, now).catch(() => {}); // gone with its folder
    };
    this.#timer = setInterval(renew, RENEW_MS).unref();
  }

  /** Null: another process writes here. @throws the system's error where nobody could */
  static async take(disk: Disk, folder: string): Promise<SnapshotLock | null> {
    const path = join(folder, 'lock');
    const id = randomUUID();
    if (await isHeld(disk, path)) return null;
    await writeWhole(disk, path, JSON.stringify({ id, pid: process.pid, host: hostname() }));
    await sleep(SETTLE_MS);
    return (await readHolder(disk, path))?.id === id ? new SnapshotLock(disk, path, id) : null;
  }

  async release(): Promise<void> {
    clearInterval(this.#timer);
    ours.delete(this.#id);
    const found = await readHolder(this.#disk, this.#path);
    if (found?.id === this.#id) await this.#disk.rm(this.#path, { force: true }).catch(() => {});
  }
}

async function isHeld(disk: Disk, path: string): Promise<boolean> {
  const found = await readHolder(disk, path);
  const stats = await disk.stat(path).catch(() => null);
  if (found === null || stats === null || Date.now() - stats.mtimeMs > STALE_MS) return false;
  if (found.host !== hostname()) return true;
  return found.pid === process.pid ? ours.has(found.id) : isAlive(found.pid);
}

async function readHolder(disk: Disk, path: string) {
  try {
    return holder.parse(JSON.parse(await disk.readFile(path, 'utf8')));
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
