import { createRequire } from 'node:module';
import initSqlJs, { type Database as WasmDatabase, type SqlValue } from 'sql.js';
import { LonghandError } from '../../contract/errors.ts';
import { defineThread } from '../../contract/thread.ts';
import type { TableCell, TableResult } from '../../contract/tools.ts';
import { oneLine } from '../../contract/one-line.ts';
import { openReadable, quotedName, type ReadableDb } from './db.ts';

/** A document whose tables can be queried, by these names in their order; without, by what is found for them. */
export type NamedTables = { documentId: string; names?: readonly string[] | undefined };
export type TableQuery = { documents: readonly NamedTables[]; sql: string };
/** `documentIds`: whose tables were read. */
export type TableOutcome = { result: TableResult; documentIds: string[] };
/** Without `sql`, the tables are made ready and described. */
type Asked = Omit<TableQuery, 'sql'> & { sql: string | null };
type Told = { tables: TableInfo[] } | TableOutcome;

/** A table as it can be queried: names are those of SQL, with a number where two would be the same. */
export type TableInfo = {
  documentId: string;
  name: string;
  columns: { name: string; type: ColumnType }[];
  rows: number;
  /** The first rows. */
  sample: TableCell[][];
};
type ColumnType = 'INTEGER' | 'REAL' | 'TEXT';

/** `owners`: of each table, by the page that SQLite knows it by. */
type Tables = { key: string; db: WasmDatabase; described: TableInfo[]; owners: ReadonlyMap<number, string> };
type StoredTable = {
  document_id: string;
  content_id: number;
  number: number;
  name: string;
  columns: string;
  pieces: number;
};

const MOST_ROWS = 1000;
const SAMPLE_ROWS = 3;
const MOST_MS = 5000;
/** Of the tables and what a query makes of them. */
const MOST_BYTES = 512 << 20;
const READS = /^\s*(?:--[^\n]*\n\s*)*(SELECT|WITH|VALUES)\b/i;

/**
 * The SQL is a model's or comes out of a file, so it runs where it can reach nothing and be ended at any point: in SQLite as
 * WebAssembly, on copies of the tables that were named. Native code in a thread can't be stopped.
 */
const thread = defineThread('query of tables', import.meta.url, (path: string, atEnd) => {
  const store = openReadable(path);
  atEnd(() => store.close());
  let tables: Tables | null = null;
  return async ({ documents, sql }: Asked): Promise<Told> => {
    if (sql !== null && !READS.test(sql)) throw notSelect();
    const stored = storedTables(store, documents);
    const key = JSON.stringify([documents, stored]); // a document that is still read gets more of them, and one that is removed none
    if (tables?.key !== key) {
      tables?.db.close();
      tables = null;
      tables = { key, ...(await load(store, withNames(stored, documents))) };
    }
    if (sql === null) return { tables: tables.described };
    const strict = withStrictNames(sql);
    return { result: run(tables.db, strict), documentIds: readBy(tables, strict) };
  };
});

export type TableQueries = ReturnType<typeof openTableQueries>;

/** Queries over the tables of documents in the store at `path`, one at a time: they share the memory for copies of tables. */
export function openTableQueries(path: string) {
  const { call, close } = thread.open(path);
  const closing = new AbortController();
  let last: Promise<unknown> = Promise.resolve();

  /** Once those before it are done; one that is stopped while it waits leaves them alone. */
  const inTurn = async <T>(stop: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const signal = stop === undefined ? closing.signal : AbortSignal.any([stop, closing.signal]);
    const before = last;
    const { promise: done, resolve: end } = Promise.withResolvers<void>();
    last = before.then(() => done);
    try {
      await unlessAborted(before, signal);
      return await work(signal);
    } finally {
      end();
    }
  };

  return {
    /**
     * Runs one SELECT over the tables of these documents, which `sqlite_schema` lists; 1000 rows at most. Of two tables with
     * one name that was not given, the second has a number behind it.
     * @throws LonghandError `query-not-select` | `query-too-long`: after five seconds | `invalid-input` with SQLite's reason; or
     * the reason of `signal`
     */
    run: (query: TableQuery, signal?: AbortSignal): Promise<TableOutcome> =>
      inTurn(signal, async (stop) => {
        let late: AbortSignal | null = null;
        try {
          await call({ ...query, sql: null }, { signal: stop });
          late = AbortSignal.timeout(MOST_MS); // of the query alone: large tables take longer to get ready
          const told = await call(query, { signal: AbortSignal.any([stop, late]) });
          return 'result' in told ? told : { result: { columns: [], rows: [], truncated: false }, documentIds: [] };
        } catch (error) {
          // WebAssembly can be ended within a call, unlike what gets the tables ready. The next query starts the thread again.
          if (late !== null && (late.aborted || stop.aborted)) await close({ now: true });
          stop.throwIfAborted();
          if (late?.aborted === true) throw tooLong();
          throw error;
        }
      }),

    /** The tables of these documents, as `run` knows them. @throws the reason of `signal` */
    describe: (documents: readonly NamedTables[], signal?: AbortSignal): Promise<TableInfo[]> =>
      inTurn(signal, async (stop) => {
        const told = await call({ documents, sql: null }, { signal: stop });
        return 'tables' in told ? told.tables : [];
      }),

    async close(): Promise<void> {
      closing.abort(new LonghandError('cancelled', 'Longhand was closed.'));
      await last;
      await close();
    },
  };
}

