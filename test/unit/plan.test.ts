import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { catalog, needsAcknowledgement, search } from '../../native-models/catalog/index.ts';
import { openCheckpoint } from '../../native-models/checkpoint/index.ts';
import { compile } from '../../native-models/compile.ts';
import { GRAPH_FILES, totalGraphBytes } from '../../native-models/manifest.ts';
import {
  downloadBytes,
  footprintOf,
  footprintOfGraph,
  kvBytes,
  longestContext,
  memoryNeed,
  ORDINARY_TOKENS,
  plan,
  prefillSeconds,
  publishedCheckpoint,
  type Footprint,
  type MachineSpeed,
} from '../../native-models/plan/index.ts';
import { recipes } from '../../native-models/quantize/packed.ts';
import { goldenData } from '../support/golden-logits.ts';
import { writeGguf } from '../support/gguf-writer.ts';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';

const GB = 1e9;

/** Qwen2.5 Technical Report and the released config.json files: parameters, and bytes of keys and values in 16 bits. */
const DENSE = [
  ['0.5b', 494_032_768, 12_288],
  ['1.5b', 1_543_714_304, 28_672],
  ['3b', 3_085_938_688, 36_864],
  ['7b', 7_615_616_512, 57_344],
  ['14b', 14_770_033_664, 196_608],
  ['32b', 32_763_876_352, 262_144],
  ['72b', 72_706_203_648, 327_680],
] as const;

const entryOf = (name: string) => catalog.find((entry) => entry.name === name)!;

/** An entry as it would be compiled of its BF16 checkpoint. */
function footprintOfEntry(name: string, recipe: (typeof recipes)[number] = 'balanced'): Footprint {
  const entry = entryOf(name);
  return footprintOf(publishedCheckpoint(entry.config, { format: 'safetensors', quantization: 'BF16' }), recipe);
}

/** Figures that are easy to reckon with. */
const speed: MachineSpeed = {
  threads: 2,
  kernels: [
    {
      ...{ bits: 8, block: 128, accuracyLevel: 4, secondsPerMatrix: 1e-5 },
      ...{ decodeWeightsPerSecond: 10e9, prefillWeightsPerSecond: 100e9 },
    },
  ],
  decoder: {
    decodeSecondsPerLayer: 1e-4,
    cacheBytesPerSecond: 10e9,
    prefillSecondsPerLayer: 1e-3,
    attendedPairsPerSecond: 200e6,
    secondsPerRowValue: 1e-9,
  },
};
/** What 16 tokens take, of which one takes `token` and 64 take `block`. */
const betweenAt16 = (token: number, block: number) => token + ((block - token) * 15) / 63;
const roomy = { memoryBytes: 1000 * GB, diskBytes: 1000 * GB, speed };

