import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import type { Disk } from './disk.ts';

/**
 * A snapshot file: one page of a KV cache, or the page that was being filled, of one sequence of tokens.
 *
 *     bytes 0-7    magic
 *     8-11         version of the format, uint32, little-endian like all that follows
 *     12-15        bytes of the header
 *     16-19        CRC-32 of the header
 *     20-          header: JSON, UTF-8
 *     then         the sections, one behind the other, as they lie in memory
 *
 * The header names the cache that the keys belong to, the node before it, its tokens, and each section's bytes and CRC-32.
 * A node's id is the hash of its parent's id and its tokens, and the first parent is the hash of the cache's key: so an id
 * stands for all tokens from the start on, and two sequences that begin alike share files.
 */
const MAGIC = Buffer.from('LNGHNDKV', 'latin1');
const VERSION = 1;
const PREFIX_BYTES = 20;
const MOST_HEADER_BYTES = 1 << 20;
/** A checksum of so much takes some two milliseconds: then others have their turn. */
const SLICE_BYTES = 2 << 20;

const header = z.object({
  kind: z.enum(['page', 'tail']),
  cacheKey: z.string(),
  parent: z.string(),
  tokens: z.array(z.number().int()).min(1),
  sections: z.array(z.object({ bytes: z.number().int().min(0), crc: z.number().int() })),
});
type Header = z.infer<typeof header>;
export type NodeKind = Header['kind'];
/** What a snapshot file holds, but for the values themselves. */
export type NodeInfo = Omit<Header, 'sections'>;

/** A file that is not what its name promises: torn, altered, of another version, or another model's. */
export class SnapshotDamaged extends Error {
  override readonly name = 'SnapshotDamaged';
}

/** The parent of the first page of any sequence of the cache with this key. */
export function rootOf(cacheKey: string): string {
  return digest(['longhand snapshots', String(VERSION), cacheKey].join('\n'));
}

/** The id of the node that holds `tokens` behind `parent`. */
export function idOf(parent: string, tokens: readonly number[]): string {
  return digest(Buffer.from(parent, 'hex'), Buffer.from(Int32Array.from(tokens).buffer));
}

