import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Model } from '../../main/engine/model.ts';
import { compile } from '../../native-models/compile.ts';
import type { Recipe } from '../../native-models/quantize/packed.ts';
import { writeGguf } from '../support/gguf-writer.ts';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';

const Q4_0_BYTES = 18;
const ids = Array.from({ length: 40 }, (_, i) => (7 * i + i * i) % 256);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'longhand-recipes-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The logits of every position under `recipe`, of a checkpoint whose blocks of 32 all share one scale. */
async function logits(recipe: Recipe): Promise<{ logits: Float32Array; errors: Record<string, number> }> {
  const checkpoint = tinyCheckpoint({ type: 'Q4_0', heads: 8, kvHeads: 2, intermediateSize: 256 });
  for (const { type, data } of checkpoint.tensors) {
    if (type !== 'Q4_0') continue;
    for (let at = 0; at < data.length; at += Q4_0_BYTES) data.set([0, 0x24], at); // 2^-6 in float16
  }
  const file = join(folder, 'even.gguf');
  await writeFile(file, writeGguf(checkpoint));
  const { quantizationErrors } = await compile(file, join(folder, recipe), { name: recipe, recipe });
  const model = await Model.load(join(folder, recipe), { threads: 2 });
  const found = await model.forward(model.newSequence(), ids, { rows: [...ids.keys()] });
  const copy = Float32Array.from(found);
  model.release();
  return { logits: copy, errors: quantizationErrors };
}

describe('the recipe fast', () => {
  it('gives what exact gives, but for int8 activations, where one scale serves for a wide block', async () => {
    const [exact, fast] = [await logits('exact'), await logits('fast')];
    const squares = (values: Float32Array) => values.reduce((sum, value) => sum + value * value, 0);
    const difference = fast.logits.map((value, i) => value - exact.logits[i]!);
    expect(Math.sqrt(squares(difference) / squares(exact.logits))).toBeLessThan(0.05);
    for (const error of Object.values(fast.errors)) expect(error).toBeLessThan(1e-6);
  });
});
