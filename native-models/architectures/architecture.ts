import type { GraphBuilder } from '../graph/graph.ts';

/** One family of checkpoints: its `model_type` and the order of its operators. */
export interface Architecture {
  /** Value of `general.architecture` (GGUF) and `model_type` (safetensors). */
  readonly modelType: string;
  /** Builds the whole decoder, from token ids to logits. */
  build(g: GraphBuilder): void;
}
