import { PREFILL_BLOCK } from '../attention/blocks.ts';
import type { KvType } from '../attention/kv-type.ts';
import { buildGraph } from '../architectures/build-graph.ts';
import type { Checkpoint, ModelConfig } from '../checkpoint/checkpoint.ts';
import type { Recipe } from '../quantize/packed.ts';
import { decodeModel } from '../graph/onnx.ts';
import { graphCosts, type GraphCosts } from './graph-costs.ts';
import { kvBytesPerToken, type AttentionShape } from './speed.ts';

/** What a model is, as far as its price depends on it: the same for a checkpoint and for what was compiled of it. */
export type Footprint = {
  shape: AttentionShape & { hiddenSize: number; vocabSize: number; contextTokens: number };
  costs: GraphCosts;
  /** Of the graphs of every form of the cache. */
  graphBytes: number;
  /** Of the checkpoint's weights; null where only the compiled model is there. */
  checkpointBytes: number | null;
};

/** Bytes of memory by what they are for. */
export type MemoryNeed = { weights: number; kv: number; work: number; processes: number; total: number };

/**
 * The processes with the runtime and the tokenizer, before any weights: some 0.1 GB of the engine's own, 0.06 of its
 * libraries and as much for the assistant (Linux, x64).
 */
const PROCESS_BYTES = 0.25e9;
/** Rows that live at once between two operators: the sum, its norm, a projection, what becomes of it. */
const LIVE_ROWS = 4;
const FLOAT16_LAYER_BYTES = 743;
const INT8_LAYER_BYTES = 5680;
/** Scores, the same with the mask, and their softmax. */
const LIVE_SCORES = 3;

/**
 * What `checkpoint` would become under `recipe`. The graph is built as for compiling, and only its bytes are not.
 * @throws CheckpointError where it would not compile either
 */
export function footprintOf(checkpoint: Checkpoint, recipe: Recipe): Footprint {
  const { config } = checkpoint;
  const graph = buildGraph(checkpoint, recipe);
  return {
    shape: { ...config, contextTokens: config.contextLength },
    costs: graphCosts(graph.spec),
    graphBytes: allGraphBytes(graph.encode().byteLength, config),
    checkpointBytes: checkpoint.sizeBytes,
  };
}

/**
 * Bytes of the graphs of all forms, by that of float32: building each would take three times as long for what is a few
 * thousandths of a model. The others have some more operators a layer (measured; the sum is within one percent), int8 also a
 * matrix of `headDim` by itself.
 */
function allGraphBytes(float32: number, { layers, headDim }: Pick<ModelConfig, 'layers' | 'headDim'>): number {
  return 3 * float32 + layers * (FLOAT16_LAYER_BYTES + INT8_LAYER_BYTES) + 4 * headDim ** 2;
}

/** Bytes on the disk of what it compiles to, but for its tokenizer. */
export function compiledBytes({ costs, graphBytes }: Footprint): number {
  return costs.weightBytes + graphBytes;
}

/** What a compiled model is. @param graph its ONNX file for float32; @param graphBytes of all of them */
export function footprintOfGraph(graph: Uint8Array, graphBytes: number, shape: Footprint['shape']): Footprint {
  return { shape, costs: graphCosts(decodeModel(graph)), graphBytes, checkpointBytes: null };
}

/** Keys and values of `tokens` tokens. An int8 row of a head has one float32 scale. */
export function kvBytes(shape: AttentionShape, tokens: number, format: KvType = 'float32'): number {
  const values = (kvBytesPerToken(shape) / 4) * tokens;
  if (format === 'int8') return values + (values / shape.headDim) * 4;
  return values * (format === 'float32' ? 4 : 2);
}

/** Memory for `tokens` tokens of conversation: what stays, and the most that computing takes besides. */
export function memoryNeed({ shape, costs }: Footprint, tokens: number, kvType: KvType = 'float32'): MemoryNeed {
  const { heads, headDim, hiddenSize, vocabSize } = shape;
  const widest = Math.max(costs.widestRow, hiddenSize, heads * headDim);
  const rows = PREFILL_BLOCK * (widest + hiddenSize) * LIVE_ROWS * 4;
  const scores = heads * PREFILL_BLOCK * tokens * LIVE_SCORES * 4;
  const mask = PREFILL_BLOCK * tokens * 4;
  const rotary = tokens * headDim * 4;
  const work = rows + scores + mask + rotary + vocabSize * 4;
  const kv = kvBytes(shape, tokens, kvType);
  const weights = costs.residentBytes;
  return { weights, kv, work, processes: PROCESS_BYTES, total: weights + kv + work + PROCESS_BYTES };
}