/** Waits for `promise`, which never fails. @throws the reason of `signal` */
async function unlessAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function storedTables(store: ReadableDb, documents: readonly NamedTables[]): StoredTable[] {
  const list = store.prepare<{ ids: string }, StoredTable>(/* sql */ `
    SELECT d.id AS document_id, t.content_id, t.number, t.name, t.columns, min(named.key) AS place,
           (SELECT count(*) FROM table_pieces WHERE content_id = t.content_id AND number = t.number) AS pieces
    FROM json_each(:ids) AS named
    JOIN documents AS d ON d.id = named.value
    JOIN document_tables AS t ON t.content_id = d.content_id
    GROUP BY t.content_id, t.number ORDER BY place, t.number`);
  return list.all({ ids: JSON.stringify(documents.map(({ documentId }) => documentId)) });
}

/** The same under the names that SQL has for them: those that were told stay, whatever comes before them. */
function withNames(stored: readonly StoredTable[], documents: readonly NamedTables[]): StoredTable[] {
  const given = new Map(documents.map(({ documentId, names }) => [documentId, [...(names ?? [])]]));
  const taken = new Set<string>();
  const kept = stored.map(({ document_id: id }) => {
    const name = given.get(id)?.shift();
    return name === undefined ? null : unused(name, taken);
  });
  return stored.map((table, at) => ({ ...table, name: kept[at] ?? unused(oneLine(table.name) || 'table', taken) }));
}

async function load(store: ReadableDb, stored: readonly StoredTable[]): Promise<Omit<Tables, 'key'>> {
  const wasm = createRequire(import.meta.url).resolve('sql.js/dist/sql-wasm.wasm');
  const { Database } = await initSqlJs({ locateFile: () => wasm });
  const db = new Database();
  try {
    return fill(store, db, stored);
  } catch (error) {
    db.close(); // all databases share one memory
    throw error;
  }
}

function fill(store: ReadableDb, db: WasmDatabase, stored: readonly StoredTable[]): Omit<Tables, 'key'> {
  db.run(`PRAGMA hard_heap_limit = ${MOST_BYTES}`);
  const cellsOf = store
    .prepare<{ content_id: number; number: number }, string>(
      'SELECT cells FROM table_pieces WHERE content_id = :content_id AND number = :number ORDER BY first_row',
    )
    .pluck();
  const rootPage = (name: string) =>
    Number(db.exec('SELECT rootpage FROM sqlite_schema WHERE name = ?', [name])[0]!.values[0]![0]);
  const owners = new Map<number, string>();
  const described: TableInfo[] = [];
  for (const { name, columns: headings, content_id, number, document_id: documentId } of stored) {
    const rows = cellsOf.all({ content_id, number }).flatMap((cells) => JSON.parse(cells) as TableCell[][]);
    const columns = insert(db, name, JSON.parse(headings) as string[], rows);
    owners.set(rootPage(name), documentId);
    described.push({ documentId, name, columns, rows: rows.length, sample: rows.slice(0, SAMPLE_ROWS) });
  }
  db.run('PRAGMA query_only = ON');
  return { db, described, owners };
}

