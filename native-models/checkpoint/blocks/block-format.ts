/** How one tensor type stores numbers: blocks of `blockSize` values in `bytesPerBlock` bytes. */
export type BlockFormat<Type extends string = string> = {
  type: Type;
  /** The type's number in GGUF. */
  ggmlId: number;
  blockSize: number;
  bytesPerBlock: number;
  /**
   * Writes the values of whole blocks as float32, bit for bit as ggml's reference code does.
   * `bytes` holds n blocks, `out` has n * blockSize elements; both were checked by the caller.
   */
  dequantize(bytes: Uint8Array, out: Float32Array): void;
};
