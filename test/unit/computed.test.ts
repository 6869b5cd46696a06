import { describe, expect, it } from 'vitest';
import type { Citation } from '../../main/contract/citations.ts';
import type { TableCell, ToolCall } from '../../main/contract/tools.ts';
import { cite, type Passage } from '../../main/services/ask/cite.ts';
import { withComputed } from '../../main/services/ask/computed.ts';

const TABLE = 'name km country Danube 2850 Austria Rhine 1233.5 Germany Inn 518 Austria';
const passages: Passage[] = [
  {
    mark: 1,
    text: TABLE,
    part: { kind: 'text', label: '' },
    span: { documentId: 'd', part: 0, start: 0, end: TABLE.length },
  },
];

function query(columns: string[], rows: TableCell[][], sql = 'SELECT country, SUM(km) FROM rivers'): ToolCall {
  const input = { sql };
  return {
    ...{ name: 'query_tables', input, written: JSON.stringify({ name: 'query_tables', arguments: input }) },
    ...{ at: 0, tokens: 1, response: 'told', error: null, documentIds: ['d'] },
    table: { columns, rows, truncated: false },
  };
}
const totals = query(
  ['country', 'total'],
  [
    ['Austria', 3368],
    ['Germany', 1233.5],
  ],
);
const told = async (answer: string, ...calls: ToolCall[]): Promise<Citation[]> =>
  withComputed(await cite(answer, passages), answer, calls);

describe('a statement whose numbers came out of a query', () => {
  it.each([
    'The rivers of Austria are 3,368 km long [1].',
    '奥地利的河流总长3368公里。',
    '- **Austria**: 3368.0 km in all',
  ])('rests on its row: %s', async (answer) => {
    expect(await told(answer, totals)).toMatchObject([
      { state: 'computed', span: null, quote: 'country: Austria, total: 3368', doubts: [] },
    ]);
  });

  it('may round them', async () => {
    expect(await told('The average length comes to 1533.8 km.', query(['avg'], [[1533.8333]]))).toMatchObject([
      { state: 'computed' },
    ]);
    const [wrong] = await told('The average length comes to 1533.9 km.', query(['avg'], [[1533.8333]]));
    expect(wrong!.state).not.toBe('computed');
  });

  it('may repeat those that were asked for', async () => {
    const since = query(['n'], [[7]], 'SELECT COUNT(*) FROM rivers WHERE measured >= 1984');
    expect(await told('Since 1984, 7 rivers were measured.', since)).toMatchObject([{ state: 'computed' }]);
    const [other] = await told('Since 1985, 7 rivers were measured.', since);
    expect(other!.state).not.toBe('computed');
  });

  it('has the sign of its row, in digits or in words', async () => {
    const change = query(['year', 'change'], [['2023', -5]], 'SELECT year, change FROM accounts');
    const stateOf = async (answer: string, call: ToolCall) => (await told(answer, call))[0]?.state;
    for (const says of [
      'The change came to -5 tons.',
      'The harvest fell by 5 tons.',
      '产量变化为-5吨。',
      '产量减少了5吨。',
    ])
      expect([says, await stateOf(says, change)]).toEqual([says, 'computed']);
    for (const says of ['The harvest grew by 5 tons.', '产量增加了5吨。'])
      expect([says, await stateOf(says, change)]).not.toEqual([says, 'computed']);
    const growth = query(['change'], [[5]]);
    expect(await stateOf('The change came to −5 tons.', growth)).not.toBe('computed');
    expect(await stateOf('Between 3-5 tons were sold in all.', query(['a', 'b'], [[3, 5]]))).toBe('computed');
  });

  it('is looked up among very many rows while others have their turn, and stops when it shall', async () => {
    const rows = Array.from({ length: 1000 }, (_, row): TableCell[] => [`town ${row}`, row % 7, row * 1.25]);
    const calls = Array.from({ length: 25 }, () => query(['town', 'n', 'x'], rows));
    const answer = Array.from({ length: 60 }, (_, n) => `In town ${n} there were ${n % 7} mills in all.`).join(' ');
    const citations = await cite(answer, passages);
    let longestMs = 0;
    let last = performance.now();
    const watch = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - last);
      last = performance.now();
    }, 1);
    const computed = await withComputed(citations, answer, calls);
    clearInterval(watch);
    expect(computed.every(({ state }) => state === 'computed')).toBe(true);
    expect(computed[50]!.quote).toBe('town: town 50, n: 1, x: 62.5');
    expect(longestMs).toBeLessThan(200);
    await expect(withComputed(citations, answer, calls, AbortSignal.abort(new Error('enough')))).rejects.toThrow(
      'enough',
    );
  });

  it('is in doubt where it names another row', async () => {
    expect(
      await told(
        'The rivers of Germany are 3368 km long.',
        query(
          ['country', 'total'],
          [
            ['Austria', 3368],
            ['Germany', 1],
          ],
        ),
      ),
    ).toMatchObject([{ state: 'computed', doubts: [{ kind: 'name', text: 'Germany' }] }]);
  });

  it('that a document has too is no longer doubted for them', async () => {
    const before = await told('The Danube has 2850 km and Austria 3368 km in country 77.');
    const after = await told('The Danube has 2850 km and Austria 3368 km in country 77.', totals);
    expect(before[0]!.doubts.map(({ text }) => text)).toEqual(['3368', '77']);
    expect(after[0]!.doubts.map(({ text }) => text)).toEqual(['77']);
  });
});

it('leaves statements without numbers, and answers without results, as they are', async () => {
  const answer = 'Austria has the longest rivers by far. Together they measure 3368 km.';
  const failed = { ...totals, table: null };
  expect(await told(answer, failed)).toEqual(await told(answer));
  expect((await told(answer, totals)).map(({ state }) => state)).toEqual(['missing', 'computed']);
});
