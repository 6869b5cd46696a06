import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { LonghandError } from '../../contract/errors.ts';
import { flushFolder } from '../data/flush.ts';
import { explainWrite, requireSpace } from '../models/disk.ts';
import type { FileLook } from '../store/watched-folders.ts';
import { FileChanged, isSameLook, lookAt } from './files-in.ts';

/** A file whose bytes are kept: its name among the kept ones is their SHA-256, in hex. */
export type KeptFile = { hash: string; sizeBytes: number };

const INCOMING = 'incoming-';
const ZEROS = new Uint8Array(1 << 20);

/** The bytes of documents, in a folder of their own: a file a content, whole or not there at all. */
export class Library {
  readonly #folder: string;

  constructor(dataDir: string) {
    this.#folder = join(dataDir, 'documents');
  }

  pathOf(hash: string): string {
    return join(this.#folder, hash);
  }

  /** A place for what an archive unpacks to; the caller removes it, or the next start. */
  incomingFolder(): string {
    mkdirSync(this.#folder, { recursive: true });
    return join(this.#folder, `${INCOMING}${randomUUID()}`);
  }

  /**
   * Copies a file in and names it by its bytes.
   * @param expected how it was seen: a copy that was overtaken by a change is not kept
   * @throws LonghandError `not-found` | `disk-full`, `FileChanged`, or `signal.reason`
   */
  async copy(path: string, signal: AbortSignal, expected?: FileLook): Promise<KeptFile> {
    const found = await stat(path).catch(() => null);
    if (found === null || !found.isFile()) throw new LonghandError('not-found', `There is no file ${path}.`, { path });
    return this.#keep(found.size, async (part) => {
      const hash = createHash('sha256');
      let sizeBytes = 0;
      const look = new Transform({
        transform(chunk: Buffer, _encoding, next) {
          hash.update(chunk);
          sizeBytes += chunk.length;
          next(null, chunk);
        },
      });
      await pipeline(createReadStream(path), look, createWriteStream(part, { flush: true, mode: 0o600 }), { signal });
      if (expected !== undefined && !isSameLook(await lookAt(path), expected)) throw new FileChanged(path);
      return { hash: hash.digest('hex'), sizeBytes };
    });
  }

  /** Keeps bytes that are in memory. @throws LonghandError `disk-full` */
  async put(bytes: Uint8Array): Promise<KeptFile> {
    return this.#keep(bytes.length, async (part) => {
      await writeFile(part, bytes, { flush: true, mode: 0o600 });
      return { hash: createHash('sha256').update(bytes).digest('hex'), sizeBytes: bytes.length };
    });
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
  async destroy(hash: string): Promise<void> {
    const path = this.pathOf(hash);
    const file = await open(path, 'r+').catch(() => null);
    if (file !== null) {
      try {
        const { size } = await file.stat();
        for (let at = 0; at < size; at += ZEROS.length) {
          await file.write(ZEROS, 0, Math.min(ZEROS.length, size - at), at);
        }
        await file.sync();
      } finally {
        await file.close();
      }
    }
    await rm(path, { force: true });
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

  async #keep(neededBytes: number, write: (part: string) => Promise<KeptFile>): Promise<KeptFile> {
    mkdirSync(this.#folder, { recursive: true });
    const part = join(this.#folder, `${INCOMING}${randomUUID()}`);
    try {
      await requireSpace(this.#folder, neededBytes);
      const kept = await write(part);
      await rename(part, this.pathOf(kept.hash)); // over the same bytes, where they are here already
      flushFolder(this.#folder);
      return kept;
    } catch (error) {
      await rm(part, { force: true });
      throw await explainWrite(error, this.#folder, neededBytes);
    }
  }
}
