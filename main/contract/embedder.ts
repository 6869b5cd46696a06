import { oc } from '@orpc/contract';
import { z } from 'zod';

/** What is kept beside an embedding model, in `embedder.json`: how its makers mean it to be used. */
export const embedderManifest = z.object({
  name: z.string(),
  /** SHA-256 of the weights, in hex: vectors of other weights are not comparable. */
  weights: z.string(),
  license: z.string().nullable(),
  /** How the vectors of tokens become one: their mean, or the first. */
  pooling: z.enum(['mean', 'first']),
  /** What stands before a question, and before a passage. */
  prefixes: z.object({ query: z.string(), passage: z.string() }),
  maxTokens: z.number().int().positive(),
  /** Whether it was trained on more than English. */
  languages: z.enum(['english', 'many']),
});
export type EmbedderManifest = z.infer<typeof embedderManifest>;

export const loadedEmbedder = z.object({ name: z.string(), dimensions: z.number() });
export type LoadedEmbedder = z.infer<typeof loadedEmbedder>;

/**
 * The embedder process: one small model that turns texts into vectors of length 1, apart from the engine, so that no search
 * waits for a prefill. Errors: `model-damaged`, `runtime-failed`, `no-model`.
 */
export const embedder = {
  /** Of a folder with `model.onnx`, `tokenizer.json` and `embedder.json`; one that is loaded stays. */
  load: oc.input(z.object({ folder: z.string() })).output(loadedEmbedder),
  unload: oc.output(z.void()),
  /** Float32 after float32, in the order of the texts; `no-model` unless the model of this folder is the one that is loaded. */
  embed: oc
    .input(z.object({ folder: z.string(), texts: z.array(z.string()), as: z.enum(['query', 'passage']) }))
    .output(z.object({ vectors: z.instanceof(Blob) })),
};
