import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Model } from '../../main/engine/model.ts';
import { compile } from '../../native-models/compile.ts';
import type { Recipe } from '../../native-models/quantize/packed.ts';
import {
  blocksOf,
  goldenData,
  goldenIds,
  largestDifference,
  logitsInSteps,
  readLogits,
} from '../support/golden-logits.ts';

// Made by test/golden/make/logits.py and block_types.py: transformers in float32, 40 positions.
const labels = ['tiny-qwen2', 'tiny-qwen2-mixed', 'tiny-llama', 'tiny-qwen2-k', 'tiny-qwen2-small-blocks'] as const;

let folder: string;
let models = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'longhand-logits-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function load(label: string, recipe: Recipe): Promise<Model> {
  const compiled = join(folder, String(models++));
  await compile(join(goldenData, `${label}.gguf`), compiled, { name: label, recipe });
  return Model.load(compiled, { threads: 2 });
}

describe.each(labels)('the compiled %s', (label) => {
  it.each([1, 7, 64])('gives the logits of transformers within 1e-4 at block size %i', async (block) => {
    const model = await load(label, 'exact');
    const difference = largestDifference(await logitsInSteps(model, blocksOf(block)), await readLogits(label));
    model.release();
    console.log(`${label}, block ${block}: largest difference ${difference.toExponential(1)}`);
    expect(difference).toBeLessThan(1e-4);
  });

  it('stays near them when activations are rounded to int8', async () => {
    const model = await load(label, 'balanced');
    const [found, wanted] = [await logitsInSteps(model, blocksOf(64)), await readLogits(label)];
    model.release();
    const squares = (values: Float32Array) => values.reduce((sum, value) => sum + value * value, 0);
    const relative = Math.sqrt(squares(found.map((value, i) => value - wanted[i]!)) / squares(wanted));
    console.log(`${label}, balanced: relative RMS error ${relative.toFixed(4)}`);
    expect(relative).toBeLessThan(0.1);
  });
});

describe('the cache', () => {
  it('repeats bit for bit after being cut back, forked and grown', async () => {
    const model = await load('tiny-llama', 'exact');
    const sequence = model.newSequence();
    await model.forward(sequence, goldenIds.slice(0, 30));
    const first = Float32Array.from(await model.forward(sequence, [5]));
    await model.forward(sequence, [6, 7, 8]);
    const fork = sequence.fork(30);
    expect(Float32Array.from(await model.forward(fork, [5]))).toEqual(first);
    sequence.truncate(30);
    expect(Float32Array.from(await model.forward(sequence, [5]))).toEqual(first);
    model.release();
  });
});
