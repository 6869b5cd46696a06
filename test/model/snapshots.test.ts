import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { KvSequence } from '../../main/engine/kv-cache.ts';
import { Model } from '../../main/engine/model.ts';
import { PrefixCache } from '../../main/engine/prefix-cache.ts';
import { WORTH_SAVING } from '../../main/engine/snapshots/finder.ts';
import { SnapshotStore, type SnapshotOptions } from '../../main/engine/snapshots/store.ts';
import { kvTypes, type KvType } from '../../native-models/attention/kv-type.ts';
import { compile } from '../../native-models/compile.ts';
import { disk } from '../../main/engine/snapshots/disk.ts';
import { answer } from '../support/answers.ts';
import { stepped } from '../support/faulty-disk.ts';
import { writeGguf } from '../support/gguf-writer.ts';
import { referenceLogits } from '../support/reference-decoder.ts';
import { mulberry32, tinyCheckpoint } from '../support/tiny-checkpoint.ts';

// As in long-context.test.ts: chunks of 32 tokens, pages of 16.
const TRAINED = 64;
const CHUNK = 32;
const PAGE = 16;
const LONGEST = 400;
const shape = { layers: 2, heads: 4, kvHeads: 2, headDim: 16 };
const checkpoint = tinyCheckpoint({ ...shape, metadata: { 'qwen2.context_length': TRAINED }, seed: 11 });
const random = mulberry32(7);
const ids = Array.from({ length: LONGEST + 1 }, () => Math.floor(random() * 256));
const chunks = { chunkSize: TRAINED, localSize: TRAINED - CHUNK };

let root: string;
let wanted: Float64Array[];
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'longhand-snapshots-'));
  const file = join(root, 'tiny.gguf');
  await writeFile(file, writeGguf(checkpoint));
  await compile(file, join(root, 'model'), { name: 'tiny', recipe: 'exact', kvPage: PAGE });
  wanted = referenceLogits(checkpoint.tensors, shape, ids, { base: 10_000, chunks });
});
afterAll(() => rm(root, { recursive: true, force: true }));

let folder: string;
let folders = 0;
beforeEach(async () => {
  folder = join(root, `kv-${folders++}`);
  await mkdir(folder);
});

const load = (kvType: KvType = 'float32') =>
  Model.load(join(root, 'model'), { threads: 2, contextTokens: LONGEST + 1, method: 'dca', kvType });
const open = (options: Partial<SnapshotOptions> = {}) => SnapshotStore.open(folder, { budgetBytes: 1e9, ...options });

async function feed(
  model: Model,
  sequence: KvSequence,
  tokens: readonly number[],
  block: number,
): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  while (sequence.length < tokens.length) {
    const step = tokens.slice(sequence.length, sequence.length + block);
    parts.push(Float32Array.from(await model.forward(sequence, step, { rows: [...step.keys()] })));
  }
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

const save = (store: SnapshotStore, model: Model, sequence: KvSequence, owner = 'conversation:1') =>
  store.save(model.cacheKey, owner, () => sequence.freeze(), { tail: true });

/** A sequence with what the folder knows of `prompt`. */
async function reopened(model: Model, prompt: readonly number[], options: Partial<SnapshotOptions> = {}) {
  const store = await open(options);
  const sequence = model.newSequence();
  const tokens = await store.restore(sequence, model, prompt);
  await store.close();
  expect(tokens).toBe(sequence.length);
  expect(sequence.tokens).toEqual(prompt.slice(0, sequence.length));
  return sequence;
}

const files = async () => (await readdir(folder)).filter((name) => /\.(page|tail)$/.test(name)).toSorted();

