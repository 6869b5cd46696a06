import type { ModelConfig } from '../checkpoint/checkpoint.ts';

/** Sizes of Qwen2.5 in billions of parameters, as they are spelt. */
export type DenseSize = '0.5B' | '1.5B' | '3B' | '7B' | '14B' | '32B' | '72B';

type Shape = {
  hidden: number;
  layers: number;
  heads: number;
  kvHeads: number;
  feedForward: number;
  vocabulary: number;
  tied: boolean;
  parameters: number;
};

/** Qwen2.5 Technical Report (arXiv 2412.15115), table 1, and the config.json of each size. */
const SHAPES: Record<DenseSize, Shape> = {
  '0.5B': dense(896, 24, 14, 2, 4864, 151_936, true, 494_032_768),
  '1.5B': dense(1536, 28, 12, 2, 8960, 151_936, true, 1_543_714_304),
  '3B': dense(2048, 36, 16, 2, 11_008, 151_936, true, 3_085_938_688),
  '7B': dense(3584, 28, 28, 4, 18_944, 152_064, false, 7_615_616_512),
  '14B': dense(5120, 48, 40, 8, 13_824, 152_064, false, 14_770_033_664),
  '32B': dense(5120, 64, 40, 8, 27_648, 152_064, false, 32_763_876_352),
  '72B': dense(8192, 80, 64, 8, 29_568, 152_064, false, 72_706_203_648),
};

const SHARED: Pick<
  ModelConfig,
  'architecture' | 'license' | 'moe' | 'rmsNormEps' | 'ropeTheta' | 'ropeScaling' | 'bosTokenId' | 'eosTokenIds'
> = {
  architecture: 'qwen2',
  license: null,
  moe: null,
  rmsNormEps: 1e-6,
  ropeTheta: 1e6,
  ropeScaling: null,
  bosTokenId: null,
  eosTokenIds: [151_645, 151_643],
};

/** A dense Qwen2.5 of this size, with what one of its relatives has otherwise. */
export function denseConfig(name: string, size: DenseSize, changes: Partial<ModelConfig> = {}): ModelConfig {
  const { hidden, layers, heads, kvHeads, feedForward, vocabulary, tied } = SHAPES[size];
  return {
    ...SHARED,
    ...{ name, layers, heads, kvHeads, hiddenSize: hidden, headDim: hidden / heads },
    ...{ intermediateSize: feedForward, vocabSize: vocabulary, tiedEmbeddings: tied, contextLength: 32_768 },
    ...changes,
  };
}

export function denseParameters(size: DenseSize): number {
  return SHAPES[size].parameters;
}

/** Qwen1.5-MoE-A2.7B: 60 routed experts, 4 a token, beside a shared one. */
export function qwen15MoeConfig(name: string): ModelConfig {
  return {
    ...SHARED,
    ...{ architecture: 'qwen2_moe', name, layers: 24, hiddenSize: 2048, heads: 16, kvHeads: 16, headDim: 128 },
    ...{ intermediateSize: 5632, vocabSize: 151_936, tiedEmbeddings: false, contextLength: 8192 },
    moe: routed({ experts: 60, expertsPerToken: 4, expertSize: 1408, sharedExpertSize: 5632, layers: 24 }),
  };
}

/** Qwen2-57B-A14B: 64 routed experts, 8 a token, beside a shared one. */
export function qwen2MoeConfig(name: string): ModelConfig {
  return {
    ...SHARED,
    ...{ architecture: 'qwen2_moe', name, layers: 28, hiddenSize: 3584, heads: 28, kvHeads: 4, headDim: 128 },
    ...{ intermediateSize: 18_944, vocabSize: 151_936, tiedEmbeddings: false, contextLength: 32_768 },
    moe: routed({ experts: 64, expertsPerToken: 8, expertSize: 2560, sharedExpertSize: 20_480, layers: 28 }),
  };
}

/** SmolLM2-135M-Instruct, of another family and small enough for anything. */
export const smolLm2Config: ModelConfig = {
  ...SHARED,
  ...{ architecture: 'llama', name: 'SmolLM2-135M-Instruct', layers: 30, hiddenSize: 576, heads: 9, kvHeads: 3 },
  ...{ headDim: 64, intermediateSize: 1536, vocabSize: 49_152, tiedEmbeddings: true, contextLength: 8192 },
  ...{ rmsNormEps: 1e-5, ropeTheta: 1e5, eosTokenIds: [2] },
};

function routed({
  layers,
  ...moe
}: { layers: number } & Omit<NonNullable<ModelConfig['moe']>, 'normTopkProb' | 'sparseLayers'>) {
  return { ...moe, normTopkProb: false, sparseLayers: Array<boolean>(layers).fill(true) };
}

function dense(
  hidden: number,
  layers: number,
  heads: number,
  kvHeads: number,
  feedForward: number,
  vocabulary: number,
  tied: boolean,
  parameters: number,
): Shape {
  return { hidden, layers, heads, kvHeads, feedForward, vocabulary, tied, parameters };
}
