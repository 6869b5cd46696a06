import type { ExtractionEvent } from '../../../contract/extraction.ts';
import { unreadable, type DocumentFormat } from '../format.ts';
import { parseAllXml, parseXml, type XmlHandler } from '../xml.ts';
import type { Zip } from '../zip.ts';
import { listNumbersOf, stylesOf } from './docx-styles.ts';
import { Flow } from './flow.ts';
import type { ListNumbers } from './numbers.ts';
import { titleOf } from './properties.ts';

/** DOCX: the text as it stands after all changes, its lists with their numbers, footnotes below their paragraphs. */
export const docx: DocumentFormat = {
  id: 'docx',
  matches: ({ zip }) => zip?.has('word/document.xml') === true,

  async *read({ zip }): AsyncGenerator<ExtractionEvent, void> {
    const document = zip?.read('word/document.xml');
    if (zip === null || !document) throw unreadable('it has no text');
    yield { type: 'about', format: 'docx', title: titleOf(zip), parts: null };
    const styles = stylesOf(zip);
    const numbers = listNumbersOf(zip);
    const asides = new Map(['footnote', 'endnote', 'comment'].map((kind) => [kind, asidesOf(zip, kind)]));
    const flow = new Flow();
    const reader = new WordReader({ styles, numbers, asides, flow });
    for (const _ of parseXml(document, reader)) yield* flow.take();
    for (const text of edgesOf(zip)) flow.add('note', text);
    yield* flow.end();
    yield { type: 'end', outline: [], notes: [] };
  },
};

type Context = {
  styles: ReturnType<typeof stylesOf>;
  numbers: ListNumbers;
  /** Texts of footnotes, endnotes and comments by their kinds and ids. */
  asides: Map<string, Map<string, string>>;
  flow: Flow;
};
type Paragraph = { text: string; style: string | null; list: string | null; level: number | null; asides: string[] };
type Table = { cells: string[]; cell: string[] };

/** Deleted words, codes of fields, and pictures' stand-ins for programs that can't show them. */
const SKIPPED = new Set(['del', 'moveFrom', 'delText', 'instrText', 'Fallback', 'rt']);
const BREAKS: Record<string, string> = { tab: '\t', br: '\n', cr: '\n', noBreakHyphen: '-', ptab: '\t' };

/** Turns the elements of a WordprocessingML body into blocks: ECMA-376 part 1, section 17. */
class WordReader implements XmlHandler {
  readonly #context: Context;
  /** The paragraph that is open, behind those that a text box in them lies in. */
  readonly #paragraphs: Paragraph[] = [];
  readonly #tables: Table[] = [];
  #skipped = 0;
  #isText = false;
  #isProperties = false;
  #lastNote = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  open(name: string, attributes: Readonly<Record<string, string>>): void {
    if (SKIPPED.has(name)) this.#skipped++;
    if (this.#skipped > 0) return;
    const { val } = attributes;
    const paragraph = this.#paragraphs.at(-1);
    if (name === 'p') this.#paragraphs.push({ text: '', style: null, list: null, level: null, asides: [] });
    else if (name === 'tbl') this.#tables.push({ cells: [], cell: [] });
    else if (name === 'tc') this.#tables.at(-1)?.cell.splice(0);
    else if (name === 't') this.#isText = true;
    else if (name === 'pPr') this.#isProperties = true;
    else if (paragraph === undefined) return;
    else if (this.#isProperties) {
      if (name === 'pStyle') paragraph.style = val ?? null;
      if (name === 'numId') paragraph.list = val ?? null;
      if (name === 'ilvl') paragraph.level = Number(val);
    } else if (name in BREAKS) paragraph.text += BREAKS[name]!;
    else if (name === 'sym') paragraph.text += symbol(attributes['char']);
    else if (name.endsWith('Reference'))
      this.#refer(paragraph, name.slice(0, -'Reference'.length), attributes['id'] ?? '');
  }

