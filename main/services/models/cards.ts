import { freemem, totalmem } from 'node:os';
import type { ModelCard } from '../../contract/models.ts';
import type { Engine } from '../../engine/client.ts';
import { candidates, catalog, STARTER, type CatalogEntry } from '../../../native-models/catalog/index.ts';
import { freeBytes } from '../../../native-models/files.ts';
import type { Store } from '../store/open.ts';
import { median } from '../system/bench.ts';
import type { FreeBytes } from './disk.ts';
import type { Shelf } from './shelf.ts';

export type CardsOptions = {
  dataDir: string;
  store: Store;
  shelf: Shelf;
  engine: Pick<Engine, 'bandwidth' | 'status'>;
  memoryBytes?: number | undefined;
  freeMemoryBytes?: () => number;
  freeDiskBytes?: FreeBytes;
};

type EngineStatus = Awaited<ReturnType<Engine['status']>>;

/** Work memory of the runtime and of the processes, beside weights, keys and values. */
const OVERHEAD = 1.15;
const MEMORY_TOKENS: readonly [number, number] = [4096, 32_768];
const MEMORY_SHARE = 0.8;

/**
 * How much of the memory bound a decoded token reaches behind 1,000 tokens: 0.30 to 0.41 on two cores of an AMD EPYC
 * with both starter models (test/bench/results). An estimate for a choice between models, no promise.
 */
const SHARE_OF_BOUND = 0.35;
const ESTIMATE_TOKENS = 1000;

/** Answers that tell how fast a model is here; shorter ones are mostly their own start. */
const MEASURED_ANSWERS = 20;
const LEAST_TOKENS = 16;

/** The catalogue with what each model costs on this machine and how fast it will be. */
export class Cards {
  readonly #options: CardsOptions;
  #bandwidth: Promise<number | null> | null = null;

  constructor(options: CardsOptions) {
    this.#options = options;
  }

  /** The smallest first. The first call measures the bandwidth of the memory, unless an answer is computed just now. */
  async list(): Promise<ModelCard[]> {
    const { dataDir, memoryBytes = totalmem(), freeDiskBytes = freeBytes } = this.#options;
    const { freeMemoryBytes = freeMemory } = this.#options;
    const status = await this.#options.engine.status().catch(() => null);
    const [bandwidth, freeDisk] = [await this.#measureBandwidth(status), await freeDiskBytes(dataDir)];
    // What the model that is loaded now would make room for.
    const loadedBytes = (status?.model?.weightBytes ?? 0) + (status?.cacheBytes ?? 0);
    const starter = candidates(STARTER, memoryBytes)[0]?.name;
    const free = { memory: freeMemoryBytes() + loadedBytes, disk: freeDisk };
    return catalog
      .toSorted((a, b) => a.parameters - b.parameters)
      .map((entry) => this.#card(entry, { bandwidth, free, isStarter: entry.name === starter }));
  }

  #card(
    entry: CatalogEntry,
    about: { bandwidth: number | null; free: { memory: number; disk: number }; isStarter: boolean },
  ): ModelCard {
    const { name, parameters, license, contextTokens, sizeBytes, source } = entry;
    const manifest = this.#options.shelf.find(name)?.manifest;
    const weightBytes = manifest?.weightsBytes ?? entry.weightBytes;
    const memory = MEMORY_TOKENS.map((tokens) => Math.min(tokens, contextTokens)).map((tokens) => ({
      tokens,
      bytes: Math.round((weightBytes + tokens * entry.kvBytesPerToken) * OVERHEAD),
    }));
    const downloadBytes = source.kind === 'hub' ? sizeBytes : source.wheelBytes;
    const installed = manifest !== undefined;
    return {
      name,
      parameters,
      license,
      contextTokens,
      downloadBytes: Math.round(downloadBytes),
      diskBytes: Math.round(sizeBytes + weightBytes), // the checkpoint is kept beside what was compiled of it
      memory,
      ...this.#speed(entry, weightBytes, about.bandwidth),
      installed,
      isStarter: about.isStarter,
      obstacle: obstacle(memory[0]!.bytes, installed ? 0 : sizeBytes + weightBytes, about.free),
    };
  }

  #speed(entry: CatalogEntry, weightBytes: number, bandwidth: number | null) {
    const speeds = this.#options.store.messages
      .measured(entry.name, MEASURED_ANSWERS)
      .filter(({ generatedTokens }) => generatedTokens >= LEAST_TOKENS)
      .flatMap(({ decodeTokensPerSecond }) => decodeTokensPerSecond ?? []);
    if (speeds.length > 0) return { tokensPerSecond: median(speeds), basis: 'measured' as const };
    if (bandwidth === null) return { tokensPerSecond: null, basis: null };
    const bytesPerToken = weightBytes + ESTIMATE_TOKENS * entry.kvBytesPerToken;
    return { tokensPerSecond: (SHARE_OF_BOUND * bandwidth * 1e9) / bytesPerToken, basis: 'bandwidth' as const };
  }

  /** GB/s, measured once; null while it cannot be: the engine is away or busy, and the next call tries again. */
  async #measureBandwidth(status: EngineStatus | null): Promise<number | null> {
    if (this.#bandwidth === null && status?.running !== 0) return null; // would be measured with it, and slow it down
    this.#bandwidth ??= this.#options.engine.bandwidth().then(
      ({ gigabytesPerSecond }) => gigabytesPerSecond,
      () => null,
    );
    const measured = await this.#bandwidth;
    if (measured === null) this.#bandwidth = null;
    return measured;
  }
}

function obstacle(memoryBytes: number, diskBytes: number, free: { memory: number; disk: number }) {
  if (memoryBytes > MEMORY_SHARE * free.memory) {
    return { kind: 'memory' as const, neededBytes: Math.round(memoryBytes), freeBytes: Math.round(free.memory) };
  }
  if (diskBytes > free.disk) {
    return { kind: 'disk' as const, neededBytes: Math.round(diskBytes), freeBytes: Math.round(free.disk) };
  }
  return null;
}

/** macOS counts as free only what nothing was ever kept in, and gives up caches as they are needed. */
function freeMemory(): number {
  return process.platform === 'darwin' ? Math.max(freemem(), totalmem() / 2) : freemem();
}
