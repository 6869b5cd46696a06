import { cellText } from '../../contract/cell-text.ts';
import type { TableCell } from '../../contract/tools.ts';

/** Columns of a table that a model is told of. */
export const MOST_COLUMNS = 60;

/** A row as a model is told it, its cells cut at so many characters. */
export const toldRow = (cells: readonly TableCell[], mostCharacters: number): string =>
  cells.map((cell) => (cell === null ? 'NULL' : short(cellText(cell), mostCharacters))).join(' | ');

/** On one line, and cut. */
export function short(text: string, mostCharacters: number): string {
  const line = text.replace(/\s+/gu, ' ');
  return line.length > mostCharacters ? `${line.slice(0, mostCharacters)}…` : line;
}
