import { stat } from 'node:fs/promises';
import type { Checkpoint } from './checkpoint.ts';
import { CheckpointError } from './errors.ts';
import { gguf } from './gguf.ts';
import { huggingFace, INDEX_SUFFIX, openHuggingFace } from './huggingface.ts';
import { findAdapter, openAdapted } from './lora.ts';
import { openFile } from './open-file.ts';

export type { Checkpoint, ModelConfig, RopeScaling, TensorInfo } from './checkpoint.ts';
export { allocateCodes, blockFormat, blockFormats, dequantize, halfToFloat, type TensorType } from './blocks/index.ts';
export { CheckpointError, type CheckpointErrorCode } from './errors.ts';

export type CheckpointOptions = { base?: string | undefined };

const formats = [gguf, huggingFace];

/**
 * Opens a model file of any supported format for reading; the format is told from its first bytes, not its name. A folder,
 * or the index in it, stands for the safetensors files in it; that of a LoRA adapter, for its base with the adapter merged.
 * Close it afterwards.
 * @param options.base path of an adapter's base; left out, it is looked for near the adapter
 * @throws CheckpointError, or the system's error where the file cannot be opened
 */
export async function openCheckpoint(path: string, { base }: CheckpointOptions = {}): Promise<Checkpoint> {
  const adapter = await findAdapter(path);
  if (adapter !== null) return openAdapted(adapter, base ?? null, openWhole);
  if (base === undefined) return openWhole(path);
  throw new CheckpointError('not-a-checkpoint', `${path} is no adapter, so it has no base`, { path, base });
}

async function openWhole(path: string): Promise<Checkpoint> {
  const found = await stat(path);
  if (found.isDirectory() || path.endsWith(INDEX_SUFFIX)) return openHuggingFace(path);
  const head = await readHead(path);
  const format = formats.find(({ recognises }) => recognises(head));
  if (format) return format.open(path);
  const supported = formats.map(({ name }) => name);
  throw new CheckpointError(
    'not-a-checkpoint',
    `${path}: ${describe(head)}; supported model files are ${supported.join(', ')}`,
    { path, supported },
  );
}

async function readHead(path: string): Promise<Uint8Array> {
  const { handle } = await openFile(path);
  try {
    const { buffer, bytesRead } = await handle.read(new Uint8Array(16), 0, 16, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** What people pick by mistake, so that the message can say more than "unknown". */
function describe(head: Uint8Array): string {
  if (head.length === 0) return 'this file is empty';
  if (head[0] === 0x50 && head[1] === 0x4b)
    return 'this is a ZIP archive, as PyTorch checkpoints are; those can run code when read';
  if (head[0] === 0x80) return 'this is a Python pickle, which can run code when read';
  return 'this is no known model file';
}
