import { setImmediate } from 'node:timers/promises';
import type { Citation, Doubt } from '../../contract/citations.ts';
import { cellText } from '../../contract/cell-text.ts';
import type { TableCell, ToolCall } from '../../contract/tools.ts';
import { doubtsOf, NUMERAL, numeralsOf, withoutMarks } from './claims.ts';

type Row = { columns: readonly string[]; cells: readonly TableCell[] };
/** A number of a claim as it is written there: '-5' where it has a sign. */
type Given = { numeral: string; isNegative: boolean };

/** Rows that are looked at before others have their turn. */
const AT_ONCE = 500;
/** Before a number. A hyphen in a name or between two numbers is no sign, and neither is one that begins a line of a list. */
const SIGN = /(?:^|[\s\p{P}\p{Sc}\p{Script=Han}])[-−–]\p{Sc}?$/u;
/** A loss of 5 is -5, and so is what fell by 5. */
const BELOW_ZERO =
  /\b(?:loss(?:es)?|lost|lose[sd]?|deficit|debt|fell|fallen|falls?|drop(?:s|ped)?|decreas\p{L}*|declin\p{L}*|down|lower|less|below|minus|negative|short(?:fall|er)?|reduc\p{L}*|fewer|shrank|shrunk)\b|[负亏减降跌欠少低]|赤字|缩/iu;

/**
 * Citations of an answer that was made with queries: a statement whose numbers came out of one rests on that, not on the
 * words of a document, unless those bear it out. Numbers of the query itself (a year that was asked for) need not come out of it again.
 * @throws the reason of `signal`
 */
export async function withComputed(
  citations: Citation[],
  answer: string,
  calls: readonly ToolCall[],
  signal?: AbortSignal,
): Promise<Citation[]> {
  const rows = calls.flatMap(({ table }) =>
    (table?.rows ?? []).map((cells): Row => ({ columns: table!.columns, cells })),
  );
  if (rows.length === 0) return citations;
  const results = new Results(rows);
  const asked = new Set(calls.flatMap(({ written }) => numeralsOf(written)));
  const computed: Citation[] = [];
  for (const citation of citations) {
    await pause(signal);
    const isBorneOut = citation.state !== 'missing' && !citation.doubts.some(({ kind }) => kind === 'number');
    const claim = withoutMarks(answer.slice(citation.start, citation.end));
    computed.push(isBorneOut ? citation : await held(citation, claim, { results, asked, signal }));
  }
  return computed;
}

/** Lets tokens and calls pass: an answer and its results may be long. */
async function pause(signal: AbortSignal | undefined): Promise<void> {
  await setImmediate();
  signal?.throwIfAborted();
}

type Against = { results: Results; asked: ReadonlySet<string>; signal: AbortSignal | undefined };

async function held(citation: Citation, claim: string, { results, asked, signal }: Against): Promise<Citation> {
  const found = new Map<string, Row | null>();
  for (const given of givenIn(claim)) {
    if (found.get(given.numeral) === null) continue; // with the other sign
    found.set(given.numeral, await results.rowOf(given, claim, signal));
  }
  const rows = [...new Set(found.values())].filter((row) => row !== null);
  if (rows.length === 0) return citation;
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
    quote: quoteOf(rows),
    doubts: results.namesElsewhere(claim, rows),
  };
}

/** The rows of all queries of an answer, by the numbers that are in them. */
class Results {
  readonly #rows: readonly Row[];
  /** By how many digits a number was rounded to, and then by '5' or '-5'. */
  readonly #byNumeral = new Map<number, Map<string, Row[]>>();
  #words: string | null = null;

  constructor(rows: readonly Row[]) {
    this.#rows = rows;
  }

  /** The row that holds a number, and most of the other words of the claim. */
  async rowOf({ numeral, isNegative }: Given, claim: string, signal: AbortSignal | undefined): Promise<Row | null> {
    const index = await this.#indexOf(Math.min(numeral.split('.')[1]?.length ?? 0, 20), signal);
    const signed = isNegative ? [`-${numeral}`] : BELOW_ZERO.test(claim) ? [numeral, `-${numeral}`] : [numeral];
    const named = ({ cells }: Row) =>
      cells.filter((cell) => typeof cell === 'string' && cell !== '' && claim.includes(cell)).length;
    let best: { row: Row; names: number } | null = null;
    for (const [at, row] of signed.flatMap((key) => index.get(key) ?? []).entries()) {
      if (at % AT_ONCE === AT_ONCE - 1) await pause(signal);
      const names = named(row);
      if (best === null || names > best.names) best = { row, names };
    }
    return best?.row ?? null;
  }

  /** Names that the results know, but in rows that do not hold the numbers of the claim. */
  namesElsewhere(claim: string, rows: readonly Row[]): Doubt[] {
    const known = (this.#words ??= this.#rows.map(wordsOf).join('\n'));
    const doubts = doubtsOf(claim, rows.map((row) => `${wordsOf(row)} ${row.columns.join(' ')}`).join(' '));
    return doubts.filter(({ kind, text }) => kind === 'name' && known.includes(text));
  }

  async #indexOf(digits: number, signal: AbortSignal | undefined): Promise<Map<string, Row[]>> {
    const known = this.#byNumeral.get(digits);
    if (known !== undefined) return known;
    const index = new Map<string, Row[]>();
    for (const [at, row] of this.#rows.entries()) {
      if (at % AT_ONCE === AT_ONCE - 1) await pause(signal);
      for (const numeral of new Set(row.cells.flatMap((cell) => numeralsIn(cell, digits)))) {
        const having = index.get(numeral);
        if (having === undefined) index.set(numeral, [row]);
        else having.push(row);
      }
    }
    this.#byNumeral.set(digits, index);
    return index;
  }
}

/** Numbers of a cell with their signs: values rounded as far as a claim gives them. */
function numeralsIn(cell: TableCell, digits: number): string[] {
  if (typeof cell === 'string')
    return givenIn(cell).map(({ numeral, isNegative }) => `${isNegative ? '-' : ''}${numeral}`);
  if (typeof cell !== 'number') return [];
  const [numeral = ''] = numeralsOf(Math.abs(cell).toFixed(digits));
  return [`${cell < 0 ? '-' : ''}${numeral}`];
}

function givenIn(text: string): Given[] {
  const normal = text.normalize('NFKC');
  return [...normal.matchAll(NUMERAL)].map(({ 0: found, index }) => {
    return { numeral: numeralsOf(found)[0]!, isNegative: SIGN.test(normal.slice(Math.max(0, index - 4), index)) };
  });
}

const wordsOf = ({ cells }: Row) => cells.map(cellText).join(' ');

/** "country: Austria, total: 3368" */
const quoteOf = (rows: readonly Row[]): string =>
  rows
    .map(({ columns, cells }) => columns.map((name, at) => `${name}: ${cellText(cells[at] ?? null)}`).join(', '))
    .join('; ');
