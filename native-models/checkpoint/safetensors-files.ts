import { join } from 'node:path';
import { z } from 'zod';
import { CheckpointError } from './errors.ts';
import { readJsonFile } from './hf-json.ts';
import { closeAll, openFile, totalBytes, type OpenFile } from './open-file.ts';
import { readExactly } from './read-exactly.ts';
import { readSafetensorsHeader, type SafetensorsTensor } from './safetensors-header.ts';

const MAX_SHARDS = 512;
const MAX_INDEX_BYTES = 16 * 1024 * 1024;
const shardIndex = z.object({ weight_map: z.record(z.string(), z.string()) });

type Placed = { tensor: SafetensorsTensor; file: OpenFile };

/** The tensors of one or several safetensors files under one roof; headers are in memory, data is read on request. */
export class SafetensorsFiles {
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
  readonly #placed = new Map<string, Placed>();
  readonly #files: readonly OpenFile[];

  private constructor(files: readonly OpenFile[], placed: ReadonlyMap<string, Placed>) {
    this.#files = files;
    this.#placed = new Map(placed);
    this.tensors = new Map([...placed].map(([name, { tensor }]) => [name, tensor]));
  }

  /** @throws CheckpointError, or the system's error where a file cannot be opened */
  static async open(paths: readonly string[]): Promise<SafetensorsFiles> {
    const files: OpenFile[] = [];
    const placed = new Map<string, Placed>();
    try {
      for (const path of paths) {
        const file = await openFile(path, `${path} is missing`);
        files.push(file);
        for (const tensor of (await readSafetensorsHeader(file.handle, path, file.sizeBytes)).values()) {
          const other = placed.get(tensor.name);
          if (other) {
            throw new CheckpointError(
              'corrupt-checkpoint',
              `${path}: tensor ${tensor.name} is in ${other.file.path} too`,
              { path, tensor: tensor.name, offset: tensor.offset },
            );
          }
          placed.set(tensor.name, { tensor, file });
        }
      }
      return new SafetensorsFiles(files, placed);
    } catch (error) {
      await closeAll(files);
      throw error;
    }
  }

  /** Opens the shards that the index at `indexPath` lists and checks that each holds what it says. */
  static async openSharded(indexPath: string, folder: string): Promise<SafetensorsFiles> {
    const { weight_map: places } = await readJsonFile(indexPath, shardIndex, MAX_INDEX_BYTES);
    const shards = [...new Set(Object.values(places))].sort();
    for (const shard of shards) checkShardName(indexPath, shard);
    if (shards.length === 0 || shards.length > MAX_SHARDS) {
      const details = { path: indexPath, found: shards.length, limit: MAX_SHARDS };
      throw new CheckpointError('limit-exceeded', `${indexPath}: the index lists ${shards.length} files`, details);
    }
    const files = await SafetensorsFiles.open(shards.map((shard) => join(folder, shard)));
    for (const [name, shard] of Object.entries(places)) {
      if (files.#placed.get(name)?.file.path === join(folder, shard)) continue;
      await files.close();
      throw new CheckpointError('missing-tensor', `${indexPath}: tensor ${name} is not in ${shard}`, {
        path: indexPath,
        tensor: name,
        expected: shard,
      });
    }
    return files;
  }

  get paths(): string[] {
    return this.#files.map(({ path }) => path);
  }

  get sizeBytes(): number {
    return totalBytes(this.#files);
  }

  /** Where a tensor lies, for messages. */
  pathOf(name: string): string {
    return this.#find(name).file.path;
  }

  /** Fills `target` with the bytes of a tensor from its byte `start` on. */
  async read(name: string, start: number, target: Uint8Array): Promise<void> {
    const { tensor, file } = this.#find(name);
    if (start < 0 || start + target.length > tensor.byteLength) {
      throw new RangeError(`Bytes ${start} to ${start + target.length} of ${name}, which has ${tensor.byteLength}`);
    }
    const what = `tensor ${name}`;
    await readExactly(file.handle, { path: file.path, what, position: tensor.offset + start }, target);
  }

  async close(): Promise<void> {
    await closeAll(this.#files);
  }

  #find(name: string): Placed {
    const placed = this.#placed.get(name);
    if (!placed) throw new Error(`No tensor ${name} in ${this.paths.join(', ')}`);
    return placed;
  }
}

/** An index may name files beside it, nothing else. */
function checkShardName(indexPath: string, shard: string): void {
  if (/^[\w.-]+\.safetensors$/.test(shard) && !shard.startsWith('.')) return;
  const found = JSON.stringify(shard.slice(0, 80));
  throw new CheckpointError('corrupt-checkpoint', `${indexPath}: ${found} is not the name of a safetensors file`, {
    path: indexPath,
    found: shard.slice(0, 200),
  });
}
