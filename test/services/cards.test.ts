import { describe, expect, it } from 'vitest';
import { LonghandError } from '../../main/contract/errors.ts';
import type { ProbedKernel } from '../../main/contract/engine.ts';
import { Cards } from '../../main/services/models/cards.ts';
import { MachineGauge } from '../../main/services/models/machine.ts';
import { contextOptions } from '../../main/contract/models.ts';
import { Planner } from '../../main/services/models/planner.ts';
import { Room } from '../../main/services/models/room.ts';
import { Shelf } from '../../main/services/models/shelf.ts';
import { catalog } from '../../native-models/catalog/index.ts';
import { decoderSpeed, installModel, kernelSpeed, metrics, startAssistant, tempFolder } from './assistant-support.ts';
import { open } from './store-support.ts';

const GB = 1e9;
const HALF = 'qwen2.5-0.5b-instruct';
const SMALL = 'smollm2-135m-instruct';
const EXPERTS = ['qwen1.5-moe-a2.7b-chat', 'qwen2-57b-a14b-instruct'];

type Means = { memoryBytes?: number; freeMemoryBytes?: () => number; freeDiskBytes?: () => Promise<number> };

/** Cards of a machine with room for everything; `probes` counts what was measured. */
function machine(means: Means = {}) {
  const dataDir = tempFolder();
  const probes: ProbedKernel[][] = [];
  const store = open();
  const engine = {
    running: 0,
    away: false,
    async status() {
      const { running, away } = engine;
      if (away) throw new LonghandError('engine-stopped', 'It is away.');
      return { pid: 1, model: null, running, cacheTokens: 0, cacheBytes: 0, rssBytes: 0 };
    },
    async probe(kernels: ProbedKernel[]) {
      probes.push(kernels);
      return { threads: 2, decoder: decoderSpeed, kernels: kernels.map((one) => ({ ...one, ...kernelSpeed })) };
    },
  };
  const { memoryBytes = 16 * GB, freeMemoryBytes = () => 12 * GB, freeDiskBytes = async () => 100 * GB } = means;
  const gauge = () => new MachineGauge({ dataDir, engine, chosenThreads: () => null });
  const shelf = new Shelf(dataDir);
  const room = new Room({ dataDir, engine, freeMemoryBytes, freeDiskBytes });
  const reader = { footprint: () => Promise.reject(new Error('not asked')) };
  const fresh = () => {
    const measured = gauge();
    const planner = new Planner({
      shelf,
      reader,
      gauge: measured,
      room,
      memoryBytes,
      contextOptions: () => contextOptions.parse({}),
    });
    return { planner, cards: new Cards({ store, shelf, planner, gauge: measured, room, env: {}, memoryBytes }) };
  };
  const { cards, planner } = fresh();
  const card = async (name: string) => (await cards.list()).find((one) => one.name === name)!;
  return { cards, planner, card, engine, store, dataDir, probes, fresh };
}

