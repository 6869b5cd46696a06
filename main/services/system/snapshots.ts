import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { SnapshotStatus } from '../../contract/engine.ts';
import { conversationOwner, documentOwner } from '../../contract/owner.ts';
import { isEngineLoss, type Engine } from '../../engine/client.ts';
import type { Store } from '../store/open.ts';
import { readSettings } from './settings.ts';

/** Below the data folder: what can be computed again. Left behind by a move, and in no backup. */
export const CACHE_FOLDER = 'cache';

const GIB = 1024 ** 3;
/** Unless the settings say otherwise: so much of what is free, and no more than this. */
const FREE_SHARE = 0.1;
const MOST_BYTES = 8 * GIB;

export type SnapshotsOptions = {
  dataDir: string;
  store: Store;
  engine: Pick<Engine, 'onChange' | 'connected' | 'useSnapshots' | 'forget' | 'status'>;
  log(line: string): void;
};

/** The caches that the engine keeps on the disk: where, in how much room, and for whom. */
export class Snapshots {
  readonly #options: SnapshotsOptions;

  constructor(options: SnapshotsOptions) {
    this.#options = options;
    options.engine.onChange(() => {
      if (options.engine.connected) void this.configure();
    });
  }

  /**
   * Tells the engine where to save and how much. What it still holds of what was destroyed while it was away goes now.
   */
  async configure(): Promise<void> {
    const { dataDir, engine, store } = this.#options;
    await this.#tell(async () => {
      const { owners } = await engine.useSnapshots({
        folder: join(dataDir, CACHE_FOLDER, 'kv'),
        budgetBytes: this.#budgetBytes(),
      });
      const gone = owners.filter((owner) => {
        const conversation = conversationOwner.idOf(owner);
        if (conversation !== null) return store.conversations.get(conversation) === null;
        const document = documentOwner.idOf(owner);
        return document !== null && store.documents.get(document) === null;
      });
      if (gone.length > 0) await engine.forget(gone);
    });
  }

  /** Owners were destroyed, or words of theirs: what was computed of them goes, too. */
  async forget(owners: readonly string[]): Promise<void> {
    await this.#tell(() => this.#options.engine.forget([...owners]));
  }

  /** Deletes all that is saved. @returns bytes. @throws LonghandError `engine-stopped` */
  async clear(): Promise<number> {
    return (await this.#options.engine.forget(null)).freedBytes;
  }

  /** Null while the engine is away. */
  async status(): Promise<SnapshotStatus | null> {
    return (await this.#options.engine.status()).snapshots ?? null;
  }

  /** Bytes that are saved, and that may be; null while the engine is away. */
  async room(): Promise<{ bytes: number; budgetBytes: number } | null> {
    const status = await this.status().catch((error: unknown) => {
      if (isEngineLoss(error)) return null;
      throw error;
    });
    return status === null ? null : { bytes: status.bytes, budgetBytes: this.#budgetBytes() };
  }

  #budgetBytes(): number {
    const { dataDir, store } = this.#options;
    const { cacheGigabytes } = readSettings(store);
    if (cacheGigabytes !== null) return cacheGigabytes * GIB;
    const { bavail, bsize } = statfsSync(dataDir);
    return Math.min(MOST_BYTES, bavail * bsize * FREE_SHARE);
  }

  /** An engine that is away is told when it comes back. */
  async #tell(call: () => Promise<unknown>): Promise<void> {
    try {
      await call();
    } catch (error) {
      if (!isEngineLoss(error)) this.#options.log(`caches: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
