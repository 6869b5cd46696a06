import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Model } from '../../main/engine/model.ts';
import { compile } from '../../native-models/compile.ts';
import { goldenData, largestDifference, logitsInSteps, readLogits } from '../support/golden-logits.ts';

// Made by test/golden/make/families.py, huggingface.py and lora.py: transformers in float32, 40 positions.
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
  'hf-gptq-int4',
  'hf-gptq-int8',
  'hf-gptq-desc-act',
  'hf-gptq-rows',
  'hf-awq',
  'hf-awq-kept',
  'lora-qwen2',
  'lora-llama',
] as const;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'longhand-families-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe.each(labels)('the compiled %s', (label) => {
  let model: Model;
  let wanted: Float32Array;
  beforeAll(async () => {
    const compiled = join(folder, label);
    await compile(join(goldenData, /^(hf|lora)-/.test(label) ? label : `${label}.gguf`), compiled, {
      name: label,
      recipe: 'exact',
    });
    model = await Model.load(compiled, { threads: 2 });
    wanted = await readLogits(label);
  });
  afterAll(() => model.release());

  it.each<[string, number[]]>([
    ['token by token', Array<number>(40).fill(1)],
    ['in blocks of 7', [7, 7, 7, 7, 7, 5]],
    ['in one block of 64', [40]],
    ['as a prompt and the decoding behind it', [20, ...Array<number>(20).fill(1)]],
  ])(`gives the logits of transformers within ${TOLERANCE}, fed %s`, async (_how, steps) => {
    const largest = largestDifference(await logitsInSteps(model, steps), wanted);
    console.log(`${label}, ${steps[0]} first: largest difference ${largest.toExponential(1)}`);
    expect(largest).toBeLessThan(TOLERANCE);
  });
});