describe('the cards of models', () => {
  it('hold the catalogue, smallest first, with the one that suits the machine marked', async () => {
    const list = await machine().cards.list();
    expect(catalog.map(({ name }) => name)).toEqual(expect.arrayContaining(list.map(({ name }) => name)));
    expect(list.map(({ name }) => name)).toEqual(
      expect.arrayContaining([SMALL, HALF, 'qwen2.5-72b-instruct', 'qwen2.5-coder-7b-instruct', 'qwq-32b', ...EXPERTS]),
    );
    expect(list.map(({ parameters }) => parameters)).toEqual(list.map((card) => card.parameters).sort((a, b) => a - b));
    expect(list.filter(({ isStarter }) => isStarter).map(({ name }) => name)).toEqual(['qwen2.5-1.5b-instruct']);
    const small = await machine({ memoryBytes: 3 * GB }).cards.list();
    expect(small.find(({ isStarter }) => isStarter)?.name).toBe(HALF);
  });

  it('name a few to begin with: the starter, then the largest that is fast enough to read along', async () => {
    const begin = async (means?: Means) => {
      const list = await machine(means).cards.list();
      const ranked = list.filter(({ rank }) => rank !== null).toSorted((a, b) => a.rank! - b.rank!);
      return ranked.map(({ name }) => name);
    };
    const roomy = await begin();
    expect(roomy[0]).toBe('qwen2.5-1.5b-instruct');
    expect(roomy).toHaveLength(3);
    expect(roomy.join()).not.toMatch(/coder|math|1m|3b/); // 3B asks for an agreement
    expect(await begin({ freeMemoryBytes: () => 1.5 * GB })).toEqual([HALF, SMALL]);
    expect(await begin({ freeMemoryBytes: () => 0.1 * GB })).toEqual([]);
  });

  it('tell the price: download, disk, and memory at 4K and 32K', async () => {
    const { card, planner } = machine();
    const half = await card(HALF);
    const plan = await planner.plan({ name: HALF, contextTokens: 4096 });
    expect(half).toMatchObject({ license: 'apache-2.0', needsAcknowledgement: false, obstacle: null });
    expect(half.downloadBytes).toBeCloseTo(0.43 * GB, -7); // the published file has 429 MB
    expect(half.diskBytes).toBe(half.downloadBytes + plan.compiledBytes);
    expect(half.memory[0]).toEqual({ tokens: 4096, bytes: Math.round(plan.memory.total) });
    // 24 layers, 2 key-value heads of 64 values, keys and values, 4 bytes each: 24,576 bytes a token.
    const [short, long] = half.memory;
    expect(long!.bytes - short!.bytes).toBeGreaterThan((32_768 - 4096) * 24_576);
    expect((await card(SMALL)).memory.map(({ tokens }) => tokens)).toEqual([4096, 8192]); // it reads no more
  });

  it('tell the memory of each length once, also where a model reads no more than the shortest', async () => {
    const list = await machine().cards.list();
    expect(list.filter(({ memory }) => memory.length === 1).map(({ contextTokens }) => contextTokens)).toContain(4096);
    for (const { memory } of list) expect(new Set(memory.map(({ tokens }) => tokens)).size).toBe(memory.length);
  });

  it('say which licence must be acknowledged before anything is fetched', async () => {
    const list = await machine().cards.list();
    const asked = list.filter(({ needsAcknowledgement }) => needsAcknowledgement).map(({ name }) => name);
    expect(asked).toEqual(expect.arrayContaining(['qwen2.5-3b-instruct', 'qwen2.5-72b-instruct']));
    expect(asked).not.toContain('qwen2.5-7b-instruct');
    const pages = new Map(list.map(({ name, page }) => [name, page]));
    expect(pages.get('qwen2.5-3b-instruct')).toBe('https://huggingface.co/Qwen/Qwen2.5-3B-Instruct-GPTQ-Int4');
    expect(pages.get(SMALL)).toBeNull(); // it comes in a package
  });

  it('say of a model that is installed that it is', async () => {
    const { card, dataDir } = machine();
    installModel(dataDir, HALF, { weightsBytes: 1000 });
    expect(await card(HALF)).toMatchObject({ installed: true });
    expect(await card(SMALL)).toMatchObject({ installed: false });
  });

  it('estimate the speed from what was measured of the machine, once for every run of the app', async () => {
    const { card, probes, fresh } = machine();
    const [half, small] = [await card(HALF), await card(SMALL)];
    expect(half).toMatchObject({ basis: 'bandwidth' });
    // 494 M weights at 10 G a second, 97 matrices of 10 us, 24 layers of 0.1 ms, and 1,000 tokens of keys and values at 10 GB/s.
    expect(half.tokensPerSecond).toBeCloseTo(1 / (0.494 / 10 + 97e-5 + 24e-4 + (1000 * 24_576) / 10e9), 1);
    expect(small.tokensPerSecond).toBeGreaterThan(half.tokensPerSecond!);
    expect(probes).toHaveLength(1);
    await fresh().cards.list();
    expect(probes).toHaveLength(1);
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

  it('name what is in the way: 80 % of the free memory, or the disk, and the nearest thing that fits', async () => {
    const needed = (await machine().card(HALF)).memory[0]!.bytes;
    const tight = { freeMemoryBytes: () => needed / 0.79 };
    expect((await machine(tight).card(HALF)).obstacle).toBeNull();
    const freeMemory = Math.round(needed / 0.81);
    const memory = await machine({ freeMemoryBytes: () => freeMemory }).card(HALF);
    expect(memory.obstacle).toMatchObject({ kind: 'memory', neededBytes: needed, freeBytes: freeMemory });
    expect(memory.obstacle?.nearest).toMatchObject({ kind: 'recipe', name: HALF, recipe: 'fast' });

    const crowded = machine({ freeDiskBytes: async () => 0.5 * GB });
    const disk = await crowded.card(HALF);
    expect(disk.obstacle).toMatchObject({ kind: 'disk', neededBytes: disk.diskBytes, freeBytes: 0.5 * GB });
    expect(disk.obstacle?.nearest).toMatchObject({ kind: 'model', name: SMALL });
    installModel(crowded.dataDir, HALF);
    expect((await crowded.card(HALF)).obstacle).toBeNull();
  });

  it('come over the contract while no model is installed', async () => {
    const { client } = startAssistant({ memoryBytes: 16 * GB });
    const cards = await client.models.cards({ query: '0.5b' });
    expect(cards.map(({ name }) => name)).toEqual([HALF, 'qwen2.5-coder-0.5b-instruct']);
    expect(cards.every(({ installed, basis }) => !installed && basis === 'bandwidth')).toBe(true);
  });
});
