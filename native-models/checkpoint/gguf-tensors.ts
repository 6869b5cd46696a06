import type { ModelConfig, TensorInfo } from './checkpoint.ts';
import type { GgufTensor } from './gguf-header.ts';
import { matchTensors, missingTensor } from './match-tensors.ts';
import { tensorInfo } from './tensor-info.ts';

/** A tensor under its Hugging Face name, and the rows of the stored one that hold it. */
export type NamedTensor = { info: TensorInfo; stored: GgufTensor; firstRow: number; interleavedHeads: boolean };

/**
 * Gives every tensor its Hugging Face name.
 * @throws CheckpointError `missing-tensor` | `corrupt-checkpoint` | `unsupported-setting`
 */
export function nameTensors(
  path: string,
  config: ModelConfig,
  stored: ReadonlyMap<string, GgufTensor>,
): Map<string, NamedTensor> {
  const named = new Map<string, NamedTensor>();
  for (const [name, part] of matchTensors(path, config, 'gguf', stored)) {
    const tensor = stored.get(part.tensor)!;
    named.set(name, {
      info: tensorInfo(name, tensor.type, part.ownShape),
      stored: tensor,
      firstRow: part.firstRow,
      interleavedHeads: part.interleavedHeads,
    });
  }
  return named;
}

/** @throws CheckpointError `missing-tensor` */
export function requireTensor(path: string, stored: ReadonlyMap<string, GgufTensor>, name: string): GgufTensor {
  const tensor = stored.get(name);
  if (tensor) return tensor;
  throw missingTensor(path, name);
}
