import type { Checkpoint, TensorInfo } from './checkpoint.ts';
import { readGgufConfig } from './gguf-config.ts';
import { GgufFiles } from './gguf-files.ts';
import { nameTensors, type NamedTensor } from './gguf-tensors.ts';
import { readGgufTokenizer } from './gguf-tokenizer.ts';
import type { CheckpointFormat } from './format.ts';
import { checkRows } from './tensor-info.ts';

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
  const files = await GgufFiles.open(path);
  try {
    const { metadata, tensors } = files;
    const config = readGgufConfig(metadata, tensors);
    const tokenizer = readGgufTokenizer(metadata, config);
    return new GgufCheckpoint(files, { config, tokenizer }, nameTensors(path, config, tensors));
  } catch (error) {
    await files.close();
    throw error;
  }
}

class GgufCheckpoint implements Checkpoint {
  readonly path: string;
  readonly sizeBytes: number;
  readonly files: readonly string[];
  readonly config: Checkpoint['config'];
  readonly tokenizer: Checkpoint['tokenizer'];
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly #files: GgufFiles;
  readonly #named: ReadonlyMap<string, NamedTensor>;

  constructor(
    files: GgufFiles,
    { config, tokenizer }: Pick<Checkpoint, 'config' | 'tokenizer'>,
    named: ReadonlyMap<string, NamedTensor>,
  ) {
    this.#files = files;
    this.#named = named;
    this.files = files.paths;
    this.path = files.paths[0]!;
    this.sizeBytes = files.sizeBytes;
    this.config = config;
    this.tokenizer = tokenizer;
    this.tensors = new Map([...named].map(([name, { info }]) => [name, info]));
  }

  async readRows(name: string, firstRow: number, lastRow: number, target: Uint8Array): Promise<void> {
    const tensor = this.#named.get(name);
    if (!tensor) throw new Error(`No tensor ${name} in ${this.path}`);
    const { rowByteLength } = tensor.info;
    checkRows(tensor.info, firstRow, lastRow, target);
    if (tensor.interleavedHeads) await this.#readInterleaved(tensor, firstRow, lastRow, target);
    else await this.#files.read(tensor.stored, (tensor.firstRow + firstRow) * rowByteLength, target);
  }

  async close(): Promise<void> {
    await this.#files.close();
  }

  /**
   * llama.cpp stores q and k of the `llama` architecture for RoPE on neighbouring pairs: row 2p+s of a head is row
   * s*D/2+p of the Hugging Face checkpoint, which pairs the two halves. This undoes it, one head at a time. Of a bias,
   * which is one row, it is the values that lie so.
   */
  async #readInterleaved(tensor: NamedTensor, firstRow: number, lastRow: number, target: Uint8Array): Promise<void> {
    const { headDim } = this.config;
    const { shape, rowByteLength } = tensor.info;
    const isVector = shape.length === 1;
    const unitBytes = isVector ? rowByteLength / shape[0]! : rowByteLength;
    const [first, last] = isVector ? [firstRow * shape[0]!, lastRow * shape[0]!] : [firstRow, lastRow];
    const headBytes = headDim * unitBytes;
    const head = new Uint8Array(headBytes);
    for (let unit = first; unit < last;) {
      const headIndex = Math.floor(unit / headDim);
      await this.#files.read(tensor.stored, headIndex * headBytes, head);
      for (const end = Math.min(last, (headIndex + 1) * headDim); unit < end; unit++) {
        const within = unit % headDim;
        const half = headDim / 2;
        const from = (within < half ? 2 * within : 2 * (within - half) + 1) * unitBytes;
        target.set(head.subarray(from, from + unitBytes), (unit - first) * unitBytes);
      }
    }
  }
}
