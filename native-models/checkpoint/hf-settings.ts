import type { FamilyName, FamilySettings } from '../architectures/architecture.ts';
import { CheckpointError, type CheckpointErrorCode } from './errors.ts';
import { TypedSettings, type Range } from './typed-settings.ts';

const FAMILY_INTEGER = { min: 0, max: 1 << 24 };

/**
 * Typed, checked access to the settings of a JSON object; null is as if left out. Every message names file and key, and
 * the keys that were asked for are remembered: what nobody asks for may change the result.
 */
export class HfSettings extends TypedSettings {
  readonly path: string;
  readonly asked = new Set<string>();
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #prefix: string;

  constructor(path: string, values: Readonly<Record<string, unknown>>, prefix = '') {
    super();
    this.path = path;
    this.#values = values;
    this.#prefix = prefix;
  }

  get keys(): string[] {
    return Object.keys(this.#values);
  }

  /** undefined where the setting is left out or null. */
  get(key: string): unknown {
    this.asked.add(key);
    return Object.hasOwn(this.#values, key) ? (this.#values[key] ?? undefined) : undefined;
  }

  /** Several integers, or one that stands for a list of itself. */
  optionalIntegers(key: string, { min, max }: Range): number[] | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    const list: unknown[] = Array.isArray(value) ? value : [value];
    const isFine = (item: unknown) => Number.isInteger(item) && (item as number) >= min && (item as number) <= max;
    return list.every(isFine) ? (list as number[]) : this.wrongType(key, `integers from ${min} to ${max}`, value);
  }

  /** A nested object, with settings of its own. */
  optionalObject(key: string): HfSettings | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    if (typeof value !== 'object' || Array.isArray(value)) return this.wrongType(key, 'an object', value);
    return new HfSettings(this.path, value as Record<string, unknown>, `${this.#prefix}${key}.`);
  }

  /** `unsupported-setting` for a key that nobody has asked for and that `isHarmless` does not know. */
  refuseUnknown(isHarmless: (key: string, value: unknown) => boolean): void {
    for (const key of this.keys) {
      const value = this.#values[key];
      if (this.asked.has(key) || value === null || isHarmless(key, value)) continue;
      this.fail(
        'unsupported-setting',
        key,
        `is ${show(value)}; this setting is not supported and may change the result`,
        {
          found: show(value),
        },
      );
    }
  }

  /** @param message what is wrong, as a sentence whose subject is the key */
  fail(code: CheckpointErrorCode, key: string, message: string, details: Record<string, unknown> = {}): never {
    const whole = `${this.#prefix}${key}`.slice(0, 200);
    throw new CheckpointError(code, `${this.path}: ${whole} ${message}`, { path: this.path, key: whole, ...details });
  }

  protected missing(key: string): never {
    return this.fail('missing-metadata', key, 'is missing');
  }

  protected outOfRange(key: string, value: number, range: Range): never {
    const message = `is ${value}, expected ${range.min} to ${range.max}`;
    return this.fail('corrupt-checkpoint', key, message, { expected: range, found: value });
  }

  protected wrongType(key: string, expected: string, value: unknown): never {
    const found = show(value);
    return this.fail('corrupt-checkpoint', key, `should be ${expected} but is ${found}`, { expected, found });
  }
}

/** What a family asks of config.json. */
export class HfFamilySettings implements FamilySettings {
  readonly layers: number;
  readonly intermediateSize: number;
  readonly #settings: HfSettings;
  readonly #tensors: ReadonlyMap<string, unknown>;

  constructor(
    settings: HfSettings,
    tensors: ReadonlyMap<string, unknown>,
    model: { layers: number; intermediateSize: number },
  ) {
    this.#settings = settings;
    this.#tensors = tensors;
    this.layers = model.layers;
    this.intermediateSize = model.intermediateSize;
  }

  integer({ huggingFace }: FamilyName): number {
    return this.#settings.integer(huggingFace, FAMILY_INTEGER);
  }

  optionalInteger({ huggingFace }: FamilyName): number | undefined {
    return this.#settings.optionalInteger(huggingFace, FAMILY_INTEGER);
  }

  optionalIntegers({ huggingFace }: FamilyName): readonly number[] | undefined {
    return this.#settings.optionalIntegers(huggingFace, FAMILY_INTEGER);
  }

  optionalBoolean({ huggingFace }: FamilyName): boolean | undefined {
    return this.#settings.optionalBoolean(huggingFace);
  }

  hasTensor({ huggingFace }: { huggingFace: string }): boolean {
    return this.#tensors.has(huggingFace);
  }
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 80);
}
