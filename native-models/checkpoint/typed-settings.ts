import type { CheckpointErrorCode } from './errors.ts';

export type Range = { min: number; max: number };

/** Typed, checked access to settings by key, whatever holds them. A left out one is undefined, and refused where it is needed. */
export abstract class TypedSettings {
  /** undefined where the setting is left out. */
  abstract get(key: string): unknown;
  abstract fail(code: CheckpointErrorCode, key: string, message: string, details?: Record<string, unknown>): never;
  /** @throws CheckpointError `missing-metadata` */
  protected abstract missing(key: string): never;
  /** @throws CheckpointError `corrupt-checkpoint` for a number outside its range */
  protected abstract outOfRange(key: string, value: number, range: Range): never;
  /** @throws CheckpointError `corrupt-checkpoint` */
  protected abstract wrongType(key: string, expected: string, value: unknown): never;

  string(key: string): string {
    return this.optionalString(key) ?? this.missing(key);
  }

  optionalString(key: string): string | undefined {
    const value = this.get(key);
    return value === undefined || typeof value === 'string' ? value : this.wrongType(key, 'a string', value);
  }

  integer(key: string, range: Range): number {
    return this.optionalInteger(key, range) ?? this.missing(key);
  }

  optionalInteger(key: string, range: Range): number | undefined {
    const value = this.optionalNumber(key, range);
    return value === undefined || Number.isInteger(value) ? value : this.wrongType(key, 'an integer', value);
  }

  number(key: string, range: Range): number {
    return this.optionalNumber(key, range) ?? this.missing(key);
  }

  optionalNumber(key: string, range: Range): number | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    if (typeof value !== 'number') return this.wrongType(key, 'a number', value);
    if (value >= range.min && value <= range.max) return value; // false for NaN
    return this.outOfRange(key, value, range);
  }

  optionalBoolean(key: string): boolean | undefined {
    const value = this.get(key);
    return value === undefined || typeof value === 'boolean' ? value : this.wrongType(key, 'true or false', value);
  }
}
