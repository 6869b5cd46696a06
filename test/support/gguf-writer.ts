/**
 * Writes GGUF files for tests: version 2 or 3, any metadata, tensors as raw bytes.
 * It checks nothing on purpose, so that tests can also write files that lie.
 */

// prettier-ignore
const VALUE_TYPES = {
  u8: 0, i8: 1, u16: 2, i16: 3, u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9, u64: 10, i64: 11, f64: 12,
} as const;

/** Ids of the tensor types that tests write. Others can be given as plain numbers. */
export const GGML_TYPE_IDS = { F32: 0, F16: 1, Q4_0: 2, Q4_1: 3, Q8_0: 8, Q4_K: 12, BF16: 30 } as const;

export type ScalarType = Exclude<keyof typeof VALUE_TYPES, 'array'>;
type Scalar = string | number | bigint | boolean;

/** A metadata value with its type spelled out, where the guess of `writeGguf` would be wrong. */
export type TypedValue =
  { type: ScalarType; value: Scalar } | { type: 'array'; of: ScalarType; value: readonly Scalar[] };

/** Plain values are guessed: string, bool, u32 for integers, f32 for other numbers, arrays of string or i32. */
export type MetadataValue = TypedValue | string | number | boolean | readonly string[] | readonly number[];

export type GgufTensor = {
  name: string;
  type: keyof typeof GGML_TYPE_IDS | number;
  /** Row-major, slowest first, as everywhere in Longhand; the writer reverses it. */
  shape: readonly number[];
  data: Uint8Array;
  /** Overrides the computed offset, for files that lie. */
  offset?: number | bigint;
};

export type GgufFile = {
  version?: number;
  alignment?: number;
  metadata?: Readonly<Record<string, MetadataValue>> | readonly (readonly [string, MetadataValue])[];
  tensors?: readonly GgufTensor[];
};

/** Where each section of a written file ends, for tests that cut a file at its seams. */
export type GgufLayout = { bytes: Uint8Array; metadataEnd: number; tensorInfosEnd: number; dataStart: number };

/** The bytes of a GGUF file. `general.alignment` is written only where `alignment` is given. */
export function writeGguf(file: GgufFile): Uint8Array {
  return layOutGguf(file).bytes;
}

/** As `writeGguf`, with the ends of the sections. */
export function layOutGguf({ version = 3, alignment, metadata = {}, tensors = [] }: GgufFile): GgufLayout {
  const entries: (readonly [string, MetadataValue])[] = isList(metadata) ? [...metadata] : Object.entries(metadata);
  if (alignment !== undefined) entries.push(['general.alignment', { type: 'u32', value: alignment }]);
  const step = alignment ?? 32;

  const out = new ByteWriter();
  out.raw(new TextEncoder().encode('GGUF'));
  out.scalar('u32', version);
  out.scalar('u64', tensors.length);
  out.scalar('u64', entries.length);
  for (const [key, value] of entries) {
    out.scalar('string', key);
    writeValue(out, typed(value));
  }
  const metadataEnd = out.length;

  let nextOffset = 0;
  const placed = tensors.map((tensor) => {
    const offset = nextOffset;
    nextOffset = roundUp(offset + tensor.data.length, step);
    return { ...tensor, place: offset };
  });
  for (const { name, type, shape, offset, place } of placed) {
    out.scalar('string', name);
    out.scalar('u32', shape.length);
    for (const length of [...shape].reverse()) out.scalar('u64', length);
    out.scalar('u32', typeof type === 'number' ? type : GGML_TYPE_IDS[type]);
    out.scalar('u64', offset ?? place);
  }
  const tensorInfosEnd = out.length;

  out.pad(roundUp(out.length, step));
  const dataStart = out.length;
  for (const { data, place } of placed) {
    out.pad(dataStart + place);
    out.raw(data);
  }
  return { bytes: out.bytes(), metadataEnd, tensorInfosEnd, dataStart };
}

function isList<T>(value: readonly T[] | object): value is readonly T[] {
  return Array.isArray(value);
}

function typed(value: MetadataValue): TypedValue {
  if (typeof value === 'string') return { type: 'string', value };
  if (typeof value === 'boolean') return { type: 'bool', value };
  if (typeof value === 'number') return { type: Number.isInteger(value) ? 'u32' : 'f32', value };
  if ('type' in value) return value;
  return { type: 'array', of: typeof value[0] === 'number' ? 'i32' : 'string', value };
}

function writeValue(out: ByteWriter, value: TypedValue): void {
  out.scalar('u32', VALUE_TYPES[value.type]);
  if (value.type !== 'array') {
    out.scalar(value.type, value.value);
    return;
  }
  out.scalar('u32', VALUE_TYPES[value.of]);
  out.scalar('u64', value.value.length);
  for (const element of value.value) out.scalar(value.of, element);
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

class ByteWriter {
  length = 0;
  #buffer = new Uint8Array(4096);

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length).set(bytes);
  }

  pad(length: number): void {
    this.#reserve(length - this.length);
  }

  scalar(type: ScalarType, value: Scalar): void {
    if (type === 'string') {
      const bytes = new TextEncoder().encode(String(value));
      this.scalar('u64', bytes.length);
      this.raw(bytes);
      return;
    }
    const sizeBytes = { u8: 1, i8: 1, bool: 1, u16: 2, i16: 2, u32: 4, i32: 4, f32: 4, u64: 8, i64: 8, f64: 8 }[type];
    const target = this.#reserve(sizeBytes);
    const view = new DataView(target.buffer, target.byteOffset, sizeBytes);
    if (type === 'f32') view.setFloat32(0, Number(value), true);
    else if (type === 'f64') view.setFloat64(0, Number(value), true);
    else if (sizeBytes === 8) view.setBigUint64(0, BigInt.asUintN(64, BigInt(value)), true);
    else if (sizeBytes === 4) view.setUint32(0, Number(value), true);
    else if (sizeBytes === 2) view.setUint16(0, Number(value), true);
    else view.setUint8(0, Number(value));
  }

  bytes(): Uint8Array {
    return this.#buffer.slice(0, this.length);
  }

  #reserve(sizeBytes: number): Uint8Array {
    const start = this.length;
    this.length += sizeBytes;
    if (this.length > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(this.length, this.#buffer.length * 2));
      grown.set(this.#buffer);
      this.#buffer = grown;
    }
    return this.#buffer.subarray(start, this.length);
  }
}
