import type { ExtractionEvent } from '../../../contract/extraction.ts';
import { unreadable, type DocumentFormat } from '../format.ts';
import { SheetPieces, type CellValue } from '../sheet.ts';
import { parseAllXml, parseXml, type XmlHandler } from '../xml.ts';
import type { Zip } from '../zip.ts';
import { dateText, isDateFormat } from './dates.ts';
import { titleOf } from './properties.ts';
import { relationsOf } from './relations.ts';

const WORKBOOK = 'xl/workbook.xml';
/** Excel's own bounds. */
const MOST_ROWS = 1_048_576;
const MOST_COLUMNS = 16_384;

/** XLSX: a part and a table a sheet, values as they were last computed, dates as texts. Hidden sheets are read too. */
export const xlsx: DocumentFormat = {
  id: 'xlsx',
  matches: ({ zip }) => zip?.has(WORKBOOK) === true,

  async *read({ zip }): AsyncGenerator<ExtractionEvent, void> {
    if (zip === null) throw unreadable('it has no sheets');
    const { sheets, isFrom1904 } = workbookOf(zip);
    yield { type: 'about', format: 'xlsx', title: titleOf(zip), parts: null };
    const context = { strings: stringsOf(zip), dates: dateStylesOf(zip), isFrom1904 };
    let part = 0;
    for (const [table, { name, file }] of sheets.entries()) {
      const bytes = zip.read(file);
      if (bytes === null) continue; // a sheet that is a chart
      const pieces = new SheetPieces({ name, kind: 'sheet', table, part });
      const rows: Row[] = [];
      for (const _ of parseXml(bytes, new SheetReader(context, rows))) {
        for (const { number, values } of rows.splice(0)) yield* pieces.add(number, values);
      }
      yield* pieces.end();
      part += pieces.parts;
    }
    yield { type: 'end', outline: [], notes: [] };
  },
};

type Sheet = { name: string; file: string };
type Row = { number: number; values: CellValue[] };
type Context = { strings: string[]; dates: boolean[]; isFrom1904: boolean };

function workbookOf(zip: Zip): { sheets: Sheet[]; isFrom1904: boolean } {
  const relations = relationsOf(zip, WORKBOOK);
  const sheets: Sheet[] = [];
  let isFrom1904 = false;
  parseAllXml(zip.read(WORKBOOK), {
    open(element, { name = '', id = '', date1904 }) {
      if (element === 'workbookPr') isFrom1904 = date1904 === '1' || date1904 === 'true';
      if (element === 'sheet') sheets.push({ name, file: relations.get(id)?.target ?? '' });
    },
  });
  return { sheets, isFrom1904 };
}

/** Texts that cells share; their readings for pronunciation are left out. */
function stringsOf(zip: Zip): string[] {
  const strings: string[] = [];
  let text = '';
  let isText = false;
  let isReading = false;
  parseAllXml(zip.read('xl/sharedStrings.xml'), {
    open(name) {
      if (name === 'si') text = '';
      if (name === 'rPh') isReading = true;
      isText = name === 't' && !isReading;
    },
    text: (piece) => void (isText && (text += piece)),
    close(name) {
      isText = false;
      if (name === 'rPh') isReading = false;
      if (name === 'si') strings.push(unescapeCodes(text));
    },
  });
  return strings;
}

/** Which styles of cells show their numbers as dates. */
function dateStylesOf(zip: Zip): boolean[] {
  const custom = new Map<number, string>();
  const styles: boolean[] = [];
  let isCellStyles = false;
  parseAllXml(zip.read('xl/styles.xml'), {
    open(name, { numFmtId, formatCode = '' }) {
      if (name === 'numFmt') custom.set(Number(numFmtId), formatCode);
      if (name === 'cellXfs') isCellStyles = true;
      if (name === 'xf' && isCellStyles) styles.push(isDateFormat(Number(numFmtId), custom.get(Number(numFmtId))));
    },
    close(name) {
      if (name === 'cellXfs') isCellStyles = false;
    },
  });
  return styles;
}

/** Rows of a sheet: ECMA-376 part 1, section 18.3.1. */
class SheetReader implements XmlHandler {
  readonly #context: Context;
  readonly #rows: Row[];
  #row: Row = { number: 0, values: [] };
  #cell = { column: 0, type: '', style: 0 };
  #value = '';
  #isValue = false;

  constructor(context: Context, rows: Row[]) {
    this.#context = context;
    this.#rows = rows;
  }

  open(name: string, { r, t = '', s }: Readonly<Record<string, string>>): void {
    if (name === 'row') {
      const number = r === undefined ? this.#row.number + 1 : Number(r);
      if (!(number > this.#row.number && number <= MOST_ROWS)) throw unreadable(`a sheet has a row ${r}`);
      this.#row = { number, values: [] };
    } else if (name === 'c') {
      const column = r === undefined ? this.#row.values.length : columnOf(r);
      if (!(column >= 0 && column < MOST_COLUMNS)) throw unreadable(`a sheet has a cell ${r}`);
      this.#cell = { column, type: t, style: Number(s ?? 0) };
      this.#value = '';
    } else if (name === 'v' || name === 't') this.#isValue = true;
  }

  text(text: string): void {
    if (this.#isValue) this.#value += text;
  }

  close(name: string): void {
    if (name === 'v' || name === 't') this.#isValue = false;
    else if (name === 'row') this.#rows.push(this.#row);
    else if (name === 'c') {
      const { values } = this.#row;
      while (values.length < this.#cell.column) values.push(null);
      values[this.#cell.column] = this.#typed();
    }
  }

  #typed(): CellValue {
    const value = this.#value;
    const { type, style } = this.#cell;
    if (value === '') return null;
    if (type === 's') return this.#context.strings[Number(value)] || null;
    if (type === 'b') return value === '1';
    if (type === 'inlineStr' || type === 'str' || type === 'e' || type === 'd') return unescapeCodes(value);
    const number = Number(value);
    if (Number.isNaN(number)) return value;
    return this.#context.dates[style] === true ? dateText(number, this.#context.isFrom1904) : number;
  }
}

/** 0 of 'A7', 26 of 'AA1'. */
function columnOf(reference: string): number {
  let column = 0;
  for (const letter of /^[A-Z]{1,3}/.exec(reference)?.[0] ?? '') column = column * 26 + letter.charCodeAt(0) - 64;
  return column - 1;
}

/** Characters that XML cannot hold are written as their codes. */
function unescapeCodes(text: string): string {
  return text.replace(/_x([0-9A-F]{4})_/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}