describe.each(kvTypes)('a cache in %s', (kvType) => {
  it(
    'goes on from the disk bit for bit as it would have, wherever the process ended',
    { timeout: 120_000 },
    async () => {
      const models = [await load(kvType), await load(kvType)];
      try {
        await fc.assert(
          fc.asyncProperty(
            fc.array(fc.record({ by: fc.integer({ min: 64, max: 130 }), block: fc.constantFrom(1, 7, 64) }), {
              minLength: 1,
              maxLength: 3,
            }),
            fc.constantFrom(1, 7, 64),
            async (runs, last) => {
              await rm(folder, { recursive: true });
              const [through, after] = models as [Model, Model];
              const unbroken = through.newSequence();
              let broken = after.newSequence();
              for (const { by, block } of runs) {
                const to = ids.slice(0, Math.min(unbroken.length + by, LONGEST - 8));
                await feed(through, unbroken, to, block);
                await feed(after, broken, to, block);
                const store = await open();
                expect(await save(store, after, broken)).toBe(broken.length);
                await store.close();
                broken = await reopened(after, ids);
                expect(broken.length).toBe(to.length);
              }
              const from = unbroken.length;
              const logits = await feed(after, broken, ids, last);
              expect(logits).toEqual(await feed(through, unbroken, ids, last));
              if (kvType !== 'float32') return;
              const width = wanted[0]!.length;
              const apart = logits.reduce(
                (most, value, i) => Math.max(most, Math.abs(value - wanted[from + Math.floor(i / width)]![i % width]!)),
                0,
              );
              expect(apart).toBeLessThan(1e-4);
            },
          ),
          { numRuns: 12, seed: 4 },
        );
      } finally {
        for (const model of models) model.release();
      }
    },
  );
});

describe('what is saved', () => {
  let model: Model;
  beforeAll(async () => void (model = await load()));
  afterAll(() => model.release());

  const read = async (tokens: readonly number[]) => {
    const sequence = model.newSequence();
    await feed(model, sequence, tokens, 64);
    return sequence;
  };
  const branch = (length: number, from: number) => [
    ...ids.slice(0, from),
    ...ids.slice(from, length).map((id) => 255 - id),
  ];

  it('is there once, however many conversations begin with it', async () => {
    const store = await open();
    await save(store, model, await read(ids.slice(0, 200)), 'conversation:1');
    const alone = await files();
    await save(store, model, await read(branch(220, 195)), 'conversation:2');
    const both = await files();
    // 12 pages of 16 in common; one more page and a tail behind them.
    expect(alone).toHaveLength(13);
    expect(both).toHaveLength(15);
    await store.close();
    expect((await reopened(model, [...ids.slice(0, 200), 1, 2])).length).toBe(200);
    expect((await reopened(model, [...branch(220, 195), 1, 2])).length).toBe(220);
    // A prompt that parts from both within a page has what comes before.
    expect((await reopened(model, [...ids.slice(0, 193), 256, 257])).length).toBe(193);
  });

  it('goes when the last owner goes, and not before', async () => {
    const store = await open();
    await save(store, model, await read(ids.slice(0, 100)), 'conversation:1');
    await save(store, model, await read(ids.slice(0, 100)), 'conversation:2');
    const before = await files();
    await store.forget(['conversation:1']);
    expect(await files()).toEqual(before);
    await store.forget(['conversation:2']);
    expect(await files()).toEqual([]);
    expect(await readdir(join(folder, 'owners'))).toEqual([]);
    expect(store.bytes).toBe(0);
    await store.close();
  });

  it('is replaced, not piled up, as a conversation goes on', async () => {
    const store = await open();
    const sequence = await read(ids.slice(0, 100));
    for (const length of [100, 105, 111, 130, 140]) {
      await feed(model, sequence, ids.slice(0, length), 1);
      await save(store, model, sequence);
    }
    expect(await files()).toHaveLength(Math.ceil(140 / PAGE));
    await store.close();
  });

  it('keeps to its budget, throwing away what went unused for longest', async () => {
    let now = 1e12;
    const store = await open({ now: () => (now += 1000) });
    const mine = await read(ids.slice(0, 160));
    await save(store, model, mine, 'conversation:1');
    const each = store.bytes;
    const budgetBytes = Math.ceil(each * 2.5);
    await store.setBudget(budgetBytes);
    for (let i = 2; i <= 5; i++) {
      const other = await read(ids.slice(i, i + 160));
      await save(store, model, other, `conversation:${i}`);
      // The first is used all the time.
      expect(await store.restore(model.newSequence(), model, [...ids.slice(0, 160), 1, 2])).toBe(160);
      expect(store.bytes).toBeLessThanOrEqual(budgetBytes);
      const sizes = await Promise.all((await files()).map(async (name) => (await stat(join(folder, name))).size));
      expect(sizes.reduce((a, b) => a + b, 0)).toBe(store.bytes);
    }
    expect(await store.find(model, [...ids.slice(5, 165), 1, 2])).toBe(160);
    expect(await store.find(model, [...ids.slice(2, 162), 1, 2])).toBe(0);
    await store.setBudget(0);
    expect(await files()).toEqual([]);
    await store.close();
  });

  it('is the beginning of what is too long for its budget', async () => {
    const store = await open();
    await save(store, model, await read(ids.slice(0, 160)));
    const budgetBytes = store.bytes / 2;
    await store.clear();
    await store.setBudget(budgetBytes);
    await save(store, model, await read(ids.slice(0, 160)));
    expect(store.bytes).toBeLessThanOrEqual(budgetBytes);
    await store.close();
    const { length } = await reopened(model, ids);
    expect(length).toBeGreaterThanOrEqual(64);
    expect(length).toBeLessThan(90);
  });

  it('is saved as it was when the saving began, while the sequence goes on or is cut', async () => {
    const sequence = await read(ids.slice(0, 150));
    const store = await open();
    const saving = save(store, model, sequence);
    while ((await files()).length === 0) await new Promise((resolve) => setTimeout(resolve));
    sequence.truncate(40);
    await feed(model, sequence, branch(150, 40), 64);
    expect(await saving).toBe(150);
    await store.close();
    const logits = await feed(model, await reopened(model, ids.slice(0, 160)), ids.slice(0, 160), 64);
    expect(logits).toEqual(await feed(model, await read(ids.slice(0, 150)), ids.slice(0, 160), 64));
  });

  it('is of no use to another model, another form or another scheme', async () => {
    const store = await open();
    await save(store, model, await read(ids.slice(0, 100)));
    const parts = { blocks: model.blocks, shape: model.shape };
    for (const cacheKey of [model.cacheKey.replace('float32', 'int8'), `${model.cacheKey} `]) {
      expect(await store.find({ ...parts, cacheKey }, ids)).toBe(0);
    }
    await store.close();
  });

  it('is read by a second process, which does not write while the first does', async () => {
    const first = await open();
    await save(first, model, await read(ids.slice(0, 100)));
    const second = await open();
    expect([first.mode, second.mode]).toEqual(['write', 'read']);
    const sequence = model.newSequence();
    expect(await second.restore(sequence, model, ids)).toBe(100);
    const before = await files();
    expect(await save(second, model, await read(ids.slice(3, 100)), 'conversation:2')).toBe(0);
    await second.forget(['conversation:1']);
    expect(await files()).toEqual(before);
    // What the first deletes meanwhile is no fault.
    await first.clear();
    expect(await second.restore(model.newSequence(), model, ids)).toBe(0);
    await Promise.all([first.close(), second.close()]);
    const third = await open();
    expect(third.mode).toBe('write');
    await third.close();
  });

  it('is taken over from a writer that died', async () => {
    await writeFile(
      join(folder, 'lock'),
      JSON.stringify({ id: 'x', pid: 2 ** 30, host: (await import('node:os')).hostname() }),
    );
    const store = await open();
    expect(store.mode).toBe('write');
    await store.close();
  });
});

