import { quotedName } from '../store/db.ts';
import type { NamedTables, TableInfo } from '../store/table-query-thread.ts';
import { MOST_COLUMNS, short, toldRow } from '../tools/told-row.ts';
import type { AskedMessage } from './ask.ts';

const MOST_CELL = 40;
/** Of the tables of one document; a workbook of a hundred sheets is not told sheet by sheet. */
const MOST_CHARACTERS = 6000;

/**
 * What tables the model was told of on a path, in the order in which it was. What the user has left out is none of it unless
 * it is asked for: its names are taken.
 */
export function tablesTold(
  path: readonly Pick<AskedMessage, 'role' | 'sources' | 'leftOut'>[],
  { withLeftOut = false } = {},
): NamedTables[] {
  const told = path.flatMap(({ role, sources, leftOut }) =>
    role === 'user' && (withLeftOut || !leftOut) ? (sources?.tables ?? []) : [],
  );
  return [...new Map(told.map(({ documentId, names }) => [documentId, { documentId, names }])).values()];
}

/** What the model is told of the tables of a document: their names as in SQL, columns with types, some rows. */
export function describeTables(document: string, tables: readonly TableInfo[]): string {
  const lines: string[] = [];
  let characters = 0;
  for (const [index, table] of tables.entries()) {
    const described = describeTable(document, table);
    characters += described.length;
    if (characters > MOST_CHARACTERS && index > 0) {
      lines.push(`and ${tables.length - index} more, see: SELECT name, sql FROM sqlite_schema`);
      break;
    }
    lines.push(described);
  }
  return lines.join('\n').replace(/<(\/?tables)/gi, '< $1');
}

/** All that a question is told of tables; nothing where it is told of none. */
export const tablesBlock = (texts: readonly string[]): string =>
  texts.length === 0 ? '' : ['<tables>', ...texts, '</tables>'].join('\n');

function describeTable(document: string, { name, columns, rows, sample }: TableInfo): string {
  const shown = columns.slice(0, MOST_COLUMNS);
  const listed = shown.map((column) => `${quotedName(column.name)} ${column.type}`);
  if (columns.length > shown.length) listed.push(`and ${columns.length - shown.length} more columns`);
  const heading = `${quotedName(name)} (${short(document, MOST_CELL)}, ${rows} rows): ${listed.join(', ')}`;
  const rowOf = (row: TableInfo['sample'][number]) => shown.map((_, column) => row[column] ?? null);
  return [heading, ...sample.map((row) => toldRow(rowOf(row), MOST_CELL))].join('\n');
}
