import type { ExtractionEvent, PartKind } from '../../contract/extraction.ts';
import { PartBuilder } from './part.ts';

export type CellValue = string | number | boolean | null;
type Options = {
  name: string;
  kind: PartKind;
  /** Number of the table, and of the part that its first rows are in. */
  table: number;
  part: number;
};

const PIECE_CHARACTERS = 100_000;
const PIECE_ROWS = 1_000;
/** A sheet may have something in its last column only; that must not make a wide table of every row. */
const MOST_COLUMNS = 1_000;

/**
 * Rows of a sheet as parts of text, a row a block, and as values: pieces of a thousand rows, each a part of its own and
 * named by its rows where there is more than one. The first row names the columns where it is made of texts only.
 */
export class SheetPieces {
  readonly #options: Options;
  #builder = new PartBuilder();
  #columns: string[] | null = null;
  #rows: CellValue[][] = [];
  #firstRow = 0;
  #firstText = 0;
  #lastText = 0;
  #pieces = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Parts made so far. */
  get parts(): number {
    return this.#pieces;
  }

  /** Adds row `number`, from 1; yields what has become complete. Blank rows leave no trace. */
  *add(
    number: number,
    row: readonly CellValue[],
    shown: readonly string[] = row.map(textOf),
  ): Generator<ExtractionEvent> {
    const first = row.findIndex((value) => value !== null);
    if (first === -1) return;
    const values = row.slice(0, MOST_COLUMNS);
    const isFull = this.#rows.length > 0 && number - this.#firstRow >= PIECE_ROWS;
    if (isFull || this.#builder.length > PIECE_CHARACTERS) yield* this.#flush(false);
    if (this.#firstText === 0) this.#firstText = number;
    this.#lastText = number;
    const text = shown
      .slice(first)
      .map((cell) => cell.replace(/\s+/g, ' '))
      .join('\t')
      .trimEnd();
    this.#builder.add('row', text, { cell: `${columnName(first)}${number}` });
    if (this.#columns === null) {
      const isHeader = values.every((value) => typeof value === 'string' || value === null);
      this.#columns = isHeader ? namesOf(values) : values.map((_, index) => columnName(index));
      if (isHeader) return;
    }
    if (this.#rows.length === 0) this.#firstRow = number;
    while (number - this.#firstRow > this.#rows.length) this.#rows.push([]); // those that the sheet leaves blank
    for (let index = this.#columns.length; index < values.length; index++) this.#columns.push(columnName(index));
    this.#rows.push([...values]);
  }

  *end(): Generator<ExtractionEvent> {
    yield* this.#flush(true);
  }

  *#flush(isLast: boolean): Generator<ExtractionEvent> {
    const { name, kind, table, part } = this.#options;
    const isWhole = isLast && this.#pieces === 0;
    const label = isWhole ? name : `${name} ${this.#firstText}–${this.#lastText}`;
    if (this.#builder.length > 0 || isWhole) {
      yield { type: 'part', part: this.#builder.build(kind, label) };
      this.#pieces += 1;
    }
    if (this.#rows.length > 0) {
      yield {
        type: 'rows',
        rows: {
          table,
          part: part + this.#pieces - 1,
          name,
          columns: [...(this.#columns ?? [])],
          firstRow: this.#firstRow,
          rows: this.#rows,
        },
      };
    }
    this.#builder = new PartBuilder();
    this.#rows = [];
    this.#firstText = 0;
  }
}

/** 'A' of 0, 'AA' of 26. */
export function columnName(index: number): string {
  let name = '';
  for (let left = index; left >= 0; left = Math.floor(left / 26) - 1)
    name = String.fromCharCode(65 + (left % 26)) + name;
  return name;
}

function textOf(value: CellValue): string {
  return value === null ? '' : String(value);
}

/** Names of columns, each once: an empty one by its letter, one that comes again with a number. */
function namesOf(header: readonly CellValue[]): string[] {
  const seen = new Map<string, number>();
  return header.map((value, index) => {
    const name = textOf(value).trim() || columnName(index);
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name} ${count}`;
  });
}
