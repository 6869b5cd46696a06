import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { dequantize, openCheckpoint, type Checkpoint } from '../../native-models/checkpoint/index.ts';

// A file of the gguf Python package's own writer: test/golden/make/gguf_file.py.
const path = fileURLToPath(new URL('data/reference.gguf', import.meta.url));
const expected = JSON.parse(readFileSync(new URL('data/reference-gguf.json', import.meta.url), 'utf8')) as Record<
  'q_proj' | 'k_proj',
  number[]
>;

let checkpoint: Checkpoint;
beforeAll(async () => {
  checkpoint = await openCheckpoint(path);
});
afterAll(() => checkpoint.close());

it('finds the configuration that the reference writer stored', () => {
  expect(checkpoint.config).toEqual({
    architecture: 'llama',
    name: 'Reference',
    license: 'mit',
    layers: 1,
    hiddenSize: 32,
    heads: 4,
    kvHeads: 2,
    headDim: 8,
    intermediateSize: 64,
    moe: null,
    vocabSize: 8,
    rmsNormEps: Math.fround(1e-5),
    ropeTheta: 100_000,
    ropeScaling: null,
    contextLength: 128,
    tiedEmbeddings: true,
    bosTokenId: null,
    eosTokenIds: [7],
  });
});

it('lists the tensors under their Hugging Face names, shapes and types', () => {
  const listed = [...checkpoint.tensors.values()].map(({ name, type, shape }) => `${name} ${type} [${shape}]`);
  expect(listed).toMatchInlineSnapshot(`
    [
      "model.embed_tokens.weight F32 [8,32]",
      "model.layers.0.input_layernorm.weight F32 [32]",
      "model.layers.0.self_attn.q_proj.weight Q8_0 [32,32]",
      "model.layers.0.self_attn.k_proj.weight F32 [16,32]",
      "model.layers.0.self_attn.v_proj.weight F32 [16,32]",
      "model.layers.0.self_attn.o_proj.weight F16 [32,32]",
      "model.layers.0.post_attention_layernorm.weight F32 [32]",
      "model.layers.0.mlp.gate_proj.weight Q4_0 [64,32]",
      "model.layers.0.mlp.up_proj.weight Q4_0 [64,32]",
      "model.layers.0.mlp.down_proj.weight Q4_0 [32,64]",
      "model.norm.weight F32 [32]",
    ]
  `);
});

it.each(['q_proj', 'k_proj'] as const)(
  'gives the rows of %s in Hugging Face order, whole and one by one',
  async (name) => {
    const info = checkpoint.tensors.get(`model.layers.0.self_attn.${name}.weight`)!;
    const columns = info.shape[1]!;
    const read = async (first: number, last: number) => {
      const bytes = new Uint8Array((last - first) * info.rowByteLength);
      await checkpoint.readRows(info.name, first, last, bytes);
      const values = new Float32Array((last - first) * columns);
      dequantize(info.type, bytes, values);
      return [...values];
    };
    expect(await read(0, info.rows)).toEqual(expected[name]);
    for (let row = 0; row < info.rows; row++) {
      expect(await read(row, row + 1)).toEqual(expected[name].slice(row * columns, (row + 1) * columns));
    }
    expect(await read(5, 11)).toEqual(expected[name].slice(5 * columns, 11 * columns)); // across a border of heads
  },
);