function insert(
  db: WasmDatabase,
  table: string,
  columns: readonly string[],
  rows: readonly TableCell[][],
): TableInfo['columns'] {
  const width = rows.reduce((most, row) => Math.max(most, row.length), Math.max(1, columns.length));
  const taken = new Set<string>();
  const declared = Array.from({ length: width }, (_, column) => {
    return {
      name: unused(oneLine(columns[column] ?? '') || `column ${column + 1}`, taken),
      type: typeOf(rows, column),
    };
  });
  db.run(
    `CREATE TABLE ${quotedName(table)} (${declared.map(({ name, type }) => `${quotedName(name)} ${type}`).join(', ')})`,
  );
  const marks = Array.from({ length: width }, () => '?').join(', ');
  const statement = db.prepare(`INSERT INTO ${quotedName(table)} VALUES (${marks})`);
  db.run('BEGIN');
  for (const row of rows) statement.run(Array.from({ length: width }, (_, column) => toSql(row[column] ?? null)));
  db.run('COMMIT');
  statement.free();
  return declared;
}

/** By what all cells of a column are. */
function typeOf(rows: readonly TableCell[][], column: number): ColumnType {
  let type: ColumnType = 'INTEGER';
  for (const row of rows) {
    const cell = row[column] ?? null;
    if (typeof cell === 'string') return 'TEXT';
    if (typeof cell === 'number' && !Number.isInteger(cell)) type = 'REAL';
  }
  return type;
}

function run(db: WasmDatabase, sql: string): TableResult {
  try {
    const statements = db.iterateStatements(sql);
    let result: TableResult | null = null;
    for (const statement of statements) {
      if (result !== null) throw notSelect();
      const rows: TableCell[][] = [];
      while (rows.length <= MOST_ROWS && statement.step()) rows.push(statement.get().map(fromSql));
      result = {
        columns: statement.getColumnNames(),
        rows: rows.slice(0, MOST_ROWS),
        truncated: rows.length > MOST_ROWS,
      };
    }
    if (result === null) throw notSelect();
    return result;
  } catch (error) {
    if (error instanceof LonghandError) throw error;
    throw refused(error instanceof Error ? error.message : String(error));
  }
}

/** Whose tables a statement reads, by the program that SQLite makes of it; all, where it reads of what tables there are. */
function readBy({ db, described, owners }: Tables, sql: string): string[] {
  const [program] = db.exec(`EXPLAIN ${sql}`);
  const opened = (program?.values ?? []).filter(([, opcode]) => opcode === 'OpenRead' || opcode === 'VOpen');
  const read = opened.map(([, opcode, , page]) => (opcode === 'VOpen' ? undefined : owners.get(Number(page))));
  const all = described.map(({ documentId }) => documentId);
  return [...new Set(read.flatMap((owner) => owner ?? all))];
}

const toSql = (cell: TableCell): SqlValue => (typeof cell === 'boolean' ? Number(cell) : cell);
const fromSql = (value: SqlValue): TableCell => (value instanceof Uint8Array ? `${value.length} bytes` : value);

/**
 * The same with names in backticks instead of double quotes: SQLite takes a name in double quotes that it does not know for a
 * text, and a sum over a column that is misspelt for 0.
 */
function withStrictNames(sql: string): string {
  return sql.replace(/'(?:[^']|'')*'|--[^\n]*|\/\*[\s\S]*?\*\/|"((?:[^"]|"")*)"/gu, (whole, name?: string) =>
    name === undefined ? whole : `\`${name.replaceAll('""', '"').replaceAll('`', '``')}\``,
  );
}

/** `name`, or with a number behind it where SQLite would take it for one that is there. */
function unused(name: string, taken: Set<string>): string {
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? name : `${name} ${number}`;
    if (taken.has(candidate.toLowerCase())) continue;
    taken.add(candidate.toLowerCase());
    return candidate;
  }
}

function notSelect(): LonghandError {
  return new LonghandError('query-not-select', 'The query cannot be run: Only one SELECT can be run.');
}

function tooLong(): LonghandError {
  const seconds = MOST_MS / 1000;
  return new LonghandError('query-too-long', `The query cannot be run: It was stopped after ${seconds} seconds.`, {
    seconds,
  });
}

/** In SQLite's own words. */
function refused(reason: string): LonghandError {
  return new LonghandError('invalid-input', `The query cannot be run: ${reason}`, { reason });
}
