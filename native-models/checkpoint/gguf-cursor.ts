import { readSync } from 'node:fs';
import { CheckpointError, type CheckpointErrorCode } from './errors.ts';

const WINDOW_BYTES = 256 * 1024;

/** Longest string that a header may hold: chat templates are the longest real ones, at some 20 KB. */
export const MAX_STRING_BYTES = 1024 * 1024;
/** Largest header: a vocabulary of 262,144 tokens with its merges needs about 15 MB. */
export const MAX_HEADER_BYTES = 64 * 1024 * 1024;

/**
 * Reads little-endian values from the start of a file through a window of fixed size.
 * Nothing is allocated from a length before that length was compared with the bytes the file really has.
 * Reads are synchronous: a header holds some 300,000 strings, and waiting for each would cost far more than it blocks.
 */
export class HeaderCursor {
  readonly path: string;
  readonly sizeBytes: number;
  position = 0;
  readonly #fd: number;
  readonly #window: Buffer;
  #windowStart = 0;
  #windowEnd = 0;
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

  constructor(fd: number, path: string, sizeBytes: number) {
    this.#fd = fd;
    this.path = path;
    this.sizeBytes = sizeBytes;
    this.#window = Buffer.alloc(Math.min(WINDOW_BYTES, sizeBytes));
  }

  u8(what: string): number {
    return this.#window.readUInt8(this.#ready(1, what));
  }

  i8(what: string): number {
    return this.#window.readInt8(this.#ready(1, what));
  }

  u16(what: string): number {
    return this.#window.readUInt16LE(this.#ready(2, what));
  }

  i16(what: string): number {
    return this.#window.readInt16LE(this.#ready(2, what));
  }

  u32(what: string): number {
    return this.#window.readUInt32LE(this.#ready(4, what));
  }

  i32(what: string): number {
    return this.#window.readInt32LE(this.#ready(4, what));
  }

  f32(what: string): number {
    return this.#window.readFloatLE(this.#ready(4, what));
  }

  f64(what: string): number {
    return this.#window.readDoubleLE(this.#ready(8, what));
  }

  u64(what: string): bigint {
    return this.#window.readBigUInt64LE(this.#ready(8, what));
  }

  i64(what: string): bigint {
    return this.#window.readBigInt64LE(this.#ready(8, what));
  }

  /** A size or offset, to be compared with the file's length by the caller. */
  size(what: string): number {
    const at = this.position;
    const value = this.u64(what);
    if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
    return this.fail('corrupt-checkpoint', `${what} at byte ${at} is ${value}, more than any file can hold`, {
      offset: at,
      found: String(value),
    });
  }

  /** A count or length that must not exceed `limit`, a rule of ours and not of the format. */
  count(what: string, limit: number): number {
    const at = this.position;
    const value = this.u64(what);
    if (value <= BigInt(limit)) return Number(value);
    return this.fail('limit-exceeded', `${what} at byte ${at} is ${value}, more than the ${limit} allowed`, {
      offset: at,
      found: String(value),
      limit,
    });
  }

  string(what: string): string {
    const length = this.count(`length of ${what}`, MAX_STRING_BYTES);
    const at = this.position;
    try {
      return this.#utf8.decode(this.bytes(length, what));
    } catch (cause) {
      if (cause instanceof CheckpointError) throw cause;
      return this.fail('corrupt-checkpoint', `${what} at byte ${at} is not valid UTF-8`, { offset: at });
    }
  }

  /** A view that the next read may overwrite, or a copy where it is longer than the window. */
  bytes(length: number, what: string): Uint8Array {
    this.require(length, what);
    if (length <= this.#window.length) {
      const start = this.#ready(length, what);
      return this.#window.subarray(start, start + length);
    }
    const copy = Buffer.alloc(length);
    this.#fill(copy, this.position, what);
    this.position += length;
    return copy;
  }

  /** Throws unless the header may and the file does have `length` more bytes. */
  require(length: number, what: string): void {
    const end = this.position + length;
    if (end > this.sizeBytes) {
      this.fail(
        'corrupt-checkpoint',
        `${what} needs ${length} bytes at byte ${this.position}, but the file ends at byte ${this.sizeBytes}`,
        { offset: this.position, expected: length, found: this.sizeBytes - this.position },
      );
    }
    if (end > MAX_HEADER_BYTES) {
      this.fail('limit-exceeded', `the header is longer than ${MAX_HEADER_BYTES} bytes (${what})`, {
        offset: this.position,
        limit: MAX_HEADER_BYTES,
      });
    }
  }

  fail(code: CheckpointErrorCode, message: string, details: Record<string, unknown> = {}): never {
    throw new CheckpointError(code, `${this.path}: ${message}`, { path: this.path, ...details });
  }

  /** Makes the next `length` bytes (at most a window) available, moves past them and returns where they start. */
  #ready(length: number, what: string): number {
    const start = this.position;
    if (start < this.#windowStart || start + length > this.#windowEnd) {
      this.require(length, what);
      const filled = Math.min(this.#window.length, this.sizeBytes - start);
      this.#fill(this.#window.subarray(0, filled), start, what);
      this.#windowStart = start;
      this.#windowEnd = start + filled;
    }
    this.position += length;
    if (this.position > MAX_HEADER_BYTES) this.require(0, what);
    return start - this.#windowStart;
  }

  #fill(target: Uint8Array, from: number, what: string): void {
    for (let done = 0; done < target.length;) {
      const read = readSync(this.#fd, target, done, target.length - done, from + done);
      if (read === 0) {
        this.fail('corrupt-checkpoint', `the file became shorter while ${what} was read`, { offset: from + done });
      }
      done += read;
    }
  }
}