  text(text: string): void {
    const paragraph = this.#paragraphs.at(-1);
    if (this.#isText && this.#skipped === 0 && paragraph !== undefined) paragraph.text += text;
  }

  close(name: string): void {
    const wasSkipped = this.#skipped > 0;
    if (SKIPPED.has(name)) this.#skipped--;
    if (wasSkipped) return;
    if (name === 't') this.#isText = false;
    else if (name === 'pPr') this.#isProperties = false;
    else if (name === 'p') this.#end(this.#paragraphs.pop());
    else if (name === 'tc') this.#tables.at(-1)?.cells.push(this.#tables.at(-1)!.cell.join(' '));
    else if (name === 'tr') this.#endRow();
    else if (name === 'tbl') this.#tables.pop();
  }

  #end(paragraph: Paragraph | undefined): void {
    if (paragraph === undefined) return;
    const { flow, styles, numbers } = this.#context;
    const style = styles(paragraph.style);
    const list = paragraph.list ?? style.list;
    const level = paragraph.level ?? style.listLevel;
    const mark = list === null || list === '0' || paragraph.text.trim() === '' ? '' : numbers.next(list, level);
    const text = mark === '' ? paragraph.text : `${mark} ${paragraph.text}`;
    const table = this.#tables.at(-1);
    if (table !== undefined) table.cell.push(text, ...paragraph.asides);
    else {
      if (style.heading > 0) flow.add('heading', text, Math.min(6, style.heading));
      else if (mark !== '') flow.add('item', text, level + 1);
      else flow.add('paragraph', text);
      for (const aside of paragraph.asides) flow.add('note', aside);
    }
  }

  #endRow(): void {
    const table = this.#tables.at(-1);
    if (table === undefined) return;
    const row = table.cells.map((cell) => cell.replace(/\s+/g, ' ').trim()).join('\t');
    table.cells = [];
    const outer = this.#tables.at(-2);
    if (outer === undefined) this.#context.flow.add('row', row);
    else outer.cell.push(row); // a table in a cell
  }

  #refer(paragraph: Paragraph, kind: string, id: string): void {
    const text = this.#context.asides.get(kind)?.get(id);
    if (text === undefined) return;
    if (kind === 'comment') paragraph.asides.push(text);
    else {
      // Their ids are not their numbers, which Word counts.
      const mark = `[${++this.#lastNote}]`;
      paragraph.text += mark;
      paragraph.asides.push(`${mark} ${text}`);
    }
  }
}

function asidesOf(zip: Zip, kind: string): Map<string, string> {
  const asides = new Map<string, string>();
  let id: string | null = null;
  let text = '';
  let isText = false;
  parseAllXml(zip.read(`word/${kind}s.xml`), {
    open(name, attributes) {
      if (name === kind) {
        // Lines that part notes from the text are notes too, of a type.
        id = attributes['type'] === undefined || attributes['type'] === 'normal' ? (attributes['id'] ?? '') : null;
        text = attributes['author'] === undefined ? '' : `${attributes['author']}: `;
      }
      if (name === 't') isText = true;
    },
    text: (piece) => void (isText && (text += piece)),
    close(name) {
      if (name === 't') isText = false;
      if (name === 'p') text += ' ';
      if (name === kind && id !== null && text.trim() !== '') asides.set(id, text.trim());
    },
  });
  return asides;
}

/** Texts of headers and footers, each once. */
function edgesOf(zip: Zip): string[] {
  const texts = new Set<string>();
  for (const { name } of zip.entries) {
    if (!/^word\/(header|footer)\d*\.xml$/.test(name)) continue;
    let text = '';
    let isText = false;
    parseAllXml(zip.read(name), {
      open: (element) => void (isText = element === 't'),
      text: (piece) => void (isText && (text += piece)),
      close(element) {
        isText = false;
        if (element === 'p') text += '\n';
      },
    });
    if (text.trim() !== '') texts.add(text.trim());
  }
  return [...texts];
}

function symbol(char: string | undefined): string {
  const code = Number.parseInt(char ?? '', 16);
  return Number.isNaN(code) ? '' : code >= 0xf000 && code < 0xf100 ? '•' : String.fromCodePoint(code);
}
