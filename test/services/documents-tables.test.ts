import { describe, expect, it } from 'vitest';
import { failureOf, startAssistant, until } from './assistant-support.ts';

type Client = ReturnType<typeof startAssistant>['client'];

async function addTable(client: Client, name: string, text: string): Promise<string> {
  const { id } = await client.documents.addText({ name, text });
  await until(async () => (await client.documents.list()).find((one) => one.id === id)?.state === 'ready');
  return id;
}

const RIVERS = 'name,km,country\nDanube,2850,Austria\nRhine,1233.5,Germany\nInn,518,Austria\n';

describe('a query over tables', () => {
  it('computes with the types that the columns have', async () => {
    const { client } = startAssistant();
    const id = await addTable(client, 'rivers.csv', RIVERS);
    const ask = (sql: string) => client.documents.query({ documentIds: [id], sql });
    const { rows: schema } = await ask('SELECT name FROM sqlite_schema');
    const table = String(schema[0]![0]);
    expect(await ask(`SELECT country, SUM(km) AS total FROM "${table}" GROUP BY country ORDER BY total DESC`)).toEqual({
      columns: ['country', 'total'],
      rows: [
        ['Austria', 3368],
        ['Germany', 1233.5],
      ],
      truncated: false,
    });
    expect((await ask(`SELECT typeof(km) FROM "${table}" LIMIT 1`)).rows).toEqual([['real']]);
  });

  it('joins the tables of several documents', async () => {
    const { client } = startAssistant();
    const documentIds = [
      await addTable(client, 'rivers.csv', RIVERS),
      await addTable(client, 'capitals.csv', 'country,capital\nAustria,Vienna\nGermany,Berlin\n'),
    ];
    const { rows } = await client.documents.query({
      documentIds,
      sql: 'SELECT name FROM sqlite_schema ORDER BY rowid',
    });
    const [rivers, capitals] = rows.map(([name]) => `"${String(name)}"`);
    const sql = `SELECT capital FROM ${rivers} JOIN ${capitals} USING (country) WHERE ${rivers}.km > 2000`;
    expect((await client.documents.query({ documentIds, sql })).rows).toEqual([['Vienna']]);
  });

  it('knows a column by the name that is told of it, in quotes, and a text by its own', async () => {
    const { client } = startAssistant();
    const id = await addTable(client, 'sales.csv', 'city,"Net\n  sales"\n"St ""Pölten""",3\nGraz,4\n');
    const query = async (sql: string) => (await client.documents.query({ documentIds: [id], sql })).rows;
    expect(await query(`SELECT "Net sales" FROM "sales" WHERE city = 'St "Pölten"'`)).toEqual([[3]]);
    expect(await query('SELECT max("Net sales") AS "the ""most""" FROM "sales" -- "of all')).toEqual([[4]]);
  });

  it.each([
    ['DELETE FROM sqlite_schema', 'Only one SELECT', 'query-not-select'],
    ["ATTACH DATABASE '/etc/passwd' AS x", 'Only one SELECT', 'query-not-select'],
    ['SELECT 1; SELECT 2', 'Only one SELECT', 'query-not-select'],
    ['SELECT 1; DELETE FROM "rivers"', 'Only one SELECT', 'query-not-select'],
    ['WITH x AS (SELECT 1) DELETE FROM "rivers"', 'readonly'],
    ['SELECT nonsense', 'no such column'],
    ['SELECT sum("kmm") FROM "rivers"', 'no such column'],
  ])('refuses %s', async (sql, reason, code = 'invalid-input') => {
    const { client } = startAssistant();
    const id = await addTable(client, 'rivers.csv', RIVERS);
    const failure = await failureOf(client.documents.query({ documentIds: [id], sql }));
    expect(failure.code).toBe(code);
    expect(failure.message).toContain(reason);
  });

  it('ends one that would run for ever, and answers the next', { timeout: 20_000 }, async () => {
    const { client } = startAssistant();
    const id = await addTable(client, 'rivers.csv', RIVERS);
    const endless = 'WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n';
    const failure = await failureOf(client.documents.query({ documentIds: [id], sql: endless }));
    expect([failure.code, failure.details]).toEqual(['query-too-long', { seconds: 5 }]);
    expect((await client.documents.query({ documentIds: [id], sql: 'SELECT 1 AS one' })).rows).toEqual([[1]]);
  });

  it('is not disturbed by one that is stopped, or runs for too long, beside it', { timeout: 30_000 }, async () => {
    const { client } = startAssistant();
    const documentIds = [await addTable(client, 'rivers.csv', RIVERS)];
    const query = (sql: string, signal?: AbortSignal) =>
      client.documents.query({ documentIds, sql }, signal ? { signal } : {});
    const count = (to: number) =>
      `WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT ${to}) SELECT count(*) AS n FROM n`;
    const [running, waiting] = [new AbortController(), new AbortController()];
    const first = expect(query(count(10 ** 9), running.signal)).rejects.toThrow('aborted');
    const second = expect(query('SELECT 2 AS n', waiting.signal)).rejects.toThrow('aborted');
    const third = query('SELECT 3 AS n');
    const late = failureOf(query(count(10 ** 9)));
    const last = query('SELECT 5 AS n');
    waiting.abort(); // takes nothing from the first, which still runs
    await second;
    setTimeout(() => running.abort(), 300);
    await first;
    expect((await third).rows).toEqual([[3]]);
    expect((await late).message).toContain('stopped after 5 seconds');
    expect((await last).rows).toEqual([[5]]); // its time began when its turn did
  });

  it('takes no more memory than it may', { timeout: 20_000 }, async () => {
    const { client } = startAssistant();
    const id = await addTable(client, 'rivers.csv', RIVERS);
    const sql = 'SELECT length(zeroblob(900000000) || zeroblob(900000000))';
    expect((await failureOf(client.documents.query({ documentIds: [id], sql }))).code).toBe('invalid-input');
  });

  it('shows a thousand rows, and says that there are more', async () => {
    const { client } = startAssistant();
    const id = await addTable(client, 'rivers.csv', RIVERS);
    const sql = 'WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 2000) SELECT x FROM n';
    const { rows, truncated } = await client.documents.query({ documentIds: [id], sql });
    expect([rows.length, truncated]).toEqual([1000, true]);
  });

  it('keeps every cell of a table whose later rows are wider', async () => {
    const { client } = startAssistant();
    const lines = Array.from({ length: 1500 }, (_, row) => (row === 1400 ? '1,2,"far out"' : '1,2'));
    const id = await addTable(client, 'wide.csv', ['a,b', ...lines].join('\n'));
    const ask = (sql: string) => client.documents.query({ documentIds: [id], sql });
    const table = String((await ask('SELECT name FROM sqlite_schema')).rows[0]![0]);
    const { columns, rows } = await ask(`SELECT * FROM "${table}" WHERE rowid = 1401`);
    expect([columns.slice(0, 2), rows]).toEqual([['a', 'b'], [[1, 2, 'far out']]]);
  });

  it('shows no table of a document that was removed', async () => {
    const { client } = startAssistant();
    const id = await addTable(client, 'rivers.csv', RIVERS);
    const ask = () => client.documents.query({ documentIds: [id], sql: 'SELECT name FROM sqlite_schema' });
    expect((await ask()).rows).toHaveLength(1);
    await client.documents.remove({ id });
    expect((await ask()).rows).toEqual([]);
  });
});
