import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KvSequence } from '../../main/engine/kv-cache.ts';
import { Model, type LoadOptions } from '../../main/engine/model.ts';
import type { Sparsity } from '../../native-models/attention/sparsity.ts';
import { compile } from '../../native-models/compile.ts';
import { writeGguf } from '../support/gguf-writer.ts';
import { referenceLogits, type ReferencePositions } from '../support/reference-decoder.ts';
import { mulberry32, tinyCheckpoint } from '../support/tiny-checkpoint.ts';

// Trained on 64 tokens, read in chunks of 32 (a half) with 32 true ones across a border; pages of 16.
const TRAINED = 64;
const CHUNK = 32;
const LONGEST = 24 * CHUNK;
const shape = { layers: 2, heads: 4, kvHeads: 2, headDim: 16 };
const metadata = { 'qwen2.context_length': TRAINED };
const checkpoint = tinyCheckpoint({ ...shape, metadata, seed: 11 });
const random = mulberry32(5);
const ids = Array.from({ length: LONGEST + 1 }, () => Math.floor(random() * 256));

const base = 10_000;
const methods = {
  plain: { base },
  yarn: { base, yarn: { factor: (LONGEST + 1) / TRAINED, original: TRAINED } },
  dca: { base, chunks: { chunkSize: TRAINED, localSize: TRAINED - CHUNK } },
  'dca+yarn': {
    base,
    yarn: { factor: (LONGEST + 1) / TRAINED, original: TRAINED },
    chunks: { chunkSize: TRAINED, localSize: TRAINED - CHUNK },
  },
} satisfies Record<string, ReferencePositions>;
type Method = keyof typeof methods;

let folder: string;
const references = new Map<Method, Float64Array[]>();
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'longhand-long-context-'));
  const file = join(folder, 'tiny.gguf');
  await writeFile(file, writeGguf(checkpoint));
  await compile(file, join(folder, 'model'), { name: 'tiny', recipe: 'exact', kvPage: 16 });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const load = (method: Method, options: Partial<LoadOptions> = {}) =>
  Model.load(join(folder, 'model'), { threads: 2, contextTokens: LONGEST + 1, method, ...options });

/** Logits of every position in float64; computed once, since those of a prefix do not depend on what follows. */
function reference(method: Method): Float64Array[] {
  const known = references.get(method);
  if (known !== undefined) return known;
  const logits = referenceLogits(checkpoint.tensors, shape, ids, methods[method]);
  references.set(method, logits);
  return logits;
}

/** Largest difference of the logits of `ids` [from, to) from the reference. */
function apart(found: Float32Array, wanted: readonly Float64Array[], from: number): number {
  const width = wanted[0]!.length;
  return found.reduce((most, value, i) => {
    return Math.max(most, Math.abs(value - wanted[from + Math.floor(i / width)]![i % width]!));
  }, 0);
}

async function feed(model: Model, sequence: KvSequence, to: number, block: number): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  while (sequence.length < to) {
    const step = ids.slice(sequence.length, Math.min(sequence.length + block, to));
    parts.push(Float32Array.from(await model.forward(sequence, step, { rows: [...step.keys()] })));
  }
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

