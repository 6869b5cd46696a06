/** float32 value of each of the 65,536 half-precision bit patterns: a lookup is faster than arithmetic. */
export const halfToFloat: Float32Array = buildTable();

function buildTable(): Float32Array {
  const bits = new Uint32Array(65536);
  for (let half = 0; half < 65536; half++) {
    const sign = (half & 0x8000) << 16;
    const exponent = (half >> 10) & 31;
    const mantissa = half & 1023;
    if (exponent === 31) bits[half] = sign | 0x7f800000 | (mantissa << 13);
    else if (exponent > 0) bits[half] = sign | ((exponent + 112) << 23) | (mantissa << 13);
    else bits[half] = sign | subnormalBits(mantissa);
  }
  return new Float32Array(bits.buffer);
}

/** float32 bits of mantissa * 2^-24; every half subnormal is a normal float32. */
function subnormalBits(mantissa: number): number {
  if (mantissa === 0) return 0;
  const shift = Math.clz32(mantissa) - 21; // leading one to bit 10, where the implicit one stands
  return ((113 - shift) << 23) | (((mantissa << shift) & 1023) << 13);
}

/** The half-precision number at a byte offset. */
export function halfAt(bytes: Uint8Array, at: number): number {
  return halfToFloat[bytes[at]! | (bytes[at + 1]! << 8)]!;
}

/** The 32-bit integer at a byte offset, as a signed one: its bits are meant. */
export function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** Element n of 256 two-bit numbers of a K type: four runs of 32 from the same bytes, then those of the next 32 bytes. */
export function twoBits(bytes: Uint8Array, at: number, n: number): number {
  return (bytes[at + 32 * (n >> 7) + (n & 31)]! >> (2 * ((n >> 5) & 3))) & 3;
}