describe('a checkpoint on paper', () => {
  it.each(DENSE)('of Qwen2.5 %s has the parameters and the cache of the released one', (size, parameters, kv16) => {
    const { config, parameters: told } = entryOf(`qwen2.5-${size}-instruct`);
    const checkpoint = publishedCheckpoint(config, { format: 'safetensors', quantization: 'BF16' });
    let count = 0;
    for (const { shape } of checkpoint.tensors.values())
      count += shape.reduce((product, length) => product * length, 1);
    expect([count, told]).toEqual([parameters, parameters]);
    expect(checkpoint.sizeBytes).toBe(2 * parameters);
    const { shape } = footprintOf(checkpoint, 'balanced');
    expect([kvBytes(shape, 1, 'float32'), kvBytes(shape, 1, 'float16')]).toEqual([2 * kv16, kv16]);
    // Halved again, and a float32 scale for each row of a head.
    expect(kvBytes(shape, 1, 'int8')).toBe(kv16 / 2 + (kv16 / 2 / shape.headDim) * 4);
  });

  it('is as large as the files that are published', () => {
    const bytes = (name: string, quantization: string) => {
      const entry = entryOf(name);
      return downloadBytes(
        entry.config,
        entry.sources.find((source) => source.quantization === quantization)!,
      );
    };
    // As the hub lists them, in decimal megabytes: files of the makers, their own output matrix included.
    expect(bytes('qwen2.5-0.5b-instruct', 'Q4_0') / 1e6).toBeCloseTo(429, -1);
    expect(bytes('qwen2.5-0.5b-instruct', 'Q8_0') / 1e6).toBeCloseTo(676, -1);
    expect(bytes('qwen2.5-1.5b-instruct', 'Q8_0') / 1e6).toBeCloseTo(1895, -1);
    expect(bytes('smollm2-135m-instruct', 'Q4_1')).toBe(92_871_040);
  });

  it.each(['fast', 'balanced', 'exact'] as const)(
    'and the file of that shape are compiled to as many bytes as were planned: %s',
    async (recipe) => {
      const folder = mkdtempSync(join(tmpdir(), 'longhand-plan-'));
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
      for (const type of ['F16', 'Q4_0', 'Q4_1', 'Q8_0'] as const) {
        const file = join(folder, `${type}.gguf`);
        writeFileSync(file, writeGguf(tinyCheckpoint({ type, heads: 8, intermediateSize: 256 })));
        const checkpoint = await openCheckpoint(file);
        onTestFinished(() => checkpoint.close());
        const planned = footprintOf(checkpoint, recipe);
        const made = await compile(file, join(folder, type), { name: type, recipe });
        const graphBytes = totalGraphBytes(made.graphBytes);
        expect(planned.costs.weightBytes).toBe(made.weightsBytes);
        expect(Math.abs(planned.graphBytes / graphBytes - 1)).toBeLessThan(0.01);
        const found = footprintOfGraph(
          readFileSync(join(folder, type, GRAPH_FILES.float32)),
          graphBytes,
          planned.shape,
        );
        expect(found.costs).toEqual(planned.costs);
      }
    },
  );

  // Of a transformers checkpoint each: 8 experts of which a token takes 3, in all layers or in some.
  it.each(['tiny-qwen2moe', 'tiny-qwen2moe-mixed', 'tiny-qwen2moe-sparse'])(
    'and the routed experts of %s are compiled to as many bytes as were planned',
    async (label) => {
      const folder = mkdtempSync(join(tmpdir(), 'longhand-plan-'));
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
      const file = join(goldenData, `${label}.gguf`);
      const checkpoint = await openCheckpoint(file);
      onTestFinished(() => checkpoint.close());
      for (const recipe of recipes) {
        const planned = footprintOf(checkpoint, recipe);
        const made = await compile(file, join(folder, recipe), { name: label, recipe });
        const graphBytes = totalGraphBytes(made.graphBytes);
        expect(planned.costs.weightBytes).toBe(made.weightsBytes);
        expect(Math.abs(planned.graphBytes / graphBytes - 1)).toBeLessThan(0.01);
        const found = footprintOfGraph(
          readFileSync(join(folder, recipe, GRAPH_FILES.float32)),
          graphBytes,
          planned.shape,
        );
        expect(found.costs).toEqual(planned.costs);
      }
    },
  );

  // Their makers' names say how many parameters a token goes through: 2.7 of 14.3 and 14 of 57.4 thousand million.
  it.each([
    ['qwen1.5-moe-a2.7b-chat', 2.69e9, 24 * 60 * 3 * 1408 * 2048, 4 / 60],
    ['qwen2-57b-a14b-instruct', 14.24e9, 28 * 64 * 3 * 2560 * 3584, 8 / 64],
  ])('counts of the experts of %s those that a token takes', (name, active, inExperts, share) => {
    const { config, parameters } = entryOf(name);
    const { costs } = footprintOfEntry(name);
    const sum = (pick: 'weights' | 'weightsPerToken') => costs.multiplications.reduce((all, one) => all + one[pick], 0);
    const embeddings = config.vocabSize * config.hiddenSize;
    expect((sum('weightsPerToken') + embeddings) / active).toBeCloseTo(1, 2);
    expect((sum('weights') + embeddings) / parameters).toBeCloseTo(1, 3);
    const routed = costs.multiplications.filter(({ weights, weightsPerToken }) => weightsPerToken < weights);
    expect(routed.map(({ weights }) => weights)).toEqual([inExperts]);
    expect(routed[0]!.weightsPerToken).toBeCloseTo(inExperts * share, 0);
  });

  it('counts each matrix once, and the head apart from what a prompt reads', () => {
    const { costs } = footprintOfEntry('qwen2.5-7b-instruct');
    const sum = (pick: 'weights' | 'weightsPerToken' | 'headWeights') =>
      costs.multiplications.reduce((all, one) => all + one[pick], 0);
    expect(sum('headWeights')).toBe(152_064 * 3584);
    // All parameters but the embedding, of which a token reads one row, norms (57 of 3584) and biases.
    expect(sum('weights')).toBe(7_615_616_512 - 152_064 * 3584 - 57 * 3584 - 28 * (28 + 8) * 128);
    expect(sum('weightsPerToken')).toBe(sum('weights'));
  });
});

