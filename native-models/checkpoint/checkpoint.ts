import type { RecommendedSampling } from '../catalog/sampling.ts';
import type { TensorType } from './blocks/index.ts';
import type { TokenizerSource } from '../text/tokenizer-source.ts';

/** How positions are stretched beyond the trained length. `type` keeps the name that the file uses. */
export type RopeScaling = {
  type: 'linear' | 'yarn';
  factor: number;
  /** Length the model was trained at, in tokens; null where the file leaves it out. */
  originalContextLength: number | null;
  /** YaRN: rotations over the original length from which pairs keep their frequency; 32 unless the file says otherwise. */
  betaFast?: number;
  /** YaRN: rotations up to which pairs are divided by the whole factor; 1 unless the file says otherwise. */
  betaSlow?: number;
  /** YaRN: what cos and sin are multiplied by; 0.1 ln(factor) + 1 unless the file says otherwise. */
  attentionFactor?: number;
};

/** Chunks of Dual Chunk Attention (arXiv 2402.17463), in tokens, as the 1M models set them. */
export type DualChunkConfig = { chunkSize: number; localSize: number; originalContextLength: number };

/** Feed-forward layers of routed experts (qwen2_moe): each token goes through the few that its router likes best. */
export type MoeConfig = {
  experts: number;
  expertsPerToken: number;
  /** Width of one expert. */
  expertSize: number;
  /** Width of the expert that every token goes through, weighed by a gate of its own; null where there is none. */
  sharedExpertSize: number | null;
  /** Whether the weights of the chosen experts are divided by their sum. */
  normTopkProb: boolean;
  /** By layer: routed experts, or a dense feed-forward of `intermediateSize`. */
  sparseLayers: readonly boolean[];
};

/** Shape and constants of a model, under one set of names for every file format. */
export type ModelConfig = {
  /** `model_type` of the family, as `architectures/index.ts` knows it. */
  architecture: string;
  name: string;
  /** SPDX-like identifier as the file spells it, null where it names none. */
  license: string | null;
  layers: number;
  hiddenSize: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  intermediateSize: number;
  moe: MoeConfig | null;
  /** Rows of the embedding, padding rows included; the tokenizer knows how many are real. */
  vocabSize: number;
  rmsNormEps: number;
  ropeTheta: number;
  ropeScaling: RopeScaling | null;
  /** For contexts beyond the trained length; absent where the checkpoint sets none. */
  dualChunk?: DualChunkConfig;
  /** Positions that the file claims, in tokens. */
  contextLength: number;
  /** The output projection is the embedding; then there is no `lm_head.weight`. */
  tiedEmbeddings: boolean;
  bosTokenId: number | null;
  /** Tokens that end an answer, the declared one first. */
  eosTokenIds: number[];
  /** What the checkpoint itself recommends; absent where it recommends nothing. */
  sampling?: RecommendedSampling;
};

/**
 * One weight as stored. `shape` is row-major, slowest first: [out, in] for a matrix.
 * A vector is one row.
 */
export type TensorInfo = {
  name: string;
  type: TensorType;
  shape: readonly number[];
  rows: number;
  /** Bytes of one row; rows follow each other without gaps and never share a quantisation block. */
  rowByteLength: number;
  byteLength: number;
  /**
   * Where a matrix is stored with its columns in another order, as GPTQ's `desc_act` leaves them: stored column j belongs
   * to input feature `columnOrder[j]`. Tensors of one order share one array.
   */
  columnOrder?: Uint32Array;
};

/**
 * An open model file, whatever its format. Only the header is in memory; weights are read on request.
 * Tensors go by their Hugging Face names, such as `model.layers.0.self_attn.q_proj.weight`.
 */
export interface Checkpoint {
  readonly path: string;
  /** Of all its files. */
  readonly sizeBytes: number;
  /** Every file that it is made of, where that is not the one at `path`. */
  readonly files?: readonly string[];
  readonly config: ModelConfig;
  readonly tokenizer: TokenizerSource;
  readonly tensors: ReadonlyMap<string, TensorInfo>;

  /**
   * Reads rows [firstRow, lastRow) of a tensor as raw bytes of its storage type, in Hugging Face row order.
   * `target` must be exactly that long. Memory used beyond it is at most one attention head of rows.
   * @throws CheckpointError `corrupt-checkpoint` when the file has become shorter since it was opened
   */
  readRows(name: string, firstRow: number, lastRow: number, target: Uint8Array): Promise<void>;

  close(): Promise<void>;
}
