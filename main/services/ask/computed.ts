import type { Citation, Doubt } from '../../contract/citations.ts';
import { cellText } from '../../contract/cell-text.ts';
import type { TableCell, ToolCall } from '../../contract/tools.ts';
import { doubtsOf, numeralsOf, withoutMarks } from './claims.ts';

type Row = { columns: readonly string[]; cells: readonly TableCell[]; text: string };

/**
 * Citations of an answer that was made with queries: a statement whose numbers came out of one rests on that, not on the
 * words of a document, unless those bear it out. Numbers of the query itself (a year that was asked for) need not come out of it again.
 */
export function withComputed(citations: Citation[], answer: string, calls: readonly ToolCall[]): Citation[] {
  const rows = calls.flatMap(({ table }) =>
    (table?.rows ?? []).map((cells): Row => ({ columns: table!.columns, cells, text: cells.map(cellText).join(' ') })),
  );
  if (rows.length === 0) return citations;
  const asked = new Set(calls.flatMap(({ written }) => numeralsOf(written)));
  return citations.map((citation) => {
    const isBorneOut = citation.state !== 'missing' && !citation.doubts.some(({ kind }) => kind === 'number');
    if (isBorneOut) return citation;
    const claim = withoutMarks(answer.slice(citation.start, citation.end));
    const found = new Map(numeralsOf(claim).map((numeral) => [numeral, rowOf(numeral, claim, rows)]));
    const held = [...new Set(found.values())].filter((row) => row !== null);
    if (held.length === 0) return citation;
    const isWhole = [...found].every(([numeral, row]) => row !== null || asked.has(numeral));
    if (!isWhole) {
      const isOpen = ({ kind, text }: Doubt) => kind !== 'number' || !found.get(text);
      return { ...citation, doubts: citation.doubts.filter(isOpen) };
    }
    return {
      ...citation,
      state: 'computed',
      span: null,
      part: null,
      quote: quoteOf(held),
      doubts: namesElsewhere(claim, held, rows),
    };
  });
}

/** The row that holds a number, and most of the other words of the claim. */
function rowOf(numeral: string, claim: string, rows: readonly Row[]): Row | null {
  const named = ({ cells }: Row) =>
    cells.filter((cell) => typeof cell === 'string' && cell !== '' && claim.includes(cell)).length;
  let best: { row: Row; names: number } | null = null;
  for (const row of rows) {
    if (!row.cells.some((cell) => isNumeral(cell, numeral))) continue;
    const names = named(row);
    if (best === null || names > best.names) best = { row, names };
  }
  return best?.row ?? null;
}

/** A value, or what it is when it is rounded as far as the claim gives it. */
function isNumeral(cell: TableCell, numeral: string): boolean {
  if (typeof cell === 'string') return numeralsOf(cell).includes(numeral);
  if (typeof cell !== 'number') return false;
  const digits = numeral.split('.')[1]?.length ?? 0;
  return numeralsOf(Math.abs(cell).toFixed(Math.min(digits, 20)))[0] === numeral;
}

/** Names that the results know, but in rows that do not hold the numbers of the claim. */
function namesElsewhere(claim: string, held: readonly Row[], rows: readonly Row[]): Doubt[] {
  const known = rows.map(({ text }) => text).join('\n');
  const doubts = doubtsOf(claim, held.map(({ text, columns }) => `${text} ${columns.join(' ')}`).join(' '));
  return doubts.filter(({ kind, text }) => kind === 'name' && known.includes(text));
}

/** "country: Austria, total: 3368" */
const quoteOf = (rows: readonly Row[]): string =>
  rows
    .map(({ columns, cells }) => columns.map((name, at) => `${name}: ${cellText(cells[at] ?? null)}`).join(', '))
    .join('; ');
