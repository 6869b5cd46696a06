/** A vector as it is stored: the signs of its components, padded to whole 32-bit words, and int8 of a scale of its own. */
export type VectorCode = { bits: Uint8Array; codes: Uint8Array };

const LARGEST_CODE = 127;

/** The scale is not kept: vectors are compared by their angle, which it does not change. */
export function encodeVector(vector: Float32Array): VectorCode {
  let largest = 0;
  for (const value of vector) largest = Math.max(largest, Math.abs(value));
  const scale = largest === 0 ? 0 : LARGEST_CODE / largest;
  const codes = Int8Array.from(vector, (value) => Math.round(value * scale));
  return { bits: new Uint8Array(signsOf(vector).buffer), codes: new Uint8Array(codes.buffer) };
}

/** One bit a component, set where it is positive. */
export function signsOf(vector: Float32Array): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(vector.length / 32));
  for (let index = 0; index < vector.length; index++) {
    if (vector[index]! > 0) words[index >>> 5]! |= 1 << (index & 31);
  }
  return words;
}

/** The cosine of the angle between a stored vector and `query`, of length 1. */
export function similarity(codes: Int8Array, query: Float32Array): number {
  let product = 0;
  let square = 0;
  for (let index = 0; index < codes.length; index++) {
    const code = codes[index]!;
    product += code * query[index]!;
    square += code * code;
  }
  return square === 0 ? 0 : product / Math.sqrt(square);
}
