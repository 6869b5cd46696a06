import type { ModelConfig } from '../checkpoint/checkpoint.ts';
import { CheckpointError } from '../checkpoint/errors.ts';
import type { Architecture } from './architecture.ts';
import { llama } from './llama.ts';
import { qwen2 } from './qwen2.ts';
import { qwen2Moe } from './qwen2-moe.ts';
import { qwen3 } from './qwen3.ts';
import type { ExpectedTensor } from './tensors.ts';

/** Every architecture that compiles. */
export const architectures: readonly Architecture[] = [qwen2, qwen2Moe, qwen3, llama];

/**
 * The family of a `model_type` (config.json), which is also what `ModelConfig.architecture` holds.
 * @throws CheckpointError `unsupported-architecture`, naming those that are supported
 */
export function findArchitecture(modelType: string): Architecture {
  const found = architectures.find((architecture) => architecture.modelType === modelType);
  if (found) return found;
  const supported = architectures.map((architecture) => architecture.modelType);
  throw new CheckpointError(
    'unsupported-architecture',
    `The architecture ${JSON.stringify(modelType.slice(0, 80))} is not supported; supported are ${supported.join(', ')}.`,
    { found: modelType, supported },
  );
}

/** Every tensor that a checkpoint of this shape holds, in any format. */
export function expectedTensors(config: ModelConfig): ExpectedTensor[] {
  return findArchitecture(config.architecture).tensors(config);
}
