import type { FileHandle } from 'node:fs/promises';
import { CheckpointError, type CheckpointErrorCode } from './errors.ts';
import { readExactly } from './read-exactly.ts';

/** Bytes of one element of each type that the format knows (safetensors 0.8, `Dtype`), those below a byte left out. */
const elementBytes = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  I64: 8,
  U64: 8,
  F64: 8,
} as const;
export type SafetensorsType = keyof typeof elementBytes;

export type SafetensorsTensor = {
  name: string;
  type: SafetensorsType;
  /** Row-major, slowest first. */
  shape: readonly number[];
  /** From the start of the file. */
  offset: number;
  byteLength: number;
};

/** 65,536 tensors need some 12 MB; the rest is for notes under `__metadata__`. */
const MAX_HEADER_BYTES = 16 * 1024 * 1024;
/** Of experts that are quantised one by one in five parts each, a large model has 27,000. */
const MAX_TENSORS = 65_536;
const MAX_DIMENSIONS = 8;
const MAX_NAME_CHARACTERS = 512;
const LENGTH_BYTES = 8;

/**
 * Reads and checks the header of a safetensors file: afterwards every tensor is known to lie inside the file, and the
 * tensors are known to follow each other without gap or overlap, as the format demands.
 * Layout: u64 little-endian header length, JSON header, data (huggingface/safetensors, README "Format").
 * @throws CheckpointError naming file and tensor, byte, expected and found
 */
export async function readSafetensorsHeader(
  file: FileHandle,
  path: string,
  sizeBytes: number,
): Promise<Map<string, SafetensorsTensor>> {
  const { entries, dataStart } = await readEntries(file, path, sizeBytes);
  if (entries.length > MAX_TENSORS) {
    fail('limit-exceeded', path, `${entries.length} tensors are more than the ${MAX_TENSORS} allowed`, {
      found: entries.length,
      limit: MAX_TENSORS,
    });
  }
  const tensors = entries.map(([name, entry]) => placeTensor(path, name, entry, dataStart));
  checkLayout(path, tensors, dataStart, sizeBytes);
  return new Map(tensors.map((tensor) => [tensor.name, tensor]));
}

/** Whether a file may start like this: a JSON object follows a length that is no more than a header may have. */
export function looksLikeSafetensors(head: Uint8Array): boolean {
  return head.length > LENGTH_BYTES && head[LENGTH_BYTES] === 0x7b && head.subarray(4, 8).every((byte) => byte === 0);
}

async function readEntries(file: FileHandle, path: string, sizeBytes: number) {
  const prefix = new Uint8Array(LENGTH_BYTES);
  if (sizeBytes < LENGTH_BYTES) {
    fail('corrupt-checkpoint', path, `the file has ${sizeBytes} bytes, too few for a safetensors header`, {
      offset: 0,
      expected: LENGTH_BYTES,
      found: sizeBytes,
    });
  }
  await readExactly(file, { path, what: 'the header length', position: 0 }, prefix);
  const length = new DataView(prefix.buffer).getBigUint64(0, true);
  if (length > BigInt(sizeBytes - LENGTH_BYTES)) {
    fail('corrupt-checkpoint', path, `the header is said to have ${length} bytes, but the file has ${sizeBytes}`, {
      offset: 0,
      expected: String(length),
      found: sizeBytes - LENGTH_BYTES,
    });
  }
  if (length > MAX_HEADER_BYTES) {
    fail('limit-exceeded', path, `the header has ${length} bytes, more than the ${MAX_HEADER_BYTES} allowed`, {
      offset: 0,
      found: String(length),
      limit: MAX_HEADER_BYTES,
    });
  }
  const bytes = new Uint8Array(Number(length));
  await readExactly(file, { path, what: 'the header', position: LENGTH_BYTES }, bytes);
  const header = parseHeader(path, bytes);
  delete header.__metadata__; // notes of whoever wrote the file
  return { entries: Object.entries(header), dataStart: LENGTH_BYTES + bytes.length };
}

