import { inflateRawSync } from 'node:zlib';
import iconv from 'iconv-lite';
import { encrypted, tooLarge, unreadable } from './format.ts';

export type ZipEntry = { name: string; sizeBytes: number; isEncrypted: boolean; isLink: boolean };
export type Zip = {
  entries: readonly ZipEntry[];
  has(name: string): boolean;
  /** Unpacks a file, or gives null where there is none of that name. @throws document-too-large | document-unreadable */
  read(name: string): Uint8Array | null;
};

/** What may still be unpacked, of an archive and those in it together. */
export class UnpackBudget {
  readonly allowed: number;
  #left: number;

  constructor(allowed: number) {
    this.allowed = this.#left = allowed;
  }

  get left(): number {
    return this.#left;
  }

  /** @throws document-too-large */
  take(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) throw tooLarge('unpackedBytes', this.allowed);
  }
}

type Member = ZipEntry & { method: number; packedBytes: number; headerAt: number };

const MOST_ENTRIES = 10_000;
/** Beyond this many bytes, what an archive unpacks to may be this many times its own size. */
const RATIO_FROM_BYTES = 64 << 20;
const MOST_RATIO = 100;
const UTF8_NAMES = 0x800;
const ENCRYPTED = 1;

export function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && (bytes[2] === 3 || bytes[2] === 5);
}

/**
 * Lists a zip archive and unpacks single files of it. All that it ever unpacks counts together against `budget`
 * and a ratio of 100 : 1, by what comes out and not by what the archive says.
 * Format: PKWARE APPNOTE 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16.
 * @throws document-unreadable | document-too-large
 */
export function openZip(bytes: Uint8Array, budget: UnpackBudget): Zip {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const members = new Map<string, Member>();
  try {
    for (const member of membersOf(buffer)) if (!members.has(member.name)) members.set(member.name, member);
  } catch (error) {
    throw error instanceof RangeError ? unreadable('its list of files is damaged', error) : error;
  }
  const ratio = new UnpackBudget(Math.max(RATIO_FROM_BYTES, buffer.length * MOST_RATIO));

  const unpack = ({ name, method, packedBytes, headerAt, isEncrypted }: Member): Uint8Array => {
    if (isEncrypted) throw encrypted('unsupported');
    if (headerAt + 30 > buffer.length) throw unreadable(`${name} is cut short`);
    const start = headerAt + 30 + buffer.readUInt16LE(headerAt + 26) + buffer.readUInt16LE(headerAt + 28);
    if (start + packedBytes > buffer.length) throw unreadable(`${name} is cut short`);
    const packed = buffer.subarray(start, start + packedBytes);
    if (method === 0) return packed;
    if (method !== 8) throw unreadable(`${name} is packed by method ${method}`);
    try {
      return inflateRawSync(packed, { maxOutputLength: Math.max(1, Math.min(ratio.left, budget.left)) });
    } catch (error) {
      if (error instanceof RangeError) throw tooLarge('unpackedBytes', Math.min(ratio.allowed, budget.allowed));
      throw unreadable(`${name} is damaged`, error);
    }
  };

  return {
    entries: [...members.values()],
    has: (name) => members.has(name),
    read(name) {
      const member = members.get(name);
      if (member === undefined) return null;
      const unpacked = unpack(member);
      ratio.take(unpacked.length);
      budget.take(unpacked.length);
      return unpacked;
    },
  };
}

/** The central directory, which is at the archive's end and alone has reliable sizes. */
function* membersOf(buffer: Buffer): Generator<Member> {
  const endAt = buffer.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  if (endAt < 0) throw unreadable('it is a zip archive without an end');
  const count = buffer.readUInt16LE(endAt + 10);
  if (count > MOST_ENTRIES) throw tooLarge('parts', MOST_ENTRIES);
  // An archive may stand behind other bytes, and then counts from its own start.
  const directoryAt = endAt - buffer.readUInt32LE(endAt + 12);
  const shift = directoryAt - buffer.readUInt32LE(endAt + 16);
  if (directoryAt < 0 || shift < 0) throw unreadable('its list of files does not fit into it');
  for (let at = directoryAt, index = 0; index < count; index++) {
    if (buffer.readUInt32LE(at) !== 0x02014b50) throw unreadable('its list of files is damaged');
    const flags = buffer.readUInt16LE(at + 8);
    const nameBytes = buffer.readUInt16LE(at + 28);
    const name = buffer.subarray(at + 46, at + 46 + nameBytes);
    yield {
      name: decodeName(name, (flags & UTF8_NAMES) !== 0),
      isEncrypted: (flags & ENCRYPTED) !== 0,
      // The mode of Unix, where the archive has it.
      isLink: buffer.readUInt32LE(at + 38) >>> 28 === 0xa,
      method: buffer.readUInt16LE(at + 10),
      packedBytes: buffer.readUInt32LE(at + 20),
      sizeBytes: buffer.readUInt32LE(at + 24),
      headerAt: buffer.readUInt32LE(at + 42) + shift,
    };
    at += 46 + nameBytes + buffer.readUInt16LE(at + 30) + buffer.readUInt16LE(at + 32);
  }
}

/** Names that are not marked as UTF-8 are that anyway as a rule; Windows in China writes its own. */
function decodeName(name: Buffer, isUtf8: boolean): string {
  const text = name.toString('utf8');
  return isUtf8 || !text.includes('\ufffd') ? text : iconv.decode(name, 'gb18030');
}
