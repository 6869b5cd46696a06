import type { Codes } from './block-format.ts';
import { halfAt } from './half.ts';

/**
 * Scales d * s and minima -e * t of the eight groups of a Q4_K or Q5_K block that starts at `at`: f16 d, f16 e, then six
 * bits each of s and t, spread over 12 bytes (ggml-quants, get_scale_min_k4).
 */
export function splitScales(bytes: Uint8Array, at: number, group: number, out: Pick<Codes, 'scales' | 'minima'>): void {
  const d = halfAt(bytes, at);
  const e = halfAt(bytes, at + 2);
  const packed = at + 4;
  for (let j = 0; j < 4; j++) {
    const [first, second, third] = [bytes[packed + j]!, bytes[packed + 4 + j]!, bytes[packed + 8 + j]!];
    out.scales[group + j] = d * (first & 63);
    out.minima[group + j] = -(e * (second & 63));
    out.scales[group + 4 + j] = d * ((third & 15) | ((first >> 6) << 4));
    out.minima[group + 4 + j] = -(e * ((third >> 4) | ((second >> 6) << 4)));
  }
}

/** Element n of 256 nibbles: 32 low ones, then the 32 high ones of the same bytes. */
export function nibble(bytes: Uint8Array, at: number, n: number): number {
  return (bytes[at + 32 * (n >> 6) + (n & 31)]! >> (4 * ((n >> 5) & 1))) & 15;
}