describe('a file that is not what it was', () => {
  let model: Model;
  beforeAll(async () => void (model = await load()));
  afterAll(() => model.release());
  const prompt = ids.slice(0, 110);

  /** Saves 100 tokens, has `spoil` at the folder, and expects the right logits whatever is left. */
  async function spoilt(spoil: (names: string[]) => Promise<unknown>): Promise<{ restored: number; left: string[] }> {
    const sequence = model.newSequence();
    await feed(model, sequence, ids.slice(0, 100), 64);
    const store = await open();
    await save(store, model, sequence);
    await store.close();
    await spoil(await files());
    const again = await reopened(model, prompt);
    const restored = again.length;
    const cold = model.newSequence();
    await feed(model, cold, ids.slice(0, Math.max(restored, 1)), 64);
    again.truncate(restored);
    if (restored === 0) await feed(model, again, ids.slice(0, 1), 64);
    expect(await feed(model, again, prompt, 64)).toEqual(await feed(model, cold, prompt, 64));
    return { restored, left: await files() };
  }

  const pathOf = (name: string) => join(folder, name);

  it('is ignored and deleted, wherever a bit has flipped', { timeout: 120_000 }, async () => {
    const tail = (names: string[]) => names.find((name) => name.endsWith('.tail'))!;
    let size = 0;
    await spoilt(async (names) => void (size = (await stat(pathOf(tail(names)))).size));
    for (let i = 0; i < 24; i++) {
      const at = i < 20 ? i : Math.floor(((i - 19) / 5) * size);
      const { restored, left } = await spoilt(async (names) => {
        const bytes = await readFile(pathOf(tail(names)));
        bytes[at]! ^= 1 << (i % 8);
        await writeFile(pathOf(tail(names)), bytes);
      });
      expect(restored).toBe(96);
      expect(left).toHaveLength(6);
    }
  });

  it('is ignored wherever it was torn, with all that lies behind it', async () => {
    const store = await open();
    const sequence = model.newSequence();
    await feed(model, sequence, ids.slice(0, 100), 64);
    await save(store, model, sequence);
    await store.close();
    const size = (await stat(pathOf((await files()).find((name) => name.endsWith('.page'))!))).size;
    // In the magic, the header, and each section (keys and values of two layers, 2 KiB each).
    for (const length of [0, 7, 19, 60, size - 7000, size - 5000, size - 3000, size - 1]) {
      const { restored } = await spoilt((names) => truncate(pathOf(chain(names)[5]!), length));
      expect(restored).toBe(80);
    }
  });

  it('is ignored with all that lies behind it, however many of those are damaged besides', async () => {
    const { restored, left } = await spoilt(async (names) => {
      for (const page of [2, 3, 5]) {
        const bytes = await readFile(pathOf(chain(names)[page]!));
        bytes[bytes.length - 5]! ^= 1;
        await writeFile(pathOf(chain(names)[page]!), bytes);
      }
    });
    expect(restored).toBe(32);
    expect(left.length).toBeLessThanOrEqual(4);
  });

  it('is ignored under the name of another', async () => {
    const { restored } = await spoilt(async (names) => {
      const pages = chain(names);
      await writeFile(pathOf(pages[5]!), await readFile(pathOf(pages[4]!)));
    });
    expect(restored).toBe(80);
  });

  it('is saved anew', async () => {
    await spoilt((names) => truncate(pathOf(chain(names)[2]!), 100));
    expect((await spoilt(() => Promise.resolve())).restored).toBe(100);
  });

  it('is ignored and deleted where an owner is noted', async () => {
    const { restored, left } = await spoilt(async () => {
      const [name] = await readdir(join(folder, 'owners'));
      await truncate(join(folder, 'owners', name!), 20);
    });
    expect(restored).toBe(0);
    expect(left).toEqual([]);
  });

  it('is deleted where it is none of ours', async () => {
    await spoilt(() => writeFile(pathOf('something.part'), 'x'));
    expect((await readdir(folder)).toSorted()).toEqual([...(await files()), 'owners'].toSorted());
  });

  /** Pages in order: each is named by the one before it. */
  function chain(names: string[]): string[] {
    const parents = new Map(names.map((name) => [name.slice(0, 32), name]));
    const own = new Set(names.map((name) => name.slice(33, 65)));
    const found = names.filter((name) => !own.has(name.slice(0, 32)));
    for (let next = found[0]; next !== undefined; next = parents.get(next.slice(33, 65)))
      if (next !== found.at(-1)) found.push(next);
    return found;
  }
});

