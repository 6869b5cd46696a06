import { basename, dirname, join } from 'node:path';
import { CheckpointError } from './errors.ts';
import { HeaderCursor } from './gguf-cursor.ts';
import { readGgufHeader, type GgufTensor } from './gguf-header.ts';
import { GgufMetadata } from './gguf-metadata.ts';
import { closeAll, openFile, totalBytes, type OpenFile } from './open-file.ts';
import { readExactly } from './read-exactly.ts';

type Part = { file: OpenFile; metadata: GgufMetadata; tensors: ReadonlyMap<string, GgufTensor> };

/** Parts that a model may come in; the largest published ones have some ten. */
const MAX_PARTS = 512;
const COUNT = { min: 0, max: 0xffff };
const partName = /^(.+)-(\d{5})-of-(\d{5})\.gguf$/;

/** The metadata and tensors of a GGUF file, or of all the parts that one was split into (llama.cpp `gguf-split`). */
export class GgufFiles {
  /** Of the first part, which alone describes the model. */
  readonly metadata: GgufMetadata;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  readonly #places = new Map<string, OpenFile>();
  readonly #files: readonly OpenFile[];

  private constructor(parts: readonly Part[]) {
    this.#files = parts.map(({ file }) => file);
    this.metadata = parts[0]!.metadata;
    const tensors = new Map<string, GgufTensor>();
    for (const { file, tensors: own } of parts) {
      for (const [name, tensor] of own) {
        const other = this.#places.get(name);
        if (other) {
          const details = { path: file.path, tensor: name, offset: tensor.offset };
          throw new CheckpointError(
            'corrupt-checkpoint',
            `${file.path}: tensor ${name} is in ${other.path} too`,
            details,
          );
        }
        tensors.set(name, tensor);
        this.#places.set(name, file);
      }
    }
    this.tensors = tensors;
    const expected = this.metadata.optionalInteger('split.tensors.count', { min: 0, max: 1 << 24 }) ?? tensors.size;
    if (expected !== tensors.size) {
      const message = `the parts hold ${tensors.size} tensors, not ${expected}`;
      this.metadata.fail('corrupt-checkpoint', 'split.tensors.count', message, { expected, found: tensors.size });
    }
  }

  /**
   * Opens the file at `path` and, where it is a part, all the others beside it.
   * @throws CheckpointError, or the system's error where `path` cannot be opened
   */
  static async open(path: string): Promise<GgufFiles> {
    const parts: Part[] = [];
    try {
      parts.push(await openPart(path));
      const count = partsOf(parts[0]!);
      if (count > 1) {
        const paths = siblings(parts[0]!, count);
        await parts.pop()!.file.handle.close();
        for (const [number, sibling] of paths.entries()) {
          parts.push(await openPart(sibling, path));
          checkPlace(parts.at(-1)!, number, count);
        }
      }
      return new GgufFiles(parts);
    } catch (error) {
      await closeAll(parts.map(({ file }) => file));
      throw error;
    }
  }

  get paths(): string[] {
    return this.#files.map(({ path }) => path);
  }

  get sizeBytes(): number {
    return totalBytes(this.#files);
  }

  /** Fills `target` with the bytes of a stored tensor from its byte `start` on. */
  async read(tensor: GgufTensor, start: number, target: Uint8Array): Promise<void> {
    const file = this.#places.get(tensor.name);
    if (!file) throw new Error(`No tensor ${tensor.name} in ${this.paths.join(', ')}`);
    const place = { path: file.path, what: tensor.name, position: tensor.offset + start };
    await readExactly(file.handle, place, target);
  }

  async close(): Promise<void> {
    await closeAll(this.#files);
  }
}

async function openPart(path: string, of?: string): Promise<Part> {
  const file = await openFile(path, of && `${of}: its part ${path} is missing`);
  try {
    const { metadata, tensors } = readGgufHeader(new HeaderCursor(file.handle.fd, path, file.sizeBytes));
    return { file, metadata: new GgufMetadata(path, metadata), tensors };
  } catch (error) {
    await file.handle.close();
    throw error;
  }
}

function partsOf({ metadata }: Part): number {
  const count = metadata.optionalInteger('split.count', COUNT) ?? 1;
  if (count <= MAX_PARTS) return count;
  return metadata.fail('limit-exceeded', 'split.count', `the model is split into ${count} parts`, { limit: MAX_PARTS });
}

/** Paths of all parts, told by the name of one. */
function siblings({ file: { path }, metadata }: Part, count: number): string[] {
  const [, stem, , total] = partName.exec(basename(path)) ?? [];
  if (stem === undefined || Number(total) !== count) {
    const message = `this is one of ${count} parts of a model; rename it to NAME-00001-of-${padded(count)}.gguf and so on`;
    metadata.fail('unsupported-setting', 'split.count', message, { found: basename(path), expected: count });
  }
  return Array.from({ length: count }, (_, i) => join(dirname(path), `${stem}-${padded(i + 1)}-of-${total}.gguf`));
}

function checkPlace({ metadata }: Part, number: number, count: number): void {
  const found = { number: metadata.integer('split.no', COUNT), count: metadata.integer('split.count', COUNT) };
  if (found.number === number && found.count === count) return;
  const message = `this is part ${found.number + 1} of ${found.count}, where part ${number + 1} of ${count} belongs`;
  metadata.fail('corrupt-checkpoint', 'split.no', message, { expected: { number, count }, found });
}

function padded(number: number): string {
  return String(number).padStart(5, '0');
}
