import { blockFormats, type BlockFormat, type TensorType } from './blocks/index.ts';
import type { HeaderCursor } from './gguf-cursor.ts';
import { ggmlTypeName } from './gguf-types.ts';

const MAX_TENSORS = 16_384;
const MAX_KEYS = 65_536;
const MAX_DIMENSIONS = 4;
const MAX_ALIGNMENT = 1024 * 1024;
/** Name length, dimension count, one dimension, type and offset. */
const MIN_TENSOR_RECORD_BYTES = 8 + 4 + 8 + 4 + 8;
/** Key length, value type and one byte of value. */
const MIN_KEY_BYTES = 8 + 4 + 1;

/** Arrays of numbers keep their stored width: a hostile array must not grow when it is read. */
export type GgufArray = string[] | bigint[] | NumericArray;
type NumericArray =
  Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array | Float32Array | Float64Array;
/** 64-bit integers are numbers where they fit exactly, else bigints. */
export type GgufValue = string | number | bigint | boolean | GgufArray;

export type GgufTensor = {
  name: string;
  type: TensorType;
  /** Row-major, slowest first: the reverse of the order in the file. */
  shape: readonly number[];
  rows: number;
  rowByteLength: number;
  byteLength: number;
  /** From the start of the file. */
  offset: number;
};

export type GgufHeader = {
  version: number;
  metadata: ReadonlyMap<string, GgufValue>;
  tensors: ReadonlyMap<string, GgufTensor>;
};

/**
 * Reads and checks the header of a GGUF file of version 2 or 3: afterwards every tensor is known to lie inside the
 * file, aligned, of a readable type, and apart from all others.
 * Layout: reference `gguf_reader.py` and `ggml/src/gguf.cpp` of llama.cpp.
 * @throws CheckpointError naming key or tensor, offset, expected and found
 */
export function readGgufHeader(cursor: HeaderCursor): GgufHeader {
  const version = readVersion(cursor);
  const tensorCount = cursor.count('tensor count', MAX_TENSORS);
  const keyCount = cursor.count('key count', MAX_KEYS);
  cursor.require(keyCount * MIN_KEY_BYTES + tensorCount * MIN_TENSOR_RECORD_BYTES, 'the header');

  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < keyCount; i++) {
    const offset = cursor.position;
    const key = cursor.string(`key ${i}`);
    if (metadata.has(key)) cursor.fail('corrupt-checkpoint', `key ${key} occurs twice`, { key, offset });
    metadata.set(key, readValue(cursor, key));
  }
  return { version, metadata, tensors: readTensors(cursor, tensorCount, readAlignment(cursor, metadata)) };
}

function readVersion(cursor: HeaderCursor): number {
  const magic = Buffer.from(cursor.bytes(4, 'the magic')).toString('latin1');
  if (magic === 'FUGG') refuseBigEndian(cursor);
  if (magic !== 'GGUF') cursor.fail('not-a-checkpoint', 'this is not a GGUF file', { expected: 'GGUF', found: magic });
  const version = cursor.u32('the version');
  // Read in the wrong order the small version number fills the upper bytes only.
  if (version !== 0 && (version & 0xffff) === 0) refuseBigEndian(cursor);
  if (version !== 2 && version !== 3) {
    cursor.fail('unsupported-version', `GGUF version ${version} is not supported; versions 2 and 3 are`, {
      found: version,
      supported: [2, 3],
    });
  }
  return version;
}

function refuseBigEndian(cursor: HeaderCursor): never {
  return cursor.fail('unsupported-version', 'this is a big-endian GGUF file; only little-endian files are supported', {
    found: 'big-endian',
  });
}

function readValue(cursor: HeaderCursor, key: string): GgufValue {
  const what = `the value of ${key}`;
  const offset = cursor.position;
  const typeId = cursor.u32(`the type of ${key}`);
  if (typeId === 9) return readArray(cursor, key);
  const scalar = scalarTypes[typeId];
  if (!scalar) {
    return cursor.fail('corrupt-checkpoint', `key ${key} has value type ${typeId}, which GGUF does not define`, {
      key,
      offset,
      found: typeId,
    });
  }
  return scalar.read(cursor, what);
}

