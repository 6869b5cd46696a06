import type { TensorType } from './blocks/index.ts';
import type { TokenizerSource } from '../text/tokenizer-source.ts';

/** How positions are stretched beyond the trained length. `type` keeps the name that the file uses. */
export type RopeScaling = {
  type: 'linear' | 'yarn';
  factor: number;
  /** Length the model was trained at, in tokens; null where the file leaves it out. */
  originalContextLength: number | null;
};

/** Shape and constants of a model, under one set of names for every file format. */
export type ModelConfig = {
  architecture: Architecture;
  name: string;
  /** SPDX-like identifier as the file spells it, null where it names none. */
  license: string | null;
  layers: number;
  hiddenSize: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  intermediateSize: number;
  /** Rows of the embedding, padding rows included; the tokenizer knows how many are real. */
  vocabSize: number;
  rmsNormEps: number;
  ropeTheta: number;
  ropeScaling: RopeScaling | null;
  /** Positions that the file claims, in tokens. */
  contextLength: number;
  /** The output projection is the embedding; then there is no `lm_head.weight`. */
  tiedEmbeddings: boolean;
  bosTokenId: number | null;
  /** Tokens that end an answer, the declared one first. */
  eosTokenIds: number[];
};

export const architectures = ['qwen2', 'llama'] as const;
export type Architecture = (typeof architectures)[number];

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
};

/**
 * An open model file, whatever its format. Only the header is in memory; weights are read on request.
 * Tensors go by their Hugging Face names, such as `model.layers.0.self_attn.q_proj.weight`.
 */
export interface Checkpoint {
  readonly path: string;
  readonly sizeBytes: number;
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
