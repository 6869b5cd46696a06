import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { allocateCodes, dequantize, type Codes } from '../checkpoint/blocks/index.ts';
import { exactCodes, exactFormat, nearestCodes } from './codes.ts';
import { codeBits, type PackedFormat, type QuantBlock } from './packed.ts';

/** Rows are read and packed in slices of about this many source bytes, so memory stays small whatever the matrix. */
const SLICE_BYTES = 4 << 20;

/** Relative error of what was packed against the checkpoint's values: sums over all of them. */
export type PackError = { squaredError: number; squaredValue: number };

/** Where the parts of one packed matrix go; offsets are bytes in the weights file. */
export type PackTarget = {
  format: PackedFormat;
  rows: number;
  columns: number;
  codesAt: number;
  scalesAt: number;
  minimaAt: number;
  /** The low half of an `int4pair`. */
  lowCodesAt: number;
  lowScalesAt: number;
};
export type WriteAt = (bytes: Uint8Array, position: number) => void;

/**
 * Packs the matrices `names`, one below the other, as one matrix [N, K]. Streams: holds one slice at a time,
 * and the minima ([K/block, N], one float a block) whole.
 * @param options.onBytes called with the source bytes done since the last call
 */
export async function packMatrix(
  checkpoint: Checkpoint,
  names: readonly string[],
  target: PackTarget,
  write: WriteAt,
  options: { signal?: AbortSignal | undefined; onBytes?: ((bytes: number) => void) | undefined },
): Promise<PackError> {
  const { format, rows: totalRows, columns } = target;
  const blocksPerRow = format.kind === 'float32' ? 0 : columns / format.block;
  const minima = format.kind !== 'float32' && format.hasMin ? new Float32Array(totalRows * blocksPerRow) : null;
  const error: PackError = { squaredError: 0, squaredValue: 0 };
  let row = 0;
  for (const name of names) {
    const { type, rows, rowByteLength } = checkpoint.tensors.get(name)!;
    const sliceRows = Math.max(1, Math.min(rows, Math.floor(SLICE_BYTES / rowByteLength)));
    for (let first = 0; first < rows; first += sliceRows) {
      options.signal?.throwIfAborted();
      const count = Math.min(sliceRows, rows - first);
      const bytes = new Uint8Array(count * rowByteLength);
      await checkpoint.readRows(name, first, first + count, bytes);
      if (format.kind === 'float32') {
        const values = new Float32Array(count * columns);
        dequantize(type, bytes, values);
        write(asBytes(values), target.codesAt + row * columns * 4);
      } else {
        const block = allocateCodes(count * columns, format.block);
        const stored = exactFormat(type, format);
        if (stored !== null) {
          exactCodes(stored, bytes, format, block);
        } else {
          const values = new Float32Array(count * columns);
          dequantize(type, bytes, values);
          nearestCodes(values, { bits: format.kind === 'int4' ? 4 : 8, size: format.block }, block);
          addError(values, block, format.block, error);
        }
        const codesOffset = (row * columns * codeBits(format)) / 8;
        const scalesOffset = row * blocksPerRow * 4;
        if (format.kind === 'int4pair') {
          const low = splitHigh(block);
          write(packNibbles(low.codes), target.lowCodesAt + codesOffset);
          write(asBytes(low.scales), target.lowScalesAt + scalesOffset);
        }
        const codes = format.kind === 'int8' ? packBytes(block.codes) : packNibbles(block.codes);
        write(codes, target.codesAt + codesOffset);
        write(asBytes(block.scales), target.scalesAt + scalesOffset);
        if (minima) transposeInto(minima, block.minima, row, totalRows, blocksPerRow);
      }
      row += count;
      options.onBytes?.(bytes.length);
    }
  }
  if (minima) write(asBytes(minima), target.minimaAt);
  return error;
}

export function asBytes(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** Leaves the high halves of 8-bit codes in `block` and returns the low ones: value = 16 d high + d low + (min + 8 d). */
function splitHigh(block: Codes): { codes: Int8Array; scales: Float32Array } {
  const scales = block.scales.slice();
  const codes = block.codes.map((code) => (code & 15) - 8);
  for (let i = 0; i < block.codes.length; i++) block.codes[i]! >>= 4;
  for (let i = 0; i < scales.length; i++) {
    block.minima[i]! += 8 * scales[i]!;
    block.scales[i]! *= 16;
  }
  return { codes, scales };
}

function packNibbles(codes: Int8Array): Uint8Array {
  const out = new Uint8Array(codes.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = (codes[2 * i]! + 8) | ((codes[2 * i + 1]! + 8) << 4);
  return out;
}

function packBytes(codes: Int8Array): Uint8Array {
  const out = new Uint8Array(codes.length);
  for (let i = 0; i < out.length; i++) out[i] = codes[i]! + 128;
  return out;
}

function transposeInto(target: Float32Array, rows: Float32Array, firstRow: number, totalRows: number, width: number) {
  for (let r = 0; r * width < rows.length; r++) {
    for (let c = 0; c < width; c++) target[c * totalRows + firstRow + r] = rows[r * width + c]!;
  }
}

function addError(values: Float32Array, block: Codes, size: QuantBlock, error: PackError) {
  for (let b = 0, i = 0; i < values.length; b++) {
    const [scale, minimum] = [block.scales[b]!, block.minima[b]!];
    for (const end = i + size; i < end; i++) {
      const difference = values[i]! - (block.codes[i]! * scale + minimum);
      error.squaredError += difference * difference;
      error.squaredValue += values[i]! * values[i]!;
    }
  }
}
