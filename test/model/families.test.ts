import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Model } from '../../main/engine/model.ts';
import { compile } from '../../native-models/compile.ts';

// Made by test/golden/make/families.py and huggingface.py: transformers in float32, 40 positions.
const data = join(import.meta.dirname, '../golden/data');
const ids = Array.from({ length: 40 }, (_, i) => (7 * i + i * i) % 256);
const TOLERANCE = 1e-4;
const labels = [
  'tiny-qwen2-linear',
  'tiny-qwen2-yarn',
  'tiny-qwen2-yarn-tuned',
  'tiny-llama-biases',
  'tiny-qwen3',
  'tiny-qwen2moe',
  'tiny-qwen2moe-norm',
  'tiny-qwen2moe-mixed',
  'tiny-qwen2moe-sparse',
  'hf-qwen2-sharded',
  'hf-llama',
  'hf-qwen3',
] as const;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'longhand-families-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Logits of every position, fed in steps of the given lengths. */
async function logits(model: Model, steps: readonly number[]): Promise<Float32Array> {
  const sequence = model.newSequence();
  const { vocabSize } = model.manifest;
  const out = new Float32Array(ids.length * vocabSize);
  let at = 0;
  for (const step of steps) {
    const part = ids.slice(at, at + step);
    out.set(await model.forward(sequence, part, { rows: [...part.keys()] }), at * vocabSize);
    at += step;
  }
  return out;
}

describe.each(labels)('the compiled %s', (label) => {
  let model: Model;
  let wanted: Float32Array;
  beforeAll(async () => {
    const compiled = join(folder, label);
    await compile(join(data, label.startsWith('hf-') ? label : `${label}.gguf`), compiled, {
      name: label,
      recipe: 'exact',
    });
    model = await Model.load(compiled, { threads: 2 });
    wanted = new Float32Array(new Uint8Array(await readFile(join(data, `${label}.logits`))).buffer);
  });
  afterAll(() => model.release());

  it.each<[string, number[]]>([
    ['token by token', Array<number>(40).fill(1)],
    ['in blocks of 7', [7, 7, 7, 7, 7, 5]],
    ['in one block of 64', [40]],
    ['as a prompt and the decoding behind it', [20, ...Array<number>(20).fill(1)]],
  ])(`gives the logits of transformers within ${TOLERANCE}, fed %s`, async (_how, steps) => {
    const found = await logits(model, steps);
    expect(found.length).toBe(wanted.length);
    const largest = found.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i]!)), 0);
    console.log(`${label}, ${steps[0]} first: largest difference ${largest.toExponential(1)}`);
    expect(largest).toBeLessThan(TOLERANCE);
  });
});
