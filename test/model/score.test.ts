import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Model } from '../../main/engine/model.ts';
import { Scheduler } from '../../main/engine/scheduler.ts';
import { score } from '../../main/engine/score.ts';
import { readBook } from '../../main/services/models/verify/book.ts';
import { compile } from '../../native-models/compile.ts';
import { writeGguf } from '../support/gguf-writer.ts';
import { referenceLogits } from '../support/reference-decoder.ts';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';

const TOKENS = 300;
const shape = { layers: 2, heads: 4, kvHeads: 2, headDim: 16 };
const checkpoint = tinyCheckpoint(shape);

let folder: string;
let model: Model;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'longhand-score-'));
  const file = join(folder, 'tiny.gguf');
  await writeFile(file, writeGguf(checkpoint));
  await compile(file, join(folder, 'model'), { name: 'tiny', recipe: 'exact' });
  model = await Model.load(join(folder, 'model'), { threads: 2, contextTokens: 20_000 });
});
afterAll(async () => {
  model.release();
  await rm(folder, { recursive: true, force: true });
});

const scheduler = new Scheduler({ limitMs: () => 60_000, onHung() {} });
const turns = scheduler.client('background');

describe('how well a model foretells a text', () => {
  it('is the probability of each token but the first under the logits before it', async () => {
    const text = await readBook();
    const found: number[] = [];
    const totals = new Set<number>();
    for await (const { total, logProbabilities } of score(model, { text, maxTokens: TOKENS }, { turns })) {
      totals.add(total);
      found.push(...logProbabilities);
    }
    expect([...totals]).toEqual([TOKENS]);
    const ids = model.tokenizer.encode(text).slice(0, TOKENS);
    const logits = referenceLogits(checkpoint.tensors, shape, ids, { base: 10_000 });
    const wanted = ids.slice(1).map((id, row) => {
      const weights = logits[row]!.map(Math.exp);
      return Math.log(weights[id]! / weights.reduce((sum, weight) => sum + weight, 0));
    });
    expect(found).toHaveLength(TOKENS - 1);
    const apart = found.map((value, index) => Math.abs(value - wanted[index]!));
    expect(Math.max(...apart)).toBeLessThan(1e-4);
  });

  it('tells at first how long the text is, and stops at once', async () => {
    const stop = new AbortController();
    const { signal } = stop;
    const steps = score(model, { text: 'hello world', maxTokens: TOKENS }, { turns, signal });
    expect((await steps.next()).value).toEqual({ total: 3, logProbabilities: [] });
    stop.abort();
    await expect(steps.next()).rejects.toThrow('aborted');
  });
});
