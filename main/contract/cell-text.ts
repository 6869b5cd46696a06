import type { TableCell } from './tools.ts';

/** A value of a table as people and models read it: with as many digits as it surely has, so 0.3 for 0.1 + 0.2. */
export function cellText(cell: TableCell): string {
  if (cell === null) return '';
  return typeof cell === 'number' ? String(Number(cell.toPrecision(15))) : String(cell);
}
