import type { PlainFormat } from './block-format.ts';

export const f32: PlainFormat<'F32'> = {
  kind: 'plain',
  type: 'F32',
  ggmlId: 0,
  blockSize: 1,
  bytesPerBlock: 4,
  read(bytes, out) {
    // Copied as bytes because a row may start anywhere, and float views must start at multiples of four.
    new Uint8Array(out.buffer, out.byteOffset, out.byteLength).set(bytes);
  },
};