describe('a plan', () => {
  const request = { recipe: 'balanced', contextTokens: 4096, missingBytes: 10 * GB } as const;

  it('tells the speed that follows from the machine', () => {
    const footprint = footprintOfEntry('qwen2.5-7b-instruct');
    const { decodeTokensPerSecond, decodeTokensPerSecondAtContext } = plan(footprint, request, roomy).speed!;
    const matrices = 28 * 4 + 1; // q, k and v as one, gate and up as one, and the head
    const seconds = (tokens: number) => 7.0702e9 / 10e9 + matrices * 1e-5 + 28 * 1e-4 + (tokens * 114_688) / 10e9;
    expect(decodeTokensPerSecond).toBeCloseTo(1 / seconds(ORDINARY_TOKENS), 3);
    expect(decodeTokensPerSecondAtContext).toBeCloseTo(1 / seconds(4096), 3);
  });

  it('reads a prompt in blocks, which attend to all before them', () => {
    const footprint = footprintOfEntry('qwen2.5-7b-instruct');
    const { prefillTokensPerSecond, fillSeconds } = plan(footprint, request, roomy).speed!;
    // On two threads its blocks are of 16 tokens everywhere.
    const body = (7.0702e9 - 152_064 * 3584) * betweenAt16(1 / 10e9, 64 / 100e9);
    const rowValues = 28 * (3584 + 1024 + 3584 + 2 * 18_944 + 3584);
    const block = body + (152_064 * 3584) / 10e9 + 28 * betweenAt16(1e-4, 1e-3) + 16 * rowValues * 1e-9;
    expect(fillSeconds).toBeCloseTo((4096 / 16) * block + (28 * 28 * 4096 ** 2) / 2 / 200e6, 0);
    expect(prefillTokensPerSecond).toBeGreaterThan(4096 / fillSeconds);
  });

  it('reads smaller blocks at depth, where they cost more, and only what is not cached', () => {
    const { costs, shape } = footprintOfEntry('qwen2.5-0.5b-instruct');
    const seconds = (tokens: number, cached = 0) => prefillSeconds(costs, shape, tokens, speed, cached);
    const attention = (tokens: number) => (24 * 14 * tokens ** 2 * (64 + 64)) / (128 + 64) / 2 / 200e6;
    const besides = (tokens: number, cached: number) => seconds(tokens, cached) - attention(tokens) + attention(cached);
    expect(seconds(40_000, 30_000)).toBeCloseTo(seconds(40_000) - seconds(30_000), 0);
    const [near, far] = [besides(640, 0), besides(32_640, 32_000)];
    const head = (151_936 * 896) / 10e9;
    expect(far - 40 * head).toBeGreaterThan((near - 10 * head) * 1.2); // in 40 blocks of 16 instead of 10 of 64
    expect(seconds(4096, 4080)).toBeLessThan(seconds(4096, 4032));
  });

  it('reads all experts for a block of a prompt, and for a token those that it takes', () => {
    const footprint = footprintOfEntry('qwen1.5-moe-a2.7b-chat');
    const { decodeTokensPerSecond, fillSeconds } = plan(footprint, { ...request, contextTokens: 64 }, roomy).speed!;
    const [experts, head] = [24 * 60 * 3 * 1408 * 2048, 151_936 * 2048];
    const perToken = 2.69e9 - head; // what is looked up counts as nothing
    expect(decodeTokensPerSecond).toBeCloseTo(1 / (perToken / 10e9 + 24e-4), 0);
    // Of 60 experts four are taken, each with gate and up as one matrix; a shared one, its gate and the router besides.
    const rowValues = 24 * (4 * 2048 + 4 * (2 * 1408 + 2048) + 2 * 5632 + 2048 + 1 + 60);
    // Four blocks of 16 tokens.
    const body = (perToken - head) * betweenAt16(1 / 10e9, 64 / 100e9);
    const block = body + head / 10e9 + experts / 10e9 + 24 * betweenAt16(1e-4, 1e-3) + 16 * rowValues * 1e-9;
    expect(fillSeconds).toBeCloseTo(4 * block, 1);
  });

  it('says nothing of the speed of a machine that was not measured', () => {
    expect(plan(footprintOfEntry('qwen2.5-7b-instruct'), request, { ...roomy, speed: null }).speed).toBeNull();
  });

  it('adds up the memory, which grows with the context', () => {
    const footprint = footprintOfEntry('qwen2.5-7b-instruct');
    const { memory, kv } = plan(footprint, request, roomy);
    expect(memory.total).toBe(memory.weights + memory.kv + memory.work + memory.processes);
    expect(memory.kv).toBe(kv.float32);
    expect(memoryNeed(footprint, 8192).kv).toBe(2 * memory.kv);
  });

  it('refuses what does not fit, and says of what there is too little', () => {
    const footprint = footprintOfEntry('qwen2.5-7b-instruct');
    const { memory } = plan(footprint, request, roomy);
    const obstacle = (machine: object, wish = {}) =>
      plan(footprint, { ...request, ...wish }, { ...roomy, ...machine }).obstacle;
    expect(obstacle({ memoryBytes: memory.total })).toBeNull();
    expect(obstacle({ memoryBytes: memory.total - 1 })).toMatchObject({ kind: 'memory', needed: memory.total });
    expect(obstacle({ diskBytes: 1 * GB })).toEqual({ kind: 'disk', needed: 10 * GB, available: 1 * GB });
    expect(obstacle({}, { contextTokens: 40_000 })).toBeNull(); // longer than it was made for is read in chunks
  });

  it('finds the longest context that fits, and none where not even a short one does', () => {
    const footprint = footprintOfEntry('qwen2.5-7b-instruct');
    const at = (tokens: number) => memoryNeed(footprint, tokens).total;
    expect(longestContext(footprint, at(9216))).toBe(9216);
    expect(longestContext(footprint, at(9216) - 1)).toBe(8192);
    expect(longestContext(footprint, 1000 * GB)).toBe(32_768);
    expect(longestContext(footprint, at(2048) - 1)).toBeNull();
  });
});

