import { CheckpointError, type CheckpointErrorCode } from './errors.ts';
import type { GgufValue } from './gguf-header.ts';

type Range = { min: number; max: number };

/** Typed, checked access to the key-value pairs of a GGUF header. Every message names the key. */
export class GgufMetadata {
  readonly path: string;
  readonly #values: ReadonlyMap<string, GgufValue>;

  constructor(path: string, values: ReadonlyMap<string, GgufValue>) {
    this.path = path;
    this.#values = values;
  }

  get keys(): Iterable<string> {
    return this.#values.keys();
  }

  get(key: string): GgufValue | undefined {
    return this.#values.get(key);
  }

  string(key: string): string {
    return this.optionalString(key) ?? this.#missing(key);
  }

  optionalString(key: string): string | undefined {
    const value = this.#values.get(key);
    return value === undefined || typeof value === 'string' ? value : this.#wrongType(key, 'a string', value);
  }

  integer(key: string, range: Range): number {
    return this.optionalInteger(key, range) ?? this.#missing(key);
  }

  optionalInteger(key: string, range: Range): number | undefined {
    const value = this.optionalNumber(key, range);
    return value === undefined || Number.isInteger(value) ? value : this.#wrongType(key, 'an integer', value);
  }

  number(key: string, range: Range): number {
    return this.optionalNumber(key, range) ?? this.#missing(key);
  }

  optionalNumber(key: string, { min, max }: Range): number | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    if (typeof value !== 'number') return this.#wrongType(key, 'a number', value);
    if (value >= min && value <= max) return value; // false for NaN
    return this.fail('corrupt-checkpoint', key, `${key} is ${value}, expected ${min} to ${max}`, {
      expected: { min, max },
      found: value,
    });
  }

  optionalBoolean(key: string): boolean | undefined {
    const value = this.#values.get(key);
    return value === undefined || typeof value === 'boolean' ? value : this.#wrongType(key, 'true or false', value);
  }

  strings(key: string): string[] {
    const value = this.#values.get(key);
    if (value === undefined) return this.#missing(key);
    // An empty array is one of no particular type.
    if (Array.isArray(value) && (value.length === 0 || typeof value[0] === 'string')) return value as string[];
    return this.#wrongType(key, 'an array of strings', value);
  }

  optionalIntegers(key: string): ArrayLike<number> | undefined {
    const value = this.#values.get(key);
    if (value === undefined || (ArrayBuffer.isView(value) && !(value instanceof Float32Array))) return value;
    return this.#wrongType(key, 'an array of integers', value);
  }

  fail(code: CheckpointErrorCode, key: string, message: string, details: Record<string, unknown> = {}): never {
    const named = message.includes(key) ? message : `${message} (${key})`;
    throw new CheckpointError(code, `${this.path}: ${named}`, { path: this.path, key, ...details });
  }

  #missing(key: string): never {
    return this.fail('missing-metadata', key, `the key ${key} is missing`);
  }

  #wrongType(key: string, expected: string, value: GgufValue): never {
    const found = typeof value === 'object' ? 'an array' : `${typeof value} ${String(value).slice(0, 40)}`;
    return this.fail('corrupt-checkpoint', key, `${key} should be ${expected} but is ${found}`, { expected, found });
  }
}