describe.each(Object.keys(methods) as Method[])('attention by %s', (method) => {
  it.each([1, 7, 64, 512])('gives the logits of float64 within 1e-4 in blocks of %i, to 24 chunks', async (block) => {
    const model = await load(method);
    try {
      const worst: Record<string, number> = {};
      const sequence = model.newSequence();
      // Below, at and just above one chunk and the trained length, then 4 and 24 times as far.
      for (const to of [CHUNK - 8, CHUNK, CHUNK + 1, TRAINED, TRAINED + 1, 4 * CHUNK, LONGEST + 1]) {
        const from = sequence.length;
        worst[to] = apart(await feed(model, sequence, to, block), reference(method), from);
      }
      const most = Math.max(...Object.values(worst));
      console.log(`${method}, block ${block}: largest difference ${most.toExponential(1)}`);
      expect(most).toBeLessThan(1e-4);
    } finally {
      model.release();
    }
  });

  it('gives them after cuts and forks at any point', async () => {
    const model = await load(method);
    try {
      await fc.assert(
        fc.asyncProperty(
          fc.array(
            fc.record({ to: fc.integer({ min: 1, max: 300 }), block: fc.constantFrom(1, 7, 64), fork: fc.boolean() }),
            {
              minLength: 2,
              maxLength: 5,
            },
          ),
          async (steps) => {
            let sequence = model.newSequence();
            const others: KvSequence[] = [];
            for (const { to, block, fork } of steps) {
              if (fork && sequence.length > 0) {
                others.push(sequence);
                sequence = sequence.fork(Math.min(to, sequence.length));
              }
              sequence.truncate(to - 1);
              const from = sequence.length;
              expect(apart(await feed(model, sequence, to, block), reference(method), from)).toBeLessThan(1e-4);
            }
            // What was forked from goes on as if nothing had been.
            for (const other of others) {
              const from = other.length;
              const logits = await feed(model, other, from + 3, 1);
              expect(apart(logits, reference(method), from)).toBeLessThan(1e-4);
            }
            for (const one of [sequence, ...others]) {
              model.forget(one);
              one.release();
            }
          },
        ),
        { numRuns: 12, seed: 3 },
      );
    } finally {
      model.release();
    }
  });
});

describe('pages of 256 tokens, as the product has them', () => {
  // As the long-context models are published: chunks of their own, and sharpened queries.
  const [trained, chunk] = [384, 256];
  const to = 3 * chunk + 1;
  const tokens = ids.slice(0, to);
  const source = tinyCheckpoint({ ...shape, metadata: { 'qwen2.context_length': trained }, seed: 12 });
  let wanted: Float64Array[];
  beforeAll(() => {
    const chunks = { chunkSize: trained, localSize: trained - chunk, sharpenedFrom: trained };
    wanted = referenceLogits(source.tensors, shape, tokens, { base, chunks });
  }, 60_000);

  it.each([64, 512])('give the logits of float64 within 1e-4 in blocks of %i, to 3 chunks', async (block) => {
    const file = join(folder, `pages-${block}.gguf`);
    await writeFile(file, writeGguf(source));
    const manifest = await compile(file, join(folder, `pages-${block}`), { name: 'pages', recipe: 'exact' });
    const dualChunk = { chunkSize: trained, localSize: trained - chunk, originalContextLength: trained };
    await writeFile(join(folder, `pages-${block}`, 'manifest.json'), JSON.stringify({ ...manifest, dualChunk }));
    const model = await Model.load(join(folder, `pages-${block}`), { threads: 2, contextTokens: to, method: 'dca' });
    try {
      const sequence = model.newSequence();
      const width = model.vocabSize;
      const found = new Float32Array(to * width);
      for (let at = 0; at < to; at += block) {
        const step = tokens.slice(at, at + block);
        found.set(await model.forward(sequence, step, { rows: [...step.keys()] }), at * width);
      }
      expect(apart(found, wanted, 0)).toBeLessThan(1e-4);
    } finally {
      model.release();
    }
  });
});

