import { mkdtempSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { CheckpointError, openCheckpoint, type Checkpoint } from '../../native-models/checkpoint/index.ts';
import { writeGguf, type GgufFile, type MetadataValue } from './gguf-writer.ts';
import { tinyCheckpoint, type TinyOptions } from './tiny-checkpoint.ts';

/** The bytes of a tiny model, with parts of the file replaced. */
export function tiny(options?: TinyOptions, file: Partial<GgufFile> = {}): Uint8Array {
  return writeGguf({ ...tinyCheckpoint(options), ...file });
}

/** The bytes of a tiny model with one metadata value set. */
export function tinyWith(key: string, value: MetadataValue): Uint8Array {
  return tiny({ metadata: { [key]: value } });
}

/** Temporary files for the tests of one test file, removed after them. */
export function useGgufFiles() {
  const folder = mkdtempSync(join(tmpdir(), 'gguf-'));
  let files = 0;
  afterAll(() => rm(folder, { recursive: true }));

  async function save(bytes: Uint8Array): Promise<string> {
    const path = join(folder, `${files++}.gguf`);
    await writeFile(path, bytes);
    return path;
  }

  /** Opens a file made of these bytes and hands it to `use`. */
  async function withCheckpoint<T>(bytes: Uint8Array, use: (checkpoint: Checkpoint) => T | Promise<T>): Promise<T> {
    const checkpoint = await openCheckpoint(await save(bytes));
    try {
      return await use(checkpoint);
    } finally {
      await checkpoint.close();
    }
  }

  /** The error that a file must be refused with. */
  async function refusal(bytes: Uint8Array): Promise<CheckpointError> {
    const outcome: unknown = await withCheckpoint(bytes, ({ config }) => config).catch((error: unknown) => error);
    if (outcome instanceof CheckpointError) return outcome;
    throw new Error(`Not refused: ${JSON.stringify(outcome)}`, { cause: outcome });
  }

  return { folder, save, withCheckpoint, refusal };
}
