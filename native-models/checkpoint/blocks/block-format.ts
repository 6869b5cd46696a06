/**
 * Rows taken apart: runs of equally many values (a group) share a scale and a minimum; value = code * scale + minimum.
 * `codes` has one element a value, `scales` and `minima` one a group; `minima` is zero where the type has none.
 */
export type Codes = { codes: Int8Array; scales: Float32Array; minima: Float32Array };

/** What every way to store numbers has: blocks of `blockSize` values in `bytesPerBlock` bytes. */
type Blocks<Type extends string> = {
  type: Type;
  /** The type's number in GGUF; null for types that other files have. */
  ggmlId: number | null;
  blockSize: number;
  bytesPerBlock: number;
};

/** Numbers that are stored as such. */
export type PlainFormat<Type extends string = string> = Blocks<Type> & {
  kind: 'plain';
  /** Writes the values of whole blocks as float32. `bytes` holds n blocks, `out` has n * blockSize elements. */
  read(bytes: Uint8Array, out: Float32Array): void;
};

/** Numbers that are stored as codes. */
export type CodedFormat<Type extends string = string> = Blocks<Type> & {
  kind: 'coded';
  /** Values that share a scale. */
  group: 16 | 32 | 64 | 128;
  /** Smallest and largest code. */
  codes: readonly [low: number, high: number];
  hasMin: boolean;
  /**
   * Takes whole blocks apart. Computed in float32, code * scale + minimum is the value that ggml's reference code gives,
   * bit for bit. `bytes` holds n blocks; `out` has n * blockSize codes.
   */
  split(bytes: Uint8Array, out: Codes): void;
};

export type BlockFormat<Type extends string = string> = PlainFormat<Type> | CodedFormat<Type>;

/** Room for the codes of `values` values. */
export function allocateCodes(values: number, group: number): Codes {
  const groups = values / group;
  return { codes: new Int8Array(values), scales: new Float32Array(groups), minima: new Float32Array(groups) };
}
