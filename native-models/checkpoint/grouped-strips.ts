import { CheckpointError } from './errors.ts';
import type { Quantization } from './hf-quantization.ts';

/**
 * Some outputs of one quantised linear layer as its file packs them, columns [firstRow, firstRow + rows) of each part:
 * GPTQ packs neighbouring inputs into a 32-bit word, the first lowest; AWQ eight neighbouring outputs, interleaved.
 */
export type PackedStrip = {
  rows: number;
  inputs: number;
  /** GPTQ [inputs * bits / 32, rows], AWQ [inputs, rows / 8]. */
  codes: Uint32Array;
  /** [groups, rows * bits / 32], packed by output. */
  zeros: Uint32Array;
  /** Half-precision bits, [groups, rows]. */
  scales: Uint16Array;
};

/** Inputs of a block, and the input that each place of a row holds, where they are not in order. */
export type StripLayout = { block: 32 | 64 | 128; groupSize: number; columnOrder: Uint32Array | null };

/** Nibble of a word that holds output 8 j + k, in AWQ's order (AutoAWQ, `packing_utils.py`). */
const AWQ_NIBBLE = [0, 4, 1, 5, 2, 6, 3, 7] as const;
const SQUARES = [
  { apart: 4, mask: 0x0000ffff },
  { apart: 2, mask: 0x00ff00ff },
  { apart: 1, mask: 0x0f0f0f0f },
] as const;
/** Rows that are written side by side, so that what is read of one word's neighbours is used while it is near. */
const TILE_ROWS = 64;

/**
 * Rows of S4, U4, S8 or U8 blocks (blocks/grouped.ts): f16 scale, u8 zero point, u8 unused, then codes.
 * @throws CheckpointError `corrupt-checkpoint` where a zero point is not the middle although the checkpoint is symmetric
 */
export function repack(
  strip: PackedStrip,
  layout: StripLayout,
  quantization: Quantization,
  tensor: string,
): Uint8Array {
  const wordsPerBlock = (layout.block * quantization.bits) / 32;
  const blocks = strip.inputs / layout.block;
  const out = new Uint32Array(strip.rows * blocks * (1 + wordsPerBlock));
  writeHeads(out, strip, layout, quantization, tensor);
  const place: Place = (word) => Math.floor(word / wordsPerBlock) * (1 + wordsPerBlock) + 1 + (word % wordsPerBlock);
  const width = out.length / strip.rows;
  if (quantization.packing === 'awq') copyAwq(out, strip, width, place);
  else if (layout.columnOrder) copyOrdered(out, strip, width, place, layout.columnOrder);
  else copyInOrder(out, strip, width, place);
  return new Uint8Array(out.buffer);
}

/** Where a word of codes goes in its row of blocks. */
type Place = (word: number) => number;

function writeHeads(
  out: Uint32Array,
  { rows, inputs, zeros, scales }: PackedStrip,
  { block, groupSize }: StripLayout,
  { packing, bits, symmetric, zeroOffset }: Quantization,
  tensor: string,
): void {
  const perWord = 32 / bits;
  const mask = 2 ** bits - 1;
  // One is added to every zero point of a word at once: so it was taken away, borrow and all.
  const offset = zeroOffset === 0 ? 0 : bits === 4 ? 0x11111111 : 0x01010101;
  const blocks = inputs / block;
  const stride = 1 + (block * bits) / 32;
  for (let row = 0; row < rows; row++) {
    const within = row % perWord;
    const shift = bits * (packing === 'awq' ? AWQ_NIBBLE[within]! : within);
    for (let at = 0; at < blocks; at++) {
      const group = Math.floor((at * block) / groupSize);
      const word = (zeros[((group * rows + row) / perWord) | 0]! + offset) | 0;
      const zero = (word >>> shift) & mask;
      if (symmetric && zero !== 2 ** (bits - 1)) {
        throw new CheckpointError(
          'corrupt-checkpoint',
          `tensor ${tensor} has the zero point ${zero}, though the checkpoint is said to be symmetric`,
          { tensor, expected: 2 ** (bits - 1), found: zero },
        );
      }
      out[(row * blocks + at) * stride] = scales[group * rows + row]! | (zero << 16);
    }
  }
}

/** GPTQ with its inputs in order: a word holds the codes of a row as a block does, so words are only transposed. */
function copyInOrder(out: Uint32Array, { codes, rows }: PackedStrip, width: number, place: Place): void {
  const words = codes.length / rows;
  for (let tile = 0; tile < rows; tile += TILE_ROWS) {
    const end = Math.min(rows, tile + TILE_ROWS);
    for (let word = 0; word < words; word++) {
      const to = place(word);
      for (let row = tile; row < end; row++) out[row * width + to] = codes[word * rows + row]!;
    }
  }
}

/** GPTQ with inputs gathered by group: each code comes from a word of its own. */
function copyOrdered(
  out: Uint32Array,
  { codes, rows }: PackedStrip,
  width: number,
  place: Place,
  order: Uint32Array,
): void {
  const perWord = (order.length * rows) / codes.length;
  const bits = 32 / perWord;
  const mask = 2 ** bits - 1;
  for (let tile = 0; tile < rows; tile += TILE_ROWS) {
    const end = Math.min(rows, tile + TILE_ROWS);
    for (let column = 0; column < order.length; column++) {
      const input = order[column]!;
      const from = Math.floor(input / perWord) * rows;
      const down = (input % perWord) * bits;
      const up = (column % perWord) * bits;
      const to = place(Math.floor(column / perWord));
      for (let row = tile; row < end; row++) out[row * width + to]! |= ((codes[from + row]! >>> down) & mask) << up;
    }
  }
}

/** AWQ: the words of eight neighbouring inputs hold, turned around, the words of eight neighbouring outputs. */
function copyAwq(out: Uint32Array, { codes, rows, inputs }: PackedStrip, width: number, place: Place): void {
  const wordsPerInput = rows / 8;
  const square = new Uint32Array(8);
  for (let tile = 0; tile < rows; tile += TILE_ROWS) {
    const end = Math.min(rows, tile + TILE_ROWS);
    for (let first = 0; first < inputs; first += 8) {
      const to = place(first / 8);
      for (let row = tile; row < end; row += 8) {
        for (let i = 0; i < 8; i++) square[i] = codes[(first + i) * wordsPerInput + row / 8]!;
        transposeNibbles(square);
        for (let k = 0; k < 8; k++) out[(row + k) * width + to] = square[AWQ_NIBBLE[k]!]!;
      }
    }
  }
}

/** Nibble i of word j becomes nibble j of word i: squares of four, two and one nibbles change places across the diagonal. */
function transposeNibbles(words: Uint32Array): void {
  for (const { apart, mask } of SQUARES) {
    const shift = 4 * apart;
    for (let i = 0; i < 8; i++) {
      if (i & apart) continue;
      const swapped = ((words[i]! >>> shift) ^ words[i + apart]!) & mask;
      words[i]! ^= swapped << shift;
      words[i + apart]! ^= swapped;
    }
  }
}