function parseHeader(path: string, bytes: Uint8Array): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (cause) {
    throw new CheckpointError(
      'corrupt-checkpoint',
      `${path}: the header at byte ${LENGTH_BYTES} is not valid JSON in UTF-8`,
      { path, offset: LENGTH_BYTES },
      { cause },
    );
  }
  if (isRecord(header)) return header;
  return fail('corrupt-checkpoint', path, `the header at byte ${LENGTH_BYTES} is not a JSON object`, {
    offset: LENGTH_BYTES,
  });
}

function placeTensor(path: string, name: string, entry: unknown, dataStart: number): SafetensorsTensor {
  const shown = JSON.stringify(name.slice(0, 80));
  if (name.length > MAX_NAME_CHARACTERS) {
    fail('limit-exceeded', path, `the tensor name ${shown}… has ${name.length} characters`, {
      found: name.length,
      limit: MAX_NAME_CHARACTERS,
    });
  }
  if (!isRecord(entry))
    fail('corrupt-checkpoint', path, `the entry of tensor ${shown} is not an object`, { tensor: name });
  const { dtype, shape, data_offsets: range } = entry;
  if (typeof dtype !== 'string' || !Object.hasOwn(elementBytes, dtype)) {
    const found = typeof dtype === 'string' ? dtype.slice(0, 40) : typeof dtype;
    fail('unsupported-type', path, `tensor ${shown} is of type ${found}, which is not supported`, {
      tensor: name,
      found,
      supported: Object.keys(elementBytes),
    });
  }
  const type = dtype as SafetensorsType;
  if (!isSizes(shape) || shape.length > MAX_DIMENSIONS) {
    fail('corrupt-checkpoint', path, `the shape of tensor ${shown} is not a list of up to ${MAX_DIMENSIONS} sizes`, {
      tensor: name,
    });
  }
  if (!isSizes(range) || range.length !== 2 || range[0]! > range[1]!) {
    fail('corrupt-checkpoint', path, `the data_offsets of tensor ${shown} are not two offsets in order`, {
      tensor: name,
    });
  }
  const byteLength = shape.reduce((product, size) => product * size, elementBytes[type]);
  const [begin, end] = range as [number, number];
  // A product that has lost precision is larger than any file; it cannot equal the difference of two safe integers.
  if (!Number.isSafeInteger(byteLength) || end - begin !== byteLength) {
    const place = `bytes ${begin} to ${end} of the data`;
    fail('corrupt-checkpoint', path, `tensor ${shown} [${shape}] of ${type} needs ${byteLength} bytes, not ${place}`, {
      tensor: name,
      offset: dataStart + begin,
      expected: byteLength,
      found: end - begin,
    });
  }
  return { name, type, shape, offset: dataStart + begin, byteLength };
}

function checkLayout(path: string, tensors: readonly SafetensorsTensor[], dataStart: number, sizeBytes: number): void {
  let end = dataStart;
  let previous = 'the header';
  const inOrder = [...tensors].sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength);
  for (const { name, offset, byteLength } of inOrder) {
    if (offset !== end) {
      const relation = offset < end ? 'overlaps' : 'does not follow';
      const message = `tensor ${name} at byte ${offset} ${relation} ${previous}, which ends at byte ${end}`;
      fail('corrupt-checkpoint', path, message, { tensor: name, offset, expected: end, found: offset });
    }
    end = offset + byteLength;
    previous = name;
    if (end > sizeBytes) {
      const message = `tensor ${name} needs ${byteLength} bytes at byte ${offset}, but the file ends at byte ${sizeBytes}`;
      const found = Math.max(0, sizeBytes - offset);
      fail('corrupt-checkpoint', path, message, { tensor: name, offset, expected: byteLength, found });
    }
  }
  if (end !== sizeBytes) {
    fail('corrupt-checkpoint', path, `the file has ${sizeBytes - end} bytes behind its last tensor, at byte ${end}`, {
      offset: end,
      expected: end,
      found: sizeBytes,
    });
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && (size as number) >= 0);
}

function fail(code: CheckpointErrorCode, path: string, message: string, details: Record<string, unknown>): never {
  throw new CheckpointError(code, `${path}: ${message}`, { path, ...details });
}
