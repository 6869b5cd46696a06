import { join } from 'node:path';
import { z } from 'zod';
import { flushFolder, writeWhole, type Disk } from './disk.ts';
import { digest } from './format.ts';

/** Branches of one owner that are kept: an edited question makes another. */
const MOST_TIPS = 8;

const record = z.object({ owner: z.string(), tips: z.array(z.string().regex(/^[0-9a-f]{32}$/)) });

/**
 * Who needs which snapshots: for each owner (`conversation:ID`) the last nodes of its sequences, in a file of its own. A
 * node that no owner's tip stands on is needed by nobody.
 */
export class SnapshotOwners {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #tips = new Map<string, string[]>();

  constructor(disk: Disk, folder: string) {
    this.#disk = disk;
    this.#folder = folder;
  }

  /** Reads what is there. @returns names of files that say nothing */
  async read(): Promise<string[]> {
    const useless: string[] = [];
    for (const name of await this.#disk.readdir(this.#folder)) {
      const known = await this.#readOne(name);
      if (known === null) useless.push(name);
      else this.#tips.set(known.owner, known.tips);
    }
    return useless;
  }

  get names(): string[] {
    return [...this.#tips.keys()];
  }

  get tips(): string[] {
    return [...this.#tips.values()].flat();
  }

  tipsOf(owner: string): readonly string[] {
    return this.#tips.get(owner) ?? [];
  }

  /** Notes, on the disk first, where the sequences of an owner end; newest last. */
  async set(owner: string, tips: readonly string[]): Promise<void> {
    const kept = tips.slice(-MOST_TIPS);
    if (JSON.stringify(kept) === JSON.stringify(this.tipsOf(owner))) return;
    await writeWhole(this.#disk, this.#path(owner), `${JSON.stringify({ owner, tips: kept })}\n`);
    await flushFolder(this.#disk, this.#folder);
    this.#tips.set(owner, kept);
  }

  async remove(owner: string): Promise<void> {
    this.#tips.delete(owner);
    await this.#disk.rm(this.#path(owner), { force: true });
  }

  #path(owner: string): string {
    return join(this.#folder, `${digest(owner)}.json`);
  }

  async #readOne(name: string) {
    try {
      const found = record.parse(JSON.parse(await this.#disk.readFile(join(this.#folder, name), 'utf8')));
      return name === `${digest(found.owner)}.json` ? found : null;
    } catch {
      return null;
    }
  }
}
