import { freemem, totalmem } from 'node:os';
import type { Engine } from '../../engine/client.ts';
import { freeBytes } from '../../../native-models/files.ts';
import type { FreeBytes } from './disk.ts';

/** Of what is free, a model may take so much; the rest is for everything else that runs. */
const MEMORY_SHARE = 0.8;

/** What the machine has to give. */
export class Room {
  readonly #dataDir: string;
  readonly #engine: Pick<Engine, 'status'>;
  readonly #freeMemoryBytes: () => number;
  readonly #freeDiskBytes: FreeBytes;

  constructor(options: {
    dataDir: string;
    engine: Pick<Engine, 'status'>;
    freeMemoryBytes?: (() => number) | undefined;
    freeDiskBytes?: FreeBytes | undefined;
  }) {
    this.#dataDir = options.dataDir;
    this.#engine = options.engine;
    this.#freeMemoryBytes = options.freeMemoryBytes ?? freeMemory;
    this.#freeDiskBytes = options.freeDiskBytes ?? freeBytes;
  }

  /** Free bytes, counting as free what the loaded model would make room for. */
  async free(): Promise<{ memoryBytes: number; diskBytes: number }> {
    const status = await this.#engine.status().catch(() => null);
    const loadedBytes = (status?.model?.weightBytes ?? 0) + (status?.cacheBytes ?? 0);
    return { memoryBytes: this.#freeMemoryBytes() + loadedBytes, diskBytes: await this.#freeDiskBytes(this.#dataDir) };
  }

  /** What of it a model may take. */
  async usable(): Promise<{ memoryBytes: number; diskBytes: number }> {
    const { memoryBytes, diskBytes } = await this.free();
    return { memoryBytes: memoryBytes * MEMORY_SHARE, diskBytes };
  }
}

/** macOS counts as free only what nothing was ever kept in, and gives up caches as they are needed. */
function freeMemory(): number {
  return process.platform === 'darwin' ? Math.max(freemem(), totalmem() / 2) : freemem();
}