function readArray(cursor: HeaderCursor, key: string): GgufArray {
  const what = `the array ${key}`;
  const offset = cursor.position;
  const typeId = cursor.u32(`the element type of ${key}`);
  const scalar = scalarTypes[typeId];
  if (!scalar) {
    const reason = typeId === 9 ? 'holds arrays, which are not supported' : `has element type ${typeId}`;
    return cursor.fail('corrupt-checkpoint', `array ${key} ${reason}`, { key, offset, found: typeId });
  }
  const count = cursor.size(`the length of array ${key}`);
  cursor.require(count * scalar.minBytes, what); // before anything is allocated for it
  return scalar.readMany(cursor, what, count);
}

type ScalarType = {
  minBytes: number;
  read(cursor: HeaderCursor, what: string): GgufValue;
  readMany(cursor: HeaderCursor, what: string, count: number): GgufArray;
};

/** By type number of the file format. */
// prettier-ignore
const scalarTypes: Readonly<Record<number, ScalarType>> = {
  0: numeric(1, (c, what) => c.u8(what), (count) => new Uint8Array(count)),
  1: numeric(1, (c, what) => c.i8(what), (count) => new Int8Array(count)),
  2: numeric(2, (c, what) => c.u16(what), (count) => new Uint16Array(count)),
  3: numeric(2, (c, what) => c.i16(what), (count) => new Int16Array(count)),
  4: numeric(4, (c, what) => c.u32(what), (count) => new Uint32Array(count)),
  5: numeric(4, (c, what) => c.i32(what), (count) => new Int32Array(count)),
  6: numeric(4, (c, what) => c.f32(what), (count) => new Float32Array(count)),
  7: { ...numeric(1, readBool, (count) => new Uint8Array(count)), read: (c, what) => readBool(c, what) === 1 },
  8: {
    minBytes: 8,
    read: (c, what) => c.string(what),
    readMany(c, what, count) {
      const strings: string[] = [];
      for (let i = 0; i < count; i++) strings.push(c.string(what));
      return strings;
    },
  },
  10: wide((c, what) => c.u64(what)),
  11: wide((c, what) => c.i64(what)),
  12: numeric(8, (c, what) => c.f64(what), (count) => new Float64Array(count)),
};

type Read<T> = (cursor: HeaderCursor, what: string) => T;

function numeric(minBytes: number, read: Read<number>, allocate: (count: number) => NumericArray): ScalarType {
  return {
    minBytes,
    read,
    readMany(cursor, what, count) {
      const values = allocate(count);
      for (let i = 0; i < count; i++) values[i] = read(cursor, what);
      return values;
    },
  };
}

function wide(read: Read<bigint>): ScalarType {
  return {
    minBytes: 8,
    read(cursor, what) {
      const value = read(cursor, what);
      return BigInt.asIntN(54, value) === value ? Number(value) : value;
    },
    readMany(cursor, what, count) {
      const values: bigint[] = [];
      for (let i = 0; i < count; i++) values.push(read(cursor, what));
      return values;
    },
  };
}

function readBool(cursor: HeaderCursor, what: string): number {
  const offset = cursor.position;
  const value = cursor.u8(what);
  if (value > 1)
    cursor.fail('corrupt-checkpoint', `${what} should be 0 or 1 but is ${value}`, { offset, found: value });
  return value;
}

function readAlignment(cursor: HeaderCursor, metadata: ReadonlyMap<string, GgufValue>): number {
  const alignment = metadata.get('general.alignment') ?? 32;
  const isPowerOfTwo = typeof alignment === 'number' && alignment > 0 && Number.isInteger(Math.log2(alignment));
  if (!isPowerOfTwo || alignment > MAX_ALIGNMENT) {
    return cursor.fail('corrupt-checkpoint', `general.alignment is ${String(alignment)}, not a power of two`, {
      key: 'general.alignment',
      found: alignment,
    });
  }
  return alignment;
}

type TensorRecord = { name: string; dimensions: number[]; typeId: number; offset: number };

function readTensors(cursor: HeaderCursor, count: number, alignment: number): Map<string, GgufTensor> {
  const records = new Map<string, TensorRecord>();
  for (let i = 0; i < count; i++) {
    const record = readTensorRecord(cursor, i, alignment);
    const { name } = record;
    if (records.has(name)) cursor.fail('corrupt-checkpoint', `tensor ${name} occurs twice`, { tensor: name });
    records.set(name, record);
  }
  refuseUnreadableTypes(cursor, records);

  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  const tensors = new Map<string, GgufTensor>();
  for (const record of records.values()) tensors.set(record.name, placeTensor(cursor, record, dataStart));
  refuseOverlaps(cursor, tensors);
  return tensors;
}

