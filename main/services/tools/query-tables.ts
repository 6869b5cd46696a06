import { z } from 'zod';
import type { TableCell, TableResult } from '../../contract/tools.ts';
import { MOST_COLUMNS, toldRow } from './told-row.ts';
import { defineTool } from './tool.ts';

const MOST_ROWS = 50;
const MOST_CHARACTERS = 6000;
const MOST_CELL = 200;
/** Of a result, in a message that every window is sent. */
const MOST_KEPT_CHARACTERS = 64 * 1024;

/** Computes over the tables of documents. It only reads, from copies, so nobody is asked. */
export const queryTables = defineTool({
  name: 'query_tables',
  description:
    'Run one read-only SQLite SELECT over the tables of the documents and get its rows. ' +
    'Put names of tables and columns in double quotes.',
  input: z.object({ sql: z.string() }),
  isOffered: ({ tableDocuments }) => tableDocuments.length > 0,
  async run({ sql }, { tableDocuments, tables }, signal) {
    const { result, documentIds } = await tables.run({ documents: tableDocuments, sql }, signal);
    return { response: told(result), table: kept(result), documentIds };
  },
});

/** A result as the model is told it: a line a row, and what of it is missing. */
function told({ columns, rows, truncated }: TableResult): string {
  const more = columns.length > MOST_COLUMNS ? [`and ${columns.length - MOST_COLUMNS} more columns`] : [];
  const lines = [[fittingRow(columns), ...more].join(' | ')];
  let characters = lines[0]!.length;
  for (const row of rows.slice(0, MOST_ROWS)) {
    const line = fittingRow(row);
    if ((characters += line.length) > MOST_CHARACTERS && lines.length > 1) break;
    lines.push(line);
  }
  const shown = lines.length - 1;
  if (rows.length === 0) lines.push('(no rows)');
  else if (shown < rows.length)
    lines.push(`(the first ${shown} of ${truncated ? 'more than ' : ''}${rows.length} rows)`);
  return lines.join('\n');
}

/** Of many columns, each is told less: one row always has room. */
function fittingRow(cells: readonly TableCell[]): string {
  const shown = cells.slice(0, MOST_COLUMNS);
  return toldRow(shown, Math.min(MOST_CELL, Math.floor(MOST_CHARACTERS / 2 / shown.length)));
}

function kept({ columns, rows, truncated }: TableResult): TableResult {
  let characters = 0;
  const end = rows.findIndex((row) => (characters += lengthOf(row)) > MOST_KEPT_CHARACTERS);
  if (end === -1) return { columns, rows, truncated };
  if (end > 0) return { columns, rows: rows.slice(0, end), truncated: true };
  return { columns, rows: [fitting(rows[0]!)], truncated: truncated || rows.length > 1, isCut: true };
}

/** A row of which the longest texts are cut until it can be kept. */
function fitting(row: readonly TableCell[]): TableCell[] {
  for (let most = MOST_KEPT_CHARACTERS; ; most = Math.floor(most / 2)) {
    const cut = row.map((cell) => (typeof cell === 'string' && cell.length > most ? `${cell.slice(0, most)}…` : cell));
    if (most === 0 || lengthOf(cut) <= MOST_KEPT_CHARACTERS) return cut;
  }
}

const lengthOf = (row: readonly TableCell[]) => JSON.stringify(row).length;