describe('the catalogue', () => {
  it('asks about licences that restrict use, and about no others', () => {
    const asked = catalog.filter(({ license }) => needsAcknowledgement(license)).map(({ name }) => name);
    expect(asked.sort()).toEqual([
      'qwen1.5-moe-a2.7b-chat',
      'qwen2.5-3b-instruct',
      'qwen2.5-72b-instruct',
      'qwen2.5-coder-3b-instruct',
      'qwen2.5-math-72b-instruct',
    ]);
    expect(needsAcknowledgement(null)).toBe(true);
    expect(needsAcknowledgement('Apache-2.0')).toBe(false);
  });

  it.each([
    ['coder 7b', ['qwen2.5-coder-7b-instruct']],
    ['代码 0.5B', ['qwen2.5-coder-0.5b-instruct']],
    ['数学', ['qwen2.5-math-1.5b-instruct', 'qwen2.5-math-7b-instruct', 'qwen2.5-math-72b-instruct']],
    ['QwQ', ['qwq-32b']],
    ['ｑｗｑ', ['qwq-32b']],
    ['135m', ['smollm2-135m-instruct']],
    ['混合专家', ['qwen1.5-moe-a2.7b-chat', 'qwen2-57b-a14b-instruct']],
    ['research general', ['qwen2.5-3b-instruct']],
    ['7b 72b', []],
    ['.*', []],
  ])('finds by %s', (query, names) => {
    expect(search(catalog, query).map(({ name }) => name)).toEqual(names);
  });

  it('gives everything where nothing is asked for', () => {
    expect(search(catalog, ' ')).toHaveLength(catalog.length);
  });

  it('names a repository of the makers for every form at a hub', () => {
    for (const { sources } of catalog) {
      for (const source of sources) if (source.kind === 'hub') expect(source.repository).toMatch(/^Qwen\/[\w.-]+$/);
    }
  });
});
