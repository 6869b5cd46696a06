import { readdirSync, rmSync, statSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { INCOMING_FOLDER } from '../../contract/models.ts';
import { wipe } from '../data/wipe.ts';

const STILL_WRITTEN_MS = 60_000;

/** Copies of files that the page has sent, each in a folder of its own, which last as long as their import. */
export class Incoming {
  readonly #dir: string;

  constructor(dataDir: string) {
    this.#dir = resolve(dataDir, INCOMING_FOLDER);
  }

  /** Removes the copy at `path`, if it is one: a file of the user's own is never touched. */
  remove(path: string): void {
    const folder = this.#folderOf(path);
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
  }

  /** Overwrites the copy of a document at `path`, if it is one, and removes it: it is kept elsewhere now, or not at all. */
  async wipe(path: string): Promise<void> {
    const folder = this.#folderOf(path);
    if (folder === null || resolve(path) === folder) return;
    await wipe(path);
    await rmdir(folder).catch(() => {}); // the others of its group may still be there
  }

  /** Removes what no unfinished import will need, except what is being written just now. */
  sweep(needed: readonly string[], nowMs = Date.now()): void {
    const kept = new Set(needed.map((path) => this.#folderOf(path)));
    for (const name of this.#names()) {
      const folder = join(this.#dir, name);
      if (kept.has(folder) || nowMs - lastWriteMs(folder) < STILL_WRITTEN_MS) continue;
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** The folder of ours that `path` is, or lies in; null for what is the user's. */
  #folderOf(path: string): string | null {
    const whole = resolve(path);
    return [whole, dirname(whole)].find((folder) => dirname(folder) === this.#dir) ?? null;
  }

  #names(): string[] {
    try {
      return readdirSync(this.#dir);
    } catch {
      return []; // nothing was ever sent
    }
  }
}

/** Zero for what is no folder, which nobody of ours has put there. */
function lastWriteMs(folder: string): number {
  try {
    const paths = [folder, ...readdirSync(folder).map((name) => join(folder, name))];
    return Math.max(...paths.map((path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0));
  } catch {
    return 0;
  }
}
