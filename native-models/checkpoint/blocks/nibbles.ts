/**
 * Splits 16 bytes from `at` into 32 codes from `to`: low nibbles are elements 0-15, high nibbles 16-31. `levels` holds the
 * code of each of the sixteen nibbles.
 */
export function splitNibbles(
  bytes: Uint8Array,
  at: number,
  levels: Int8Array,
  { codes, to }: { codes: Int8Array; to: number },
): void {
  for (let i = 0; i < 16; i++) {
    const pair = bytes[at + i]!;
    codes[to + i] = levels[pair & 15]!;
    codes[to + 16 + i] = levels[pair >> 4]!;
  }
}