describe.each(['float32', 'float16', 'int8'] as const)('sparse attention over %s', (kvType) => {
  // 37 full pages of 16 and 8 tokens behind them, in one sequence or shared by a fork.
  const [cached, pages] = [600, 37];
  const step = ids.slice(cached, cached + 5);

  it.each(['own', 'shared'])('leaves out only what it does not choose (%s pages)', async (whose) => {
    const model = await load('dca', { kvType });
    try {
      const first = model.newSequence();
      await feed(model, first, cached, 64);
      const sequence = whose === 'own' ? first : first.fork(cached);
      const logits = async (sparsity: Sparsity | null) => {
        const found = Float32Array.from(await model.forward(sequence, step, { sparsity }));
        sequence.truncate(cached);
        return found;
      };
      const dense = await logits(null);
      const distance = (found: Float32Array) =>
        found.reduce((m, value, i) => Math.max(m, Math.abs(value - dense[i]!)), 0);
      const [nearly, half, few] = [
        { pages: 33, recentPages: 3 },
        { pages: 16, recentPages: 3 },
        { pages: 4, recentPages: 2 },
      ];
      const recalls: number[] = [];
      for (const sparsity of [nearly, half, few]) {
        const layers = await model.attentionRecall(sequence, step, { sparsity });
        recalls.push(Math.min(...layers));
      }
      console.log(
        `${kvType}, ${whose}: recall ${recalls.map((one) => one.toFixed(3)).join(' ')} of 33, 16, 4 of 34 far pages`,
      );
      // Random weights attend to nothing in particular: what is kept is near the share of pages that is read.
      expect(recalls[0]).toBeGreaterThan(0.95);
      expect(recalls[0]).toBeLessThan(1);
      expect(recalls[1]).toBeGreaterThan((16 + 3) / pages);
      expect(recalls[2]).toBeGreaterThan((4 + 2) / pages);
      const apartBy = [distance(await logits(nearly)), distance(await logits(few))];
      expect(apartBy[0]).toBeLessThan(apartBy[1]!);
      expect(distance(await logits({ pages: 34, recentPages: 3 }))).toBe(0); // nothing to choose: dense
    } finally {
      model.release();
    }
  });

  it('gives the logits of a reference that reads only the first and the recent pages, where one is chosen', async () => {
    const model = await load('plain', { kvType: 'float32', contextTokens: LONGEST + 1 });
    try {
      const sequence = model.newSequence();
      await feed(model, sequence, cached, 64);
      const recall = await model.attentionRecall(sequence, step, { sparsity: { pages: 1, recentPages: 36 } });
      expect(Math.min(...recall)).toBe(1); // 36 recent pages and the first are all there are
    } finally {
      model.release();
    }
  });
});

describe('a cache that outgrows the addresses that were reserved for it', () => {
  it('keeps every page, for itself and for whoever shares them', async () => {
    const model = await load('dca', { contextTokens: 4096 });
    try {
      const first = model.newSequence();
      await feed(model, first, 500, 64); // 31 pages of 16
      const fork = first.fork(500);
      first.pretend(1600); // 100 pages: the first 64 had room
      first.truncate(500);
      const logits = await feed(model, fork, 505, 5);
      expect(apart(logits, reference('dca'), 500)).toBeLessThan(1e-4);
      expect(apart(await feed(model, first.fork(480), 485, 5), reference('dca'), 480)).toBeLessThan(1e-4);
    } finally {
      model.release();
    }
  });
});

describe('the yardstick', () => {
  it('tells methods apart: chunks are plain attention up to the trained length and something else beyond', () => {
    const [plain, dca, yarn] = [reference('plain'), reference('dca'), reference('yarn')];
    const distance = (a: Float64Array[], b: Float64Array[], from: number, to: number) =>
      Math.max(
        ...a.slice(from, to).flatMap((row, i) => [...row].map((value, j) => Math.abs(value - b[from + i]![j]!))),
      );
    expect(distance(plain, dca, 0, TRAINED)).toBeLessThan(1e-12);
    expect(distance(plain, dca, TRAINED + 1, 4 * CHUNK)).toBeGreaterThan(1e-2);
    expect(distance(plain, yarn, 1, TRAINED)).toBeGreaterThan(1e-3);
  });
});

describe.each(['float16', 'int8'] as const)('a cache in %s', (kvType) => {
  it('stays near float32, and its error is stated', async () => {
    const model = await load('dca', { kvType });
    try {
      const found = await feed(model, model.newSequence(), LONGEST + 1, 64);
      const wanted = reference('dca');
      const width = wanted[0]!.length;
      let [squares, errors] = [0, 0];
      found.forEach((value, i) => {
        const exact = wanted[Math.floor(i / width)]![i % width]!;
        squares += exact * exact;
        errors += (value - exact) ** 2;
      });
      const relative = Math.sqrt(errors / squares);
      console.log(`${kvType}: relative RMS error of logits ${relative.toExponential(1)}`);
      expect(relative).toBeGreaterThan(0);
      expect(relative).toBeLessThan(kvType === 'float16' ? 1e-3 : 2e-2);
    } finally {
      model.release();
    }
  });
});
