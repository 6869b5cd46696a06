import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { open, rename, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { LonghandError } from '../../contract/errors.ts';
import { flushFolder } from '../data/flush.ts';
import { wipe } from '../data/wipe.ts';
import { explainWrite, requireSpace } from '../models/disk.ts';
import type { FileLook } from '../store/watched-folders.ts';
import { FileChanged, isSameLook, lookOf, openFile } from './files-in.ts';

/**
 * A file as it is taken in: named by the SHA-256 of its bytes, in hex. `part` is our copy, under a name of its own until `keep`;
 * null of one that is refused: then nothing was copied.
 */
export type Staged = { hash: string; sizeBytes: number; part: string | null; refusal: LonghandError | null };

export type StageOptions = {
  signal: AbortSignal;
  /** The folder that it was found in: see `openFile`. */
  folder?: string | null;
  /** How it was seen: a copy that was overtaken by a change is not kept. */
  look?: FileLook | undefined;
  /** Why nobody could read a file of this size that begins so; null where only reading it tells. */
  refuse?(head: Uint8Array, sizeBytes: number): LonghandError | null;
};

const INCOMING = 'incoming-';
const PIECE_BYTES = 1 << 20;
const HEAD_BYTES = 1 << 16;

/** The bytes of documents, in a folder of their own: a file a content, whole or not there at all. */
export class Library {
  readonly #folder: string;

  constructor(dataDir: string) {
    this.#folder = join(dataDir, 'documents');
  }

  pathOf(hash: string): string {
    return join(this.#folder, hash);
  }

  has(hash: string): boolean {
    return existsSync(this.pathOf(hash));
  }

  /** A place for what an archive unpacks to; the caller removes it, or the next start. */
  incomingFolder(): string {
    mkdirSync(this.#folder, { recursive: true });
    return this.#newPart();
  }

  /** Copies a file in. @throws LonghandError `not-found` | `disk-full`, `FileChanged`, or `signal.reason` */
  async stage(path: string, { signal, folder = null, look, refuse = () => null }: StageOptions): Promise<Staged> {
    const from = await openFile(path, folder, look);
    try {
      const { size } = await from.stat();
      const refusal = refuse(await headOf(from), size);
      const staged =
        refusal === null
          ? await this.#write(size, (part) => copy(from, part, signal))
          : { ...(await digest(from, signal)), part: null };
      try {
        if (look !== undefined && !isSameLook(lookOf(await from.stat()), look)) throw new FileChanged(path);
      } catch (error) {
        if (staged.part !== null) await wipe(staged.part);
        throw error;
      }
      return { ...staged, refusal };
    } finally {
      await from.close();
    }
  }

  /** Takes over a file of our own, such as one that an archive unpacked to: nothing of it stays where it was. */
  async take(path: string, signal: AbortSignal): Promise<Staged> {
    mkdirSync(this.#folder, { recursive: true });
    const part = this.#newPart();
    await rename(path, part);
    try {
      const file = await open(part, 'r+');
      try {
        const { hash, sizeBytes } = await digest(file, signal);
        await file.sync();
        return { hash, sizeBytes, part, refusal: null };
      } finally {
        await file.close();
      }
    } catch (error) {
      await wipe(part);
      throw error;
    }
  }

  /** Writes bytes that are in memory. @throws LonghandError `disk-full` */
  async put(bytes: Uint8Array): Promise<Staged> {
    const staged = await this.#write(bytes.length, async (part) => {
      await writeFile(part, bytes, { flush: true, mode: 0o600 });
      return { hash: createHash('sha256').update(bytes).digest('hex'), sizeBytes: bytes.length };
    });
    return { ...staged, refusal: null };
  }

  /** From now on the file is there under its hash. Synchronous, so that the store can be told in the same moment. */
  keep({ hash, part }: Staged): void {
    if (part === null) return;
    renameSync(part, this.pathOf(hash)); // over the same bytes, where they are here already
    flushFolder(this.#folder);
  }

  /** Gives up a file that was staged. */
  async drop({ part }: Staged): Promise<void> {
    if (part !== null) await wipe(part);
  }

  /** The bytes [from, to) of a kept file, fewer at its end. @throws LonghandError `not-found` */
  async read(hash: string, from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
    const file = await open(this.pathOf(hash), 'r').catch(() => null);
    if (file === null) throw new LonghandError('not-found', 'The file of this document is gone.', { hash });
    try {
      const bytes = new Uint8Array(Math.max(0, to - from));
      const { bytesRead } = await file.read(bytes, 0, bytes.length, from);
      return bytes.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }

  /** Overwrites the bytes and removes the file, as far as the disk lets anybody overwrite. */
  destroy(hash: string): Promise<void> {
    return wipe(this.pathOf(hash));
  }

  /** At start: the kept files that none of `hashes` names, and what was being copied when the app ended. */
  sweep(hashes: ReadonlySet<string>): string[] {
    mkdirSync(this.#folder, { recursive: true });
    const names = readdirSync(this.#folder);
    for (const name of names) {
      if (name.startsWith(INCOMING)) rmSync(join(this.#folder, name), { recursive: true, force: true });
    }
    return names.filter((name) => /^[0-9a-f]{64}$/.test(name) && !hashes.has(name));
  }

  #newPart(): string {
    return join(this.#folder, `${INCOMING}${randomUUID()}`);
  }

  async #write(
    neededBytes: number,
    write: (part: string) => Promise<{ hash: string; sizeBytes: number }>,
  ): Promise<{ hash: string; sizeBytes: number; part: string }> {
    mkdirSync(this.#folder, { recursive: true });
    const part = this.#newPart();
    try {
      await requireSpace(this.#folder, neededBytes);
      return { ...(await write(part)), part };
    } catch (error) {
      await wipe(part);
      throw await explainWrite(error, this.#folder, neededBytes);
    }
  }
}

async function headOf(file: FileHandle): Promise<Uint8Array> {
  const { buffer, bytesRead } = await file.read(new Uint8Array(HEAD_BYTES), 0, HEAD_BYTES, 0);
  return buffer.subarray(0, bytesRead);
}

async function copy(from: FileHandle, part: string, signal: AbortSignal) {
  const to = await open(part, 'wx', 0o600);
  try {
    const digested = await digest(from, signal, (piece) => to.writeFile(piece));
    await to.sync();
    return digested;
  } finally {
    await to.close();
  }
}

/** Reads a file piece by piece. */
async function digest(
  file: FileHandle,
  signal: AbortSignal,
  each: (piece: Uint8Array) => Promise<void> = async () => {},
): Promise<{ hash: string; sizeBytes: number }> {
  const hash = createHash('sha256');
  const buffer = new Uint8Array(PIECE_BYTES);
  let sizeBytes = 0;
  for (;;) {
    signal.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, buffer.length, sizeBytes);
    if (bytesRead === 0) return { hash: hash.digest('hex'), sizeBytes };
    const piece = buffer.subarray(0, bytesRead);
    hash.update(piece);
    await each(piece);
    sizeBytes += bytesRead;
  }
}
