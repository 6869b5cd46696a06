import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Model } from '../../main/engine/model.ts';
import { buildGraph } from '../../native-models/architectures/build-graph.ts';
import { blockFormat, openCheckpoint, type Checkpoint } from '../../native-models/checkpoint/index.ts';
import { compile } from '../../native-models/compile.ts';
import { decodeModel, type NodeSpec } from '../../native-models/graph/onnx.ts';
import { WEIGHTS_FILE } from '../../native-models/graph/weights.ts';
import { GRAPH_FILES, MANIFEST_FILE, parseManifest } from '../../native-models/manifest.ts';
import { openWriter } from '../../native-models/write-weights.ts';
import { goldenData, largestDifference, logitsInSteps, readLogits } from '../support/golden-logits.ts';

const TOLERANCE = 1e-4;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'longhand-columns-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The order of n columns of each turn: backwards, from another end. Asked twice, the same array. */
const orders = new Map<string, Uint32Array>();
function reordered(n: number, turn: number): Uint32Array {
  const key = `${n} ${turn}`;
  const known = orders.get(key);
  if (known) return known;
  const made = Uint32Array.from({ length: n }, (_, j) => (2 * n - 1 - j - turn) % n);
  orders.set(key, made);
  return made;
}

/** The checkpoint with the columns of its linear layers stored in the orders that `turnOf` gives, as `desc_act` does. */
function permuted(checkpoint: Checkpoint, turnOf: (name: string) => number): Checkpoint {
  const tensors = new Map(checkpoint.tensors);
  for (const [name, info] of tensors) {
    if (/_proj\.weight$/.test(name)) {
      tensors.set(name, { ...info, columnOrder: reordered(info.shape[1]!, turnOf(name)) });
    }
  }
  return {
    path: checkpoint.path,
    sizeBytes: checkpoint.sizeBytes,
    config: checkpoint.config,
    tokenizer: checkpoint.tokenizer,
    tensors,
    close: () => checkpoint.close(),
    async readRows(name, first, last, target) {
      await checkpoint.readRows(name, first, last, target);
      const { columnOrder, type, rowByteLength } = tensors.get(name)!;
      if (!columnOrder) return;
      const { blockSize, bytesPerBlock } = blockFormat(type);
      expect(blockSize).toBe(1);
      const inOrder = target.slice();
      for (let row = 0; row < target.length; row += rowByteLength) {
        columnOrder.forEach((from, to) => {
          const value = inOrder.subarray(row + from * bytesPerBlock, row + (from + 1) * bytesPerBlock);
          target.set(value, row + to * bytesPerBlock);
        });
      }
    },
  };
}

/** How far the logits of `label`, compiled from columns in other orders, are from transformers', and the graph's nodes. */
async function run(label: string, turnOf: (name: string) => number): Promise<{ largest: number; nodes: NodeSpec[] }> {
  const source = join(goldenData, `${label}.gguf`);
  const compiled = await mkdtemp(join(folder, label));
  await rm(compiled, { recursive: true });
  await compile(source, compiled, { name: label, recipe: 'exact' });

  const checkpoint = permuted(await openCheckpoint(source), turnOf);
  const graph = buildGraph(checkpoint, 'exact');
  const encoded = graph.encode();
  await writeFile(join(compiled, GRAPH_FILES.float32), encoded);
  await truncate(join(compiled, WEIGHTS_FILE), 0);
  const writer = openWriter(join(compiled, WEIGHTS_FILE));
  for (const step of graph.weights.steps.keys()) await graph.weights.writeStep(step, writer.write);
  writer.close();
  await checkpoint.close();
  const manifest = parseManifest(await readFile(join(compiled, MANIFEST_FILE), 'utf8'));
  const sizes = {
    weightsBytes: graph.weights.sizeBytes,
    graphBytes: { float32: encoded.byteLength, float16: 0, int8: 0 },
  };
  await writeFile(join(compiled, MANIFEST_FILE), JSON.stringify({ ...manifest, ...sizes }));

  const model = await Model.load(compiled, { threads: 2 });
  const found = await logitsInSteps(model, [20, 20]);
  model.release();
  return { largest: largestDifference(found, await readLogits(label)), nodes: [...decodeModel(encoded).nodes] };
}

const gathers = (nodes: readonly NodeSpec[]) => nodes.filter(({ name }) => name.includes('/in_order_'));
const layers = 2;

describe('columns stored in another order', () => {
  it('give the same logits where all matrices of an input share it, for one gather of that input', async () => {
    const { largest, nodes } = await run('tiny-qwen2-linear', () => 5);
    expect(largest).toBeLessThan(TOLERANCE);
    expect(gathers(nodes)).toHaveLength(layers * 4);
  });

  it('give the same logits where they differ from matrix to matrix, multiplied apart', async () => {
    const { largest, nodes } = await run('tiny-qwen2-linear', (name) => (/\.(k|up)_proj/.test(name) ? 3 : 1));
    expect(largest).toBeLessThan(TOLERANCE);
    // q and v share the gather of their input, though k stands between them.
    expect(gathers(nodes)).toHaveLength(layers * 6);
  });

  it('give the same logits in a model of experts, each with orders of its own', async () => {
    const turnOf = (name: string) => Number(/experts\.(\d+)/.exec(name)?.[1] ?? 2) + (name.includes('up_proj') ? 1 : 0);
    expect((await run('tiny-qwen2moe', turnOf)).largest).toBeLessThan(TOLERANCE);
  });
});
