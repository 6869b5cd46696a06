import { open, type FileHandle } from 'node:fs/promises';
import type { Checkpoint, TensorInfo } from './checkpoint.ts';
import { CheckpointError } from './errors.ts';
import { readGgufConfig } from './gguf-config.ts';
import { HeaderCursor } from './gguf-cursor.ts';
import { readGgufHeader } from './gguf-header.ts';
import { GgufMetadata } from './gguf-metadata.ts';
import { nameTensors, type NamedTensor } from './gguf-tensors.ts';
import { readGgufTokenizer } from './gguf-tokenizer.ts';
import type { CheckpointFormat } from './format.ts';

/** GGUF 2 and 3, little-endian: the format of llama.cpp. */
export const gguf: CheckpointFormat = {
  name: 'GGUF',
  // A byte-swapped file is recognised too, so that its error can say what it is.
  recognises: (head) => ['GGUF', 'FUGG'].includes(Buffer.from(head.subarray(0, 4)).toString('latin1')),
  open: openGguf,
};

/**
 * Opens a GGUF file and checks its header, metadata and tensor list; weights are not touched.
 * @throws CheckpointError
 */
export async function openGguf(path: string): Promise<Checkpoint> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const header = readGgufHeader(new HeaderCursor(file.fd, path, size));
    const metadata = new GgufMetadata(path, header.metadata);
    const config = readGgufConfig(metadata, header.tensors);
    const tokenizer = readGgufTokenizer(metadata, config);
    return new GgufCheckpoint(
      file,
      { path, sizeBytes: size, config, tokenizer },
      nameTensors(path, config, header.tensors),
    );
  } catch (error) {
    await file.close();
    throw error;
  }
}

type Description = Pick<Checkpoint, 'path' | 'sizeBytes' | 'config' | 'tokenizer'>;

class GgufCheckpoint implements Checkpoint {
  readonly path: string;
  readonly sizeBytes: number;
  readonly config: Checkpoint['config'];
  readonly tokenizer: Checkpoint['tokenizer'];
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly #file: FileHandle;
  readonly #named: ReadonlyMap<string, NamedTensor>;

  constructor(file: FileHandle, description: Description, named: ReadonlyMap<string, NamedTensor>) {
    this.#file = file;
    this.#named = named;
    this.path = description.path;
    this.sizeBytes = description.sizeBytes;
    this.config = description.config;
    this.tokenizer = description.tokenizer;
    this.tensors = new Map([...named].map(([name, { info }]) => [name, info]));
  }

  async readRows(name: string, firstRow: number, lastRow: number, target: Uint8Array): Promise<void> {
    const tensor = this.#named.get(name);
    if (!tensor) throw new Error(`No tensor ${name} in ${this.path}`);
    const { rows, rowByteLength } = tensor.info;
    if (!(0 <= firstRow && firstRow <= lastRow && lastRow <= rows)) {
      throw new RangeError(`Rows ${firstRow} to ${lastRow} of ${name}, which has ${rows}`);
    }
    if (target.length !== (lastRow - firstRow) * rowByteLength) {
      throw new RangeError(`${target.length} bytes cannot hold rows ${firstRow} to ${lastRow} of ${name}`);
    }
    if (tensor.interleavedHeads) await this.#readInterleaved(tensor, firstRow, lastRow, target);
    else await this.#readBytes(name, tensor.stored.offset + (tensor.firstRow + firstRow) * rowByteLength, target);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /**
   * llama.cpp stores q and k of the `llama` architecture for RoPE on neighbouring pairs: row 2p+s of a head is row
   * s*D/2+p of the Hugging Face checkpoint, which pairs the two halves. This undoes it, one head at a time. Of a bias,
   * which is one row, it is the values that lie so.
   */
  async #readInterleaved(tensor: NamedTensor, firstRow: number, lastRow: number, target: Uint8Array): Promise<void> {
    const { headDim } = this.config;
    const { shape, rowByteLength, name } = tensor.info;
    const isVector = shape.length === 1;
    const unitBytes = isVector ? rowByteLength / shape[0]! : rowByteLength;
    const [first, last] = isVector ? [firstRow * shape[0]!, lastRow * shape[0]!] : [firstRow, lastRow];
    const headBytes = headDim * unitBytes;
    const head = new Uint8Array(headBytes);
    for (let unit = first; unit < last;) {
      const headIndex = Math.floor(unit / headDim);
      await this.#readBytes(name, tensor.stored.offset + headIndex * headBytes, head);
      for (const end = Math.min(last, (headIndex + 1) * headDim); unit < end; unit++) {
        const within = unit % headDim;
        const half = headDim / 2;
        const from = (within < half ? 2 * within : 2 * (within - half) + 1) * unitBytes;
        target.set(head.subarray(from, from + unitBytes), (unit - first) * unitBytes);
      }
    }
  }

  async #readBytes(name: string, position: number, target: Uint8Array): Promise<void> {
    for (let done = 0; done < target.length;) {
      const { bytesRead } = await this.#file.read(target, done, target.length - done, position + done);
      if (bytesRead === 0) {
        throw new CheckpointError(
          'corrupt-checkpoint',
          `${this.path}: tensor ${name} needs bytes up to ${position + target.length}, but the file now ends at ${position + done}`,
          { path: this.path, tensor: name, offset: position, expected: target.length, found: done },
        );
      }
      done += bytesRead;
    }
  }
}
