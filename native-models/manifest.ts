import { z } from 'zod';
import type { KvType } from './attention/kv-type.ts';
import { CheckpointError } from './checkpoint/errors.ts';
import { recipes } from './quantize/packed.ts';

/** Raised whenever graph or weights are written differently: a folder of another version is compiled again. */
export const COMPILER_VERSION = 9;

export const manifestSchema = z.object({
  format: z.literal(1),
  compilerVersion: z.number().int(),
  name: z.string(),
  architecture: z.string(),
  recipe: z.enum(recipes),
  license: z.string().nullable(),
  parameters: z.number(),
  /** Weights that a token of a prompt is multiplied by: of routed experts those that it meets, and not the head. */
  weightsPerToken: z.number(),
  contextTokens: z.number().int().positive(),
  layers: z.number().int().positive(),
  heads: z.number().int().positive(),
  kvHeads: z.number().int().positive(),
  headDim: z.number().int().positive(),
  hiddenSize: z.number().int().positive(),
  vocabSize: z.number().int().positive(),
  ropeTheta: z.number(),
  ropeScaling: z
    .object({
      type: z.enum(['linear', 'yarn']),
      factor: z.number(),
      originalContextLength: z.number().nullable(),
      betaFast: z.number().optional(),
      betaSlow: z.number().optional(),
      attentionFactor: z.number().optional(),
    })
    .nullable(),
  dualChunk: z.object({ chunkSize: z.number(), localSize: z.number(), originalContextLength: z.number() }).optional(),
  /** What the makers recommend, as far as known. */
  sampling: z
    .object({
      temperature: z.number().optional(),
      topP: z.number().optional(),
      topK: z.number().optional(),
      repetitionPenalty: z.number().optional(),
    })
    .default({}),
  source: z.object({ name: z.string(), sizeBytes: z.number(), sha256: z.string() }),
  weightsBytes: z.number(),
  /** Of each graph file: they differ in how they keep full pages of the cache. */
  graphBytes: z.object({ float32: z.number(), float16: z.number(), int8: z.number() }),
  /** Tokens of a page of the KV cache. */
  kvPage: z.number().int().positive(),
  /** Relative RMS error of each matrix that was requantised; empty where every value was kept. */
  quantizationErrors: z.record(z.string(), z.number()),
  /** The same of those matrices together; absent in folders that an older compiler wrote. */
  quantizationError: z.number().optional(),
  createdMs: z.number(),
});
/** What a compiled folder says of itself: `manifest.json`, beside its graphs, `weights.bin` and `tokenizer.json`. */
export type Manifest = z.infer<typeof manifestSchema>;

export const MANIFEST_FILE = 'manifest.json';
/** One graph for each form of the cache, over the same weights. */
export const GRAPH_FILES: Readonly<Record<KvType, string>> = {
  float32: 'model.onnx',
  float16: 'model.float16.onnx',
  int8: 'model.int8.onnx',
};
export const TOKENIZER_FILE = 'tokenizer.json';

/** Bytes of all graph files together. */
export function totalGraphBytes(bytes: Partial<Manifest['graphBytes']>): number {
  return Object.values(bytes).reduce((sum, one) => sum + one, 0);
}

/** @throws CheckpointError `corrupt-checkpoint` */
export function parseManifest(json: string): Manifest {
  try {
    return manifestSchema.parse(JSON.parse(json));
  } catch (cause) {
    throw new CheckpointError('corrupt-checkpoint', 'The manifest of the compiled model is damaged.', {}, { cause });
  }
}