function readTensorRecord(cursor: HeaderCursor, index: number, alignment: number): TensorRecord {
  const name = cursor.string(`the name of tensor ${index}`);
  const at = cursor.position;
  const dimensionCount = cursor.u32(`the dimension count of ${name}`);
  if (dimensionCount < 1 || dimensionCount > MAX_DIMENSIONS) {
    cursor.fail('corrupt-checkpoint', `tensor ${name} has ${dimensionCount} dimensions, expected 1 to 4`, {
      tensor: name,
      offset: at,
      found: dimensionCount,
    });
  }
  const dimensions: number[] = [];
  for (let i = 0; i < dimensionCount; i++) {
    dimensions.push(cursor.size(`dimension ${i} of ${name}`));
  }
  const typeId = cursor.u32(`the type of ${name}`);
  const offset = cursor.size(`the offset of ${name}`);
  if (offset % alignment !== 0) {
    cursor.fail('corrupt-checkpoint', `tensor ${name} starts at offset ${offset}, not a multiple of ${alignment}`, {
      tensor: name,
      found: offset,
      expected: `multiple of ${alignment}`,
    });
  }
  return { name, dimensions, typeId, offset };
}

const formatById: ReadonlyMap<number, BlockFormat<TensorType>> = new Map(
  blockFormats.flatMap((format) => (format.ggmlId === null ? [] : [[format.ggmlId, format] as const])),
);

function refuseUnreadableTypes(cursor: HeaderCursor, records: ReadonlyMap<string, TensorRecord>): void {
  const found = new Map<string, string[]>();
  for (const { name, typeId } of records.values()) {
    if (formatById.has(typeId)) continue;
    const type = ggmlTypeName(typeId);
    const names = found.get(type);
    if (names) names.push(name);
    else found.set(type, [name]);
  }
  if (found.size === 0) return;
  const list = [...found].map(([type, names]) => `${type} (${names.length} tensors, first ${names[0]})`).join(', ');
  const supported = [...formatById.values()].map((format) => format.type);
  cursor.fail('unsupported-type', `tensor type ${list} is not supported; supported are ${supported.join(', ')}`, {
    found: [...found.keys()],
    tensor: [...found.values()][0]?.[0],
    supported,
  });
}

function placeTensor(cursor: HeaderCursor, record: TensorRecord, dataStart: number): GgufTensor {
  const { name, dimensions, typeId } = record;
  const { type, blockSize, bytesPerBlock } = formatById.get(typeId)!;
  const elements = dimensions.reduce((product, length) => product * length, 1);
  const columns = dimensions[0]!;
  if (elements === 0 || !Number.isSafeInteger(elements * bytesPerBlock)) {
    cursor.fail('corrupt-checkpoint', `tensor ${name} has impossible dimensions ${dimensions.join(' x ')}`, {
      tensor: name,
      found: dimensions,
    });
  }
  if (columns % blockSize !== 0) {
    cursor.fail(
      'corrupt-checkpoint',
      `tensor ${name} has rows of ${columns} values, which blocks of ${blockSize} (${type}) do not divide`,
      { tensor: name, found: columns, expected: `multiple of ${blockSize}` },
    );
  }
  const rows = elements / columns;
  const rowByteLength = (columns / blockSize) * bytesPerBlock;
  const byteLength = rows * rowByteLength;
  const offset = dataStart + record.offset;
  if (offset + byteLength > cursor.sizeBytes) {
    cursor.fail(
      'corrupt-checkpoint',
      `tensor ${name} needs ${byteLength} bytes at byte ${offset}, but the file ends at byte ${cursor.sizeBytes}`,
      { tensor: name, offset, expected: byteLength, found: Math.max(0, cursor.sizeBytes - offset) },
    );
  }
  return { name, type, shape: [...dimensions].reverse(), rows, rowByteLength, byteLength, offset };
}

function refuseOverlaps(cursor: HeaderCursor, tensors: ReadonlyMap<string, GgufTensor>): void {
  let previous: GgufTensor | undefined;
  for (const tensor of [...tensors.values()].sort((a, b) => a.offset - b.offset)) {
    if (previous && tensor.offset < previous.offset + previous.byteLength) {
      cursor.fail(
        'corrupt-checkpoint',
        `tensor ${tensor.name} at byte ${tensor.offset} overlaps ${previous.name}, which ends at byte ${previous.offset + previous.byteLength}`,
        { tensor: tensor.name, offset: tensor.offset, expected: previous.offset + previous.byteLength },
      );
    }
    previous = tensor;
  }
}
