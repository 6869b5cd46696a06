import { CheckpointError, type CheckpointErrorCode } from './errors.ts';
import type { GgufValue } from './gguf-header.ts';
import { TypedSettings, type Range } from './typed-settings.ts';

/** Typed, checked access to the key-value pairs of a GGUF header. Every message names the key. */
export class GgufMetadata extends TypedSettings {
  readonly path: string;
  readonly #values: ReadonlyMap<string, GgufValue>;

  constructor(path: string, values: ReadonlyMap<string, GgufValue>) {
    super();
    this.path = path;
    this.#values = values;
  }

  get keys(): Iterable<string> {
    return this.#values.keys();
  }

  get(key: string): GgufValue | undefined {
    return this.#values.get(key);
  }

  strings(key: string): string[] {
    const value = this.#values.get(key);
    if (value === undefined) return this.missing(key);
    // An empty array is one of no particular type.
    if (Array.isArray(value) && (value.length === 0 || typeof value[0] === 'string')) return value as string[];
    return this.wrongType(key, 'an array of strings', value);
  }

  optionalIntegers(key: string): ArrayLike<number> | undefined {
    const value = this.#values.get(key);
    if (value === undefined || (ArrayBuffer.isView(value) && !(value instanceof Float32Array))) return value;
    return this.wrongType(key, 'an array of integers', value);
  }

  fail(code: CheckpointErrorCode, key: string, message: string, details: Record<string, unknown> = {}): never {
    const named = message.includes(key) ? message : `${message} (${key})`;
    throw new CheckpointError(code, `${this.path}: ${named}`, { path: this.path, key, ...details });
  }

  protected missing(key: string): never {
    return this.fail('missing-metadata', key, `the key ${key} is missing`);
  }

  protected outOfRange(key: string, value: number, range: Range): never {
    const message = `${key} is ${value}, expected ${range.min} to ${range.max}`;
    return this.fail('corrupt-checkpoint', key, message, { expected: range, found: value });
  }

  protected wrongType(key: string, expected: string, value: GgufValue): never {
    const found = typeof value === 'object' ? 'an array' : `${typeof value} ${String(value).slice(0, 40)}`;
    return this.fail('corrupt-checkpoint', key, `${key} should be ${expected} but is ${found}`, { expected, found });
  }
}
