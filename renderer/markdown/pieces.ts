import type { Block } from './growing.ts';

/** Blocks that come into view together. */
export type BlockPiece = { blocks: readonly Block[]; heightPx: number };

const PIECE_CHARACTERS = 3000; // about a page and a half, which takes some 10 ms to build
const LINE_CHARACTERS = 62;
const LINE_PX = 28;
const GAP_PX = 12;

/** Gathers blocks into pieces; appending changes only the last piece, as it changes only the last block. */
export function gather(blocks: readonly Block[]): BlockPiece[] {
  const pieces: BlockPiece[] = [];
  let from = 0;
  let characters = 0;
  let heightPx = 0;
  for (const [index, { source }] of blocks.entries()) {
    characters += source.length;
    heightPx += heightOf(source);
    if (characters < PIECE_CHARACTERS && index < blocks.length - 1) continue;
    pieces.push({ blocks: blocks.slice(from, index + 1), heightPx });
    from = index + 1;
    characters = heightPx = 0;
  }
  return pieces;
}

/** A guess at the height of some text, in CSS pixels; wide characters count twice. */
export function heightOf(text: string): number {
  let lines = 1;
  let column = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 10 || column >= LINE_CHARACTERS) {
      lines += 1;
      column = 0;
    }
    if (code !== 10) column += code >= 0x2e80 ? 2 : 1;
  }
  return lines * LINE_PX + GAP_PX;
}

const TEXT_PIECE = 4000;

/** Cuts plain text at line breaks into pieces; a line without one for too long is cut at a blank, or anywhere. */
export function piecesOfText(text: string): string[] {
  const pieces: string[] = [];
  for (let from = 0; from < text.length;) {
    const end = endOfPiece(text, from);
    pieces.push(text.slice(from, end).replace(/\n$/, ''));
    from = end;
  }
  return pieces;
}

function endOfPiece(text: string, from: number): number {
  if (text.length - from <= TEXT_PIECE) return text.length;
  const line = text.lastIndexOf('\n', from + TEXT_PIECE);
  if (line > from) return line + 1;
  const blank = text.lastIndexOf(' ', from + TEXT_PIECE);
  const end = blank > from ? blank + 1 : from + TEXT_PIECE;
  const code = text.charCodeAt(end);
  return code >= 0xdc00 && code <= 0xdfff ? end + 1 : end; // never between the halves of a character
}