/** 128 bits of SHA-256 in hexadecimal. */
export function digest(...parts: (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex').slice(0, 32);
}

/** Bytes of the file that `writeNode` makes, within the length of a few numbers. */
export function nodeBytes(info: NodeInfo, sections: readonly ArrayBufferView[]): number {
  const longest = sections.map(({ byteLength: bytes }) => ({ bytes, crc: 0xffff_ffff }));
  return PREFIX_BYTES + Buffer.byteLength(JSON.stringify({ ...info, sections: longest })) + sum(longest);
}

/**
 * Writes a file and brings its contents to the disk. Values go out from where they lie, and must not change meanwhile.
 * @returns its bytes
 * @throws the system's error, or `signal.reason`
 */
export async function writeNode(
  disk: Disk,
  path: string,
  info: NodeInfo,
  sections: readonly ArrayBufferView[],
  signal?: AbortSignal,
): Promise<number> {
  const parts = sections.map(bytesOf);
  const sums: Header['sections'] = [];
  for await (const crc of checksums(parts, signal)) sums.push({ bytes: parts[sums.length]!.byteLength, crc });
  const text = Buffer.from(JSON.stringify({ ...info, sections: sums } satisfies Header));
  const prefix = Buffer.alloc(PREFIX_BYTES);
  MAGIC.copy(prefix);
  prefix.writeUInt32LE(VERSION, 8);
  prefix.writeUInt32LE(text.byteLength, 12);
  prefix.writeUInt32LE(crc32(text), 16);
  const file = await disk.open(path, 'w', 0o600);
  try {
    signal?.throwIfAborted();
    const bytes = await transfer([prefix, text, ...parts], (buffers, at) => file.writev(buffers, at), 0);
    await file.sync();
    return bytes;
  } finally {
    await file.close();
  }
}

/** An open snapshot file whose header was found to be sound. */
export class NodeReader {
  readonly info: NodeInfo;
  readonly #file: FileHandle;
  readonly #header: Header;
  readonly #start: number;

  private constructor(file: FileHandle, found: Header, start: number) {
    this.info = found;
    this.#file = file;
    this.#header = found;
    this.#start = start;
  }

  /** @throws SnapshotDamaged, or the system's error */
  static async open(disk: Disk, path: string): Promise<NodeReader> {
    const file = await disk.open(path, 'r');
    try {
      const { size } = await file.stat();
      const prefix = Buffer.alloc(PREFIX_BYTES);
      await readAll(file, [prefix], 0);
      if (!prefix.subarray(0, 8).equals(MAGIC)) throw new SnapshotDamaged('This is no snapshot.');
      if (prefix.readUInt32LE(8) !== VERSION) throw new SnapshotDamaged('This snapshot is of another version.');
      const length = prefix.readUInt32LE(12);
      if (length > MOST_HEADER_BYTES || PREFIX_BYTES + length > size)
        throw new SnapshotDamaged('Its header is cut off.');
      const text = Buffer.alloc(length);
      await readAll(file, [text], PREFIX_BYTES);
      if (crc32(text) !== prefix.readUInt32LE(16)) throw new SnapshotDamaged('Its header was altered.');
      const found = parseHeader(text);
      if (!found.success) throw new SnapshotDamaged('Its header says too little.');
      const start = PREFIX_BYTES + length;
      if (start + sum(found.data.sections) !== size) throw new SnapshotDamaged(`It has ${size} bytes.`);
      return new NodeReader(file, found.data, start);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Reads all sections into `sections`, to where they shall lie. @throws SnapshotDamaged, or the system's error */
  async read(sections: readonly ArrayBufferView[]): Promise<void> {
    const parts = sections.map(bytesOf);
    const wanted = this.#header.sections;
    if (parts.length !== wanted.length || parts.some(({ byteLength }, i) => byteLength !== wanted[i]!.bytes)) {
      throw new SnapshotDamaged('Its sections are those of another cache.');
    }
    await readAll(this.#file, parts, this.#start);
    let at = 0;
    for await (const crc of checksums(parts)) {
      if (crc !== wanted[at]!.crc) throw new SnapshotDamaged(`Section ${at} was altered.`);
      at++;
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

function parseHeader(text: Buffer) {
  try {
    return header.safeParse(JSON.parse(text.toString('utf8')));
  } catch (cause) {
    throw new SnapshotDamaged('Its header is no JSON.', { cause });
  }
}

async function* checksums(parts: readonly Uint8Array[], signal?: AbortSignal): AsyncGenerator<number, void, void> {
  let bytes = 0;
  for (const part of parts) {
    yield crc32(part);
    bytes += part.byteLength;
    if (bytes < SLICE_BYTES) continue;
    bytes = 0;
    await setImmediate();
    signal?.throwIfAborted();
  }
}

/** A file that ends too soon is a damaged one. */
async function readAll(file: FileHandle, parts: readonly Uint8Array[], from: number): Promise<void> {
  await transfer(parts, (buffers, at) => file.readv(buffers, at), from);
}

type Step = (buffers: Uint8Array[], at: number) => Promise<{ bytesRead: number } | { bytesWritten: number }>;

/** Repeats a call that may do less than it was asked. @returns bytes in all */
async function transfer(parts: readonly Uint8Array[], step: Step, from: number): Promise<number> {
  let left = parts.filter(({ byteLength }) => byteLength > 0);
  let at = from;
  while (left.length > 0) {
    const done = await step(left, at);
    let bytes = 'bytesRead' in done ? done.bytesRead : done.bytesWritten;
    if (bytes === 0) throw new SnapshotDamaged(`The file ends at byte ${at}.`);
    at += bytes;
    const first = left.findIndex(({ byteLength }) => (bytes < byteLength ? true : ((bytes -= byteLength), false)));
    left = first === -1 ? [] : [left[first]!.subarray(bytes), ...left.slice(first + 1)];
  }
  return at - from;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) => new Uint8Array(buffer, byteOffset, byteLength);
const sum = (sections: readonly { bytes: number }[]) => sections.reduce((total, { bytes }) => total + bytes, 0);