describe('a disk that fails', () => {
  let model: Model;
  beforeAll(async () => void (model = await load()));
  afterAll(() => model.release());

  it.each(['ENOSPC', 'EROFS', 'EIO'] as const)(
    'with %s at any call costs what would have been saved, and nothing else',
    { timeout: 120_000 },
    async (code) => {
      const sequence = model.newSequence();
      await feed(model, sequence, ids.slice(0, 100), 64);
      let steps = 0;
      for (let hasFailed = true; hasFailed; steps++) {
        await rm(folder, { recursive: true, force: true });
        const faulty = stepped(disk, steps, code);
        const store = await open({ disk: faulty.disk });
        const saved = await save(store, model, sequence);
        await store.close();
        hasFailed = faulty.hasFailed();
        const again = await reopened(model, ids.slice(0, 110));
        // What was noted is whole; what was not is gone.
        const restored = again.length;
        expect(restored).toBeGreaterThanOrEqual(saved);
        // Fewer tokens than are worth reading may be left.
        if (restored > 0) expect(await files()).toHaveLength(Math.ceil(restored / PAGE));
        else expect((await files()).length).toBeLessThan(WORTH_SAVING / PAGE);
        const cold = model.newSequence();
        await feed(model, cold, ids.slice(0, again.length), 64);
        expect(await feed(model, again, ids.slice(0, 110), 64)).toEqual(await feed(model, cold, ids.slice(0, 110), 64));
        for (const one of [again, cold]) {
          model.forget(one);
          one.release();
        }
      }
      expect(steps).toBeGreaterThan(40);
    },
  );

  it('while reading costs what would have been read', { timeout: 120_000 }, async () => {
    const sequence = model.newSequence();
    await feed(model, sequence, ids.slice(0, 100), 64);
    for (let step = 0, hasFailed = true; hasFailed; step++) {
      const store = await open();
      await save(store, model, sequence);
      await store.close();
      const faulty = stepped(disk, step, 'EIO');
      const again = await reopened(model, ids.slice(0, 110), { disk: faulty.disk });
      hasFailed = faulty.hasFailed();
      const cold = model.newSequence();
      await feed(model, cold, ids.slice(0, again.length), 64);
      expect(await feed(model, again, ids.slice(0, 110), 64)).toEqual(await feed(model, cold, ids.slice(0, 110), 64));
      for (const one of [again, cold]) {
        model.forget(one);
        one.release();
      }
    }
  });

  it('from the start leaves answers as they are', async () => {
    const faulty = stepped(disk, 0, 'EROFS', Infinity);
    const store = await open({ disk: faulty.disk });
    expect(store.mode).toBe('off');
    const cache = new PrefixCache(model, 1e9, { snapshots: () => store });
    const { metrics } = await answer(model, cache, [{ role: 'user', content: 'hello '.repeat(20) }], { maxTokens: 4 });
    expect(metrics.generatedTokens).toBeGreaterThan(0);
    await cache.close(AbortSignal.timeout(1000));
    await store.close();
  });
});

