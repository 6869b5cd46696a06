import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dequantize, openCheckpoint, type Checkpoint } from '../../native-models/checkpoint/index.ts';
import { buildGraph } from '../../native-models/architectures/build-graph.ts';
import { publishedCheckpoint } from '../../native-models/plan/index.ts';
import type { Recipe } from '../../native-models/quantize/packed.ts';
import { goldenData } from '../support/golden-logits.ts';

// Packed and unpacked by AutoGPTQ and AutoAWQ: test/golden/make/grouped.py.
const digests = JSON.parse(readFileSync(join(goldenData, 'grouped.json'), 'utf8')) as Record<
  string,
  Record<string, string>
>;

/** Values of a weight in the order of its inputs, read `step` rows at a time. */
async function values(checkpoint: Checkpoint, name: string, step: number): Promise<Float32Array> {
  const { type, rows, rowByteLength, shape, columnOrder } = checkpoint.tensors.get(name)!;
  const columns = shape[1]!;
  const stored = new Float32Array(rows * columns);
  for (let first = 0; first < rows; first += step) {
    const last = Math.min(rows, first + step);
    const bytes = new Uint8Array((last - first) * rowByteLength);
    await checkpoint.readRows(name, first, last, bytes);
    dequantize(type, bytes, stored.subarray(first * columns, last * columns));
  }
  if (!columnOrder) return stored;
  return stored.map((_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    return stored[row * columns + columnOrder.indexOf(column)]!;
  });
}

describe.each(Object.entries(digests))('the weights of %s', (label, wanted) => {
  it.each([5, 1000])('are those of the package that packed them, bit for bit, read %s rows at a time', async (step) => {
    const checkpoint = await openCheckpoint(join(goldenData, label));
    const found: Record<string, string> = {};
    for (const name of Object.keys(wanted)) {
      const bytes = new Uint8Array((await values(checkpoint, name, step)).buffer);
      found[name] = createHash('sha256').update(bytes).digest('hex');
    }
    await checkpoint.close();
    expect(found).toEqual(wanted);
  });
});

describe('a grouped layer', () => {
  it.each([
    ['hf-gptq-int4', 'S4_128'],
    ['hf-gptq-int8', 'S8_32'],
    ['hf-gptq-desc-act', 'U4_32'],
    ['hf-gptq-rows', 'U8_64'],
    ['hf-awq', 'U4_128'],
  ])('keeps the codes and groups of %s: %s', async (label, type) => {
    const checkpoint = await openCheckpoint(join(goldenData, label));
    await checkpoint.close();
    expect(checkpoint.tensors.get('model.layers.0.self_attn.q_proj.weight')!.type).toBe(type);
  });

  it.each([
    ['hf-gptq-int4', 'GPTQ-Int4'],
    ['hf-awq', 'AWQ'],
  ] as const)('is priced as what it is: %s as %s', async (label, quantization) => {
    const checkpoint = await openCheckpoint(join(goldenData, label));
    await checkpoint.close();
    const paper = publishedCheckpoint(checkpoint.config, { format: 'safetensors', quantization });
    expect(new Map(paper.tensors)).toEqual(new Map(checkpoint.tensors));
  });

  // GPTQ in four bits is never chosen anew; `fast` has neither minima nor eight bits, and blocks as wide as can be.
  it.each<[string, Recipe, string, boolean]>([
    ['hf-gptq-int4', 'exact', 'int4 without minima in 128', true],
    ['hf-gptq-int4', 'balanced', 'int4 without minima in 128', true],
    ['hf-gptq-int4', 'fast', 'int4 without minima in 128', true],
    ['hf-gptq-int8', 'exact', 'int4pair with minima in 32', true],
    ['hf-gptq-int8', 'balanced', 'int8 without minima in 32', true],
    ['hf-gptq-int8', 'fast', 'int4 without minima in 64', false],
    ['hf-awq', 'exact', 'int4 with minima in 128', true],
    ['hf-awq', 'balanced', 'int4 with minima in 128', true],
    ['hf-awq', 'fast', 'int4 without minima in 128', false],
  ])('of %s is packed in %s as %s, its codes kept: %s', async (label, recipe, wanted, isKept) => {
    const checkpoint = await openCheckpoint(join(goldenData, label));
    const { weights } = buildGraph(checkpoint, recipe);
    const module = 'model.layers.0.self_attn.o_proj';
    const { format } = weights.matrix([`${module}.weight`]);
    const found = format.kind === 'float32' ? '' : `${format.hasMin ? 'with' : 'without'} minima in ${format.block}`;
    expect(`${format.kind} ${found}`).toBe(wanted);
    const step = weights.steps.findIndex((one) => one.label === module);
    const { squaredError } = await weights.writeStep(step, () => undefined);
    await checkpoint.close();
    expect(squaredError === 0).toBe(isKept);
  });

  it('shares its order with the layers that read the same input', async () => {
    const checkpoint = await openCheckpoint(join(goldenData, 'hf-gptq-desc-act'));
    await checkpoint.close();
    const order = (name: string) => checkpoint.tensors.get(`model.layers.${name}_proj.weight`)!.columnOrder;
    expect(order('0.self_attn.q')).toBeDefined();
    expect(order('0.self_attn.v')).toBe(order('0.self_attn.q'));
    expect(order('1.self_attn.v')).not.toBe(order('1.self_attn.q'));
  });

  it('stands beside layers that were left as they were', async () => {
    const checkpoint = await openCheckpoint(join(goldenData, 'hf-awq-kept'));
    await checkpoint.close();
    const types = ['q', 'v'].map(
      (part) => checkpoint.tensors.get(`model.layers.0.self_attn.${part}_proj.weight`)!.type,
    );
    expect(types).toEqual(['U4_32', 'F16']);
  });
});
