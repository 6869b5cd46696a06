import { describe, expect, it } from 'vitest';
import { LonghandError } from '../../main/contract/errors.ts';
import { Cards, type CardsOptions } from '../../main/services/models/cards.ts';
import { Shelf } from '../../main/services/models/shelf.ts';
import { catalog } from '../../native-models/catalog/index.ts';
import { installModel, metrics, startAssistant, tempFolder } from './assistant-support.ts';
import { open } from './store-support.ts';

const GB = 1e9;
const HALF = 'qwen2.5-0.5b-instruct';
const SMALL = 'smollm2-135m-instruct';

/** Cards of a machine with room for everything; `probes` counts what was measured. */
function machine(options: Partial<CardsOptions> = {}) {
  const dataDir = tempFolder();
  const probes: string[] = [];
  const store = open();
  const engine = {
    running: 0,
    away: false,
    async status() {
      const { running, away } = engine;
      if (away) throw new LonghandError('engine-stopped', 'It is away.');
      return { pid: 1, model: null, running, cacheTokens: 0, cacheBytes: 0, rssBytes: 0 };
    },
    async bandwidth() {
      probes.push('bandwidth');
      return { gigabytesPerSecond: 20 };
    },
  };
  const cards = new Cards({
    ...{ dataDir, store, engine, shelf: new Shelf(dataDir) },
    memoryBytes: 16 * GB,
    freeMemoryBytes: () => 12 * GB,
    freeDiskBytes: async () => 100 * GB,
    ...options,
  });
  const card = async (name: string) => (await cards.list()).find((one) => one.name === name)!;
  return { cards, card, engine, store, dataDir, probes };
}

describe('the cards of models', () => {
  it('hold the catalogue, smallest first, with the one that suits the machine marked', async () => {
    const list = await machine().cards.list();
    expect(list.map(({ name }) => name).sort()).toEqual(catalog.map(({ name }) => name).sort());
    expect(list.map(({ parameters }) => parameters)).toEqual(list.map((card) => card.parameters).sort((a, b) => a - b));
    expect(list.filter(({ isStarter }) => isStarter).map(({ name }) => name)).toEqual(['qwen2.5-1.5b-instruct']);
    const small = await machine({ memoryBytes: 3 * GB }).cards.list();
    expect(small.find(({ isStarter }) => isStarter)?.name).toBe(HALF);
  });

  it('tell the price: download, disk, and memory at 4K and 32K with keys, values and 15 %', async () => {
    const { weightBytes } = catalog.find(({ name }) => name === HALF)!;
    const card = await machine().card(HALF);
    expect(card).toMatchObject({ downloadBytes: 430e6, diskBytes: 860e6, license: 'apache-2.0', obstacle: null });
    // 24 layers, 2 key-value heads of 64 values, keys and values, 4 bytes each: 24,576 bytes a token.
    expect(card.memory).toEqual([
      { tokens: 4096, bytes: Math.round((weightBytes + 4096 * 24_576) * 1.15) },
      { tokens: 32_768, bytes: Math.round((weightBytes + 32_768 * 24_576) * 1.15) },
    ]);
    expect((await machine().card(SMALL)).memory.map(({ tokens }) => tokens)).toEqual([4096, 8192]); // it reads no more
  });

  it('take the size of a model that is installed from the model itself', async () => {
    const { card, dataDir } = machine();
    installModel(dataDir, HALF, { weightsBytes: 1000 });
    expect(await card(HALF)).toMatchObject({ installed: true, diskBytes: 430e6 + 1000 });
    expect(await card(SMALL)).toMatchObject({ installed: false });
  });

  it('estimate the speed from the bandwidth, which is measured once', async () => {
    const { card, probes } = machine();
    const [half, small] = [await card(HALF), await card(SMALL)];
    expect(half).toMatchObject({ basis: 'bandwidth' });
    // 35 % of 20 GB/s over weights and 1,000 tokens of keys and values.
    expect(half.tokensPerSecond).toBeCloseTo((0.35 * 20e9) / (0.43e9 + 1000 * 24_576), 3);
    expect(small.tokensPerSecond).toBeGreaterThan(half.tokensPerSecond!);
    expect(probes).toEqual(['bandwidth']);
  });

  it('tell the speed that was measured here, by the middle of the last answers', async () => {
    const { card, store } = machine();
    const conversationId = store.conversations.create().id;
    const answer = (speed: number | null, generatedTokens = 100) => {
      const { id } = store.messages.insert({ conversationId, parentId: null, role: 'assistant', state: 'waiting' });
      const measured = { ...metrics, generatedTokens, decodeTokensPerSecond: speed };
      store.messages.finish(id, { state: 'complete', model: HALF, metrics: measured });
    };
    answer(900, 3); // too short to tell
    expect(await card(HALF)).toMatchObject({ basis: 'bandwidth' });
    for (const speed of [30, 50, 31, null]) answer(speed);
    expect(await card(HALF)).toMatchObject({ basis: 'measured', tokensPerSecond: 31 });
    expect(await card(SMALL)).toMatchObject({ basis: 'bandwidth' });
  });

  it('say nothing of the speed while the engine is away or answers, and measure later', async () => {
    const { card, engine, probes } = machine();
    engine.away = true;
    expect(await card(HALF)).toMatchObject({ tokensPerSecond: null, basis: null });
    engine.away = false;
    engine.running = 1;
    expect(await card(HALF)).toMatchObject({ tokensPerSecond: null, basis: null });
    expect(probes).toEqual([]);
    engine.running = 0;
    expect(await card(HALF)).toMatchObject({ basis: 'bandwidth' });
  });

  it('name what is in the way: 80 % of the free memory, or the disk', async () => {
    const memory = await machine({ freeMemoryBytes: () => 0.7 * GB }).card(HALF);
    expect(memory.obstacle).toEqual({ kind: 'memory', neededBytes: memory.memory[0]!.bytes, freeBytes: 0.7 * GB });
    expect((await machine({ freeMemoryBytes: () => 0.8 * GB }).card(HALF)).obstacle).toBeNull();

    const crowded = machine({ freeDiskBytes: async () => 0.5 * GB });
    const disk = await crowded.card(HALF);
    expect(disk.obstacle).toEqual({ kind: 'disk', neededBytes: disk.diskBytes, freeBytes: 0.5 * GB });
    installModel(crowded.dataDir, HALF);
    expect((await crowded.card(HALF)).obstacle).toBeNull();
  });

  it('come over the contract while no model is installed', async () => {
    const { client } = startAssistant({ memoryBytes: 16 * GB });
    const cards = await client.models.cards();
    expect(cards.every(({ installed, basis }) => !installed && basis === 'bandwidth')).toBe(true);
  });
});