describe('the cache of prompts', () => {
  let model: Model;
  beforeAll(async () => void (model = await load()));
  afterAll(() => model.release());
  const question = (content: string) => [{ role: 'user' as const, content }];

  it('finds on the disk what it had before a restart, and says so', async () => {
    const store = await open();
    const before = new PrefixCache(model, 1e9, { snapshots: () => store });
    const owner = 'conversation:1';
    const first = await answer(model, before, question('abc '.repeat(40)), { maxTokens: 8 }, owner);
    expect(first.metrics.restoredTokens).toBeUndefined();
    await before.close(AbortSignal.timeout(5000));
    await store.close();

    const again = await open();
    const after = new PrefixCache(model, 1e9, { snapshots: () => again });
    expect(await after.cached(Int32Array.from([...first.promptTokens, 1, 2]))).toBe(first.promptTokens.length);
    const second = await answer(model, after, question('abc '.repeat(40)), { maxTokens: 8 }, owner);
    expect(second.tokens).toEqual(first.tokens);
    expect(second.metrics.restoredTokens).toBe(second.metrics.cachedTokens);
    expect(second.metrics.cachedTokens).toBeGreaterThan(100);
    expect(second.metrics.restoreMs).toBeGreaterThan(0);
    await after.close(AbortSignal.timeout(5000));
    await again.close();
  });

  it('saves what it evicts, and gives the memory back', async () => {
    const store = await open();
    const cache = new PrefixCache(model, 1, { snapshots: () => store });
    await answer(model, cache, question('abc '.repeat(40)), { maxTokens: 8 }, 'conversation:1');
    await cache.close(AbortSignal.timeout(5000));
    expect(cache.bytes).toBe(0);
    expect(store.bytes).toBeGreaterThan(0);
    await store.close();
  });

  it('saves what has been idle for a while', async () => {
    const store = await open();
    const cache = new PrefixCache(model, 1e9, { snapshots: () => store, idleMs: 10 });
    await answer(model, cache, question('abc '.repeat(40)), { maxTokens: 8 }, 'conversation:1');
    await expect.poll(async () => (await files()).filter((name) => name.endsWith('.tail')).length).toBe(1);
    await cache.close(AbortSignal.timeout(5000));
    await store.close();
  });

  it('saves nothing of whom it was told to forget, nor what has no owner', async () => {
    const store = await open();
    const cache = new PrefixCache(model, 1e9, { snapshots: () => store });
    await answer(model, cache, question('abc '.repeat(40)), { maxTokens: 8 }, 'conversation:1');
    await answer(model, cache, question('xyz '.repeat(40)), { maxTokens: 8 });
    cache.forget(['conversation:1']);
    await store.forget(['conversation:1']);
    await cache.close(AbortSignal.timeout(5000));
    expect(await files()).toEqual([]);
    await store.close();
  });
});
