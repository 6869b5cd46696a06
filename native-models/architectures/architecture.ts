import type { ModelConfig, MoeConfig } from '../checkpoint/checkpoint.ts';
import type { GraphBuilder } from '../graph/graph.ts';
import type { ExpectedTensor } from './tensors.ts';

/** One family of checkpoints: what they are called, what they hold and the order of their operators. */
export interface Architecture {
  /** `model_type` of config.json (Hugging Face). */
  readonly modelType: string;
  /** `general.architecture` (GGUF). */
  readonly ggufName: string;
  /** Reads the settings that only this family has; those that every decoder has are read by each format. */
  readonly readMoe?: (settings: FamilySettings) => MoeConfig;
  /** Every tensor of a checkpoint of this shape. */
  tensors(config: ModelConfig): ExpectedTensor[];
  /** Builds the whole decoder, from token ids to logits. */
  build(g: GraphBuilder): void;
}

/** A setting or tensor by its name in config.json and, without the architecture's prefix, in GGUF metadata. */
export type FamilyName = {
  huggingFace: string;
  /** null where GGUF has no such key: the setting is then as if left out. */
  gguf: string | null;
};

/** The settings of a checkpoint, whatever its format. What nobody asks for is refused afterwards by its reader. */
export interface FamilySettings {
  readonly layers: number;
  readonly intermediateSize: number;
  /** An integer from 0 to 2^24. @throws CheckpointError `missing-metadata` | `corrupt-checkpoint` */
  integer(name: FamilyName): number;
  optionalInteger(name: FamilyName): number | undefined;
  optionalIntegers(name: FamilyName): readonly number[] | undefined;
  optionalBoolean(name: FamilyName): boolean | undefined;
  /** Whether the checkpoint holds a tensor of this name. */
  hasTensor(name: { huggingFace: string; gguf: string }): boolean;
}
