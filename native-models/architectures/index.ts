import { CheckpointError } from '../checkpoint/errors.ts';
import type { Architecture } from './architecture.ts';
import { llama } from './llama.ts';
import { qwen2 } from './qwen2.ts';

/** Every architecture that compiles. */
export const architectures: readonly Architecture[] = [llama, qwen2];

/** @throws CheckpointError `unsupported-architecture`, naming those that are supported */
export function findArchitecture(modelType: string): Architecture {
  const found = architectures.find((architecture) => architecture.modelType === modelType);
  if (found) return found;
  const supported = architectures.map((architecture) => architecture.modelType);
  throw new CheckpointError(
    'unsupported-architecture',
    `The architecture ${modelType} is not supported; ${supported.join(' and ')} are.`,
    {
      found: modelType,
      supported,
    },
  );
}
