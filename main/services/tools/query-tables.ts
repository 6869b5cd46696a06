import { z } from 'zod';
import type { TableResult } from '../../contract/tools.ts';
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
    const result = await tables.run({ documentIds: tableDocuments, sql }, signal);
    return { response: told(result), table: kept(result) };
  },
});

/** A result as the model is told it: a line a row, and what of it is missing. */
function told({ columns, rows, truncated }: TableResult): string {
  const more = columns.length > MOST_COLUMNS ? [`and ${columns.length - MOST_COLUMNS} more columns`] : [];
  const lines = [[toldRow(columns.slice(0, MOST_COLUMNS), MOST_CELL), ...more].join(' | ')];
  let characters = lines[0]!.length;
  for (const row of rows.slice(0, MOST_ROWS)) {
    const line = toldRow(row.slice(0, MOST_COLUMNS), MOST_CELL);
    if ((characters += line.length) > MOST_CHARACTERS) break;
    lines.push(line);
  }
  const shown = lines.length - 1;
  if (rows.length === 0) lines.push('(no rows)');
  else if (shown < rows.length)
    lines.push(`(the first ${shown} of ${truncated ? 'more than ' : ''}${rows.length} rows)`);
  return lines.join('\n');
}

function kept({ columns, rows, truncated }: TableResult): TableResult {
  let characters = 0;
  const end = rows.findIndex((row) => (characters += JSON.stringify(row).length) > MOST_KEPT_CHARACTERS);
  return end === -1 ? { columns, rows, truncated } : { columns, rows: rows.slice(0, end), truncated: true };
}
