import { expectedTensors } from '../architectures/index.ts';
import type { Checkpoint, ModelConfig, TensorInfo } from '../checkpoint/checkpoint.ts';
import { blockFormats } from '../checkpoint/blocks/index.ts';
import { CheckpointError } from '../checkpoint/errors.ts';
import { tensorInfo } from '../checkpoint/tensor-info.ts';

/** What a tensor is stored as: the name of a storage type, from the tensor's own name and shape. */
export type StorageOf = (name: string, shape: readonly number[]) => string;

/**
 * A checkpoint of this shape that exists on paper only: its tensors have sizes and no bytes. The graph builder lays out
 * its weights as it would a real one's, which is how a price is known before anything is fetched.
 * @throws CheckpointError `unsupported-architecture` | `unsupported-type`
 */
export function paperCheckpoint(config: ModelConfig, storageOf: StorageOf): Checkpoint {
  const tensors = new Map<string, TensorInfo>();
  for (const { name, shape, optional } of expectedTensors(config)) {
    if (!optional) tensors.set(name, paperTensor(name, shape, storageOf(name, shape)));
  }
  let sizeBytes = 0;
  for (const { byteLength } of tensors.values()) sizeBytes += byteLength;
  return {
    path: '',
    sizeBytes,
    config,
    tensors,
    get tokenizer(): never {
      throw new Error('A checkpoint on paper has no tokenizer.');
    },
    readRows: () => Promise.reject(new Error('A checkpoint on paper has no bytes.')),
    close: () => Promise.resolve(),
  };
}

/** A tensor of a checkpoint on paper. @throws CheckpointError `unsupported-type` */
export function paperTensor(name: string, shape: readonly number[], storage: string): TensorInfo {
  return tensorInfo(name, storageFormat(storage, name).type, shape);
}

/** Whether checkpoints stored so can be read. */
export function isReadable(storage: string): boolean {
  return blockFormats.some(({ type }) => type === storage);
}

function storageFormat(storage: string, tensor: string) {
  const format = blockFormats.find(({ type }) => type === storage);
  if (format !== undefined) return format;
  throw new CheckpointError('unsupported-type', `Weights stored as ${storage} are not read.`, {
    tensor,
    found: storage,
  });
}
