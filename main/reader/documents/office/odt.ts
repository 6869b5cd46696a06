import type { ExtractionEvent } from '../../../contract/extraction.ts';
import { unreadable, type DocumentFormat } from '../format.ts';
import { parseAllXml, parseXml, type XmlHandler } from '../xml.ts';
import type { Zip } from '../zip.ts';
import { Flow } from './flow.ts';
import { ListNumbers, type ListLevel } from './numbers.ts';
import { titleOf } from './properties.ts';

const MIME = 'application/vnd.oasis.opendocument.text';

/** ODT: as DOCX, the text after all changes, with numbers of lists and notes below their paragraphs. */
export const odt: DocumentFormat = {
  id: 'odt',
  matches: ({ zip }) =>
    zip !== null &&
    zip.has('content.xml') &&
    Buffer.from(zip.read('mimetype') ?? [])
      .toString()
      .startsWith(MIME),

  async *read({ zip }): AsyncGenerator<ExtractionEvent, void> {
    const content = zip?.read('content.xml');
    if (zip === null || !content) throw unreadable('it has no text');
    yield { type: 'about', format: 'odt', title: titleOf(zip), parts: null };
    const flow = new Flow();
    for (const _ of parseXml(content, new TextReader(flow, listStylesOf(zip, content)))) yield* flow.take();
    yield* flow.end();
    yield { type: 'end', outline: [], notes: [] };
  },
};

type ListStyles = Map<string, Map<number, ListLevel>>;
type Paragraph = { text: string; heading: number; asides: string[] };
type List = { id: string; style: string; isMarked: boolean };
type Note = { mark: string; text: string };

const FORMATS: Record<string, string> = {
  '1': 'decimal',
  a: 'lowerLetter',
  A: 'upperLetter',
  i: 'lowerRoman',
  I: 'upperRoman',
  '一, 二, 三, ...': 'chineseCounting',
};
const SKIPPED = new Set([
  'tracked-changes',
  'deletion',
  'ruby-text',
  'sequence-decls',
  'forms',
  'desc',
  'title',
  'shape-id',
  'creator',
  'date',
]);

function listStylesOf(zip: Zip, content: Uint8Array): ListStyles {
  const styles: ListStyles = new Map();
  let levels: Map<number, ListLevel> | null = null;
  const handler: XmlHandler = {
    open(name, attributes) {
      if (name === 'list-style') styles.set(attributes['name'] ?? '', (levels = new Map<number, ListLevel>()));
      const level = Number(attributes['level']);
      if (name === 'list-level-style-bullet') levels?.set(level - 1, { format: 'bullet', text: '', start: 1 });
      if (name === 'list-level-style-number') {
        const shown = Number(attributes['display-levels'] ?? 1);
        const numbers = Array.from({ length: shown }, (_, index) => `%${level - shown + 1 + index}`).join('.');
        const text = `${attributes['num-prefix'] ?? ''}${numbers}${attributes['num-suffix'] ?? ''}`;
        const format = FORMATS[attributes['num-format'] ?? ''] ?? 'none';
        levels?.set(level - 1, { format, text, start: Number(attributes['start-value'] ?? 1) });
      }
    },
    close: (name) => void (name === 'list-style' && (levels = null)),
  };
  parseAllXml(zip.read('styles.xml'), handler);
  parseAllXml(content, handler);
  return styles;
}

/** Turns the elements of an OpenDocument text into blocks: OpenDocument 1.3 part 3, sections 5 to 9. */
class TextReader implements XmlHandler {
  readonly #flow: Flow;
  readonly #numbers: ListNumbers;
  readonly #paragraphs: Paragraph[] = [];
  readonly #lists: List[] = [];
  readonly #tables: { cells: string[]; cell: string[]; repeat: number }[] = [];
  readonly #notes: Note[] = [];
  #skipped = 0;
  #isCitation = false;
  #lastList = 0;

  constructor(flow: Flow, styles: ListStyles) {
    this.#flow = flow;
    this.#numbers = new ListNumbers((id, level) => styles.get(id.slice(id.indexOf(' ') + 1))?.get(level) ?? null);
  }

  open(name: string, attributes: Readonly<Record<string, string>>): void {
    if (SKIPPED.has(name)) this.#skipped++;
    if (this.#skipped > 0) return;
    const paragraph = this.#paragraphs.at(-1);
    if (name === 'p') this.#paragraphs.push({ text: '', heading: 0, asides: [] });
    else if (name === 'h')
      this.#paragraphs.push({ text: '', heading: Number(attributes['outline-level'] ?? 1), asides: [] });
    else if (name === 'list') this.#openList(attributes['style-name']);
    else if (name === 'list-item' && this.#lists.length > 0) this.#lists.at(-1)!.isMarked = false;
    else if (name === 'table') this.#tables.push({ cells: [], cell: [], repeat: 1 });
    else if (name === 'table-cell') this.#openCell(Number(attributes['number-columns-repeated'] ?? 1));
    else if (name === 'note' || name === 'annotation') this.#notes.push({ mark: '', text: '' });
    else if (name === 'note-citation') this.#isCitation = true;
    else if (paragraph === undefined) return;
    else if (name === 's') paragraph.text += ' '.repeat(Math.min(100, Number(attributes['c'] ?? 1)));
    else if (name === 'tab') paragraph.text += '\t';
    else if (name === 'line-break') paragraph.text += '\n';
  }

  text(text: string): void {
    if (this.#skipped > 0) return;
    if (this.#isCitation) this.#notes.at(-1)!.mark += text;
    else {
      const paragraph = this.#paragraphs.at(-1);
      if (paragraph !== undefined) paragraph.text += text.replace(/[ \t\r\n]+/g, ' ');
    }
  }

  close(name: string): void {
    const wasSkipped = this.#skipped > 0;
    if (SKIPPED.has(name)) this.#skipped--;
    if (wasSkipped) return;
    if (name === 'p' || name === 'h') this.#end(this.#paragraphs.pop());
    else if (name === 'list') this.#lists.pop();
    else if (name === 'table-cell') this.#closeCell();
    else if (name === 'table-row') this.#endRow();
    else if (name === 'table') this.#tables.pop();
    else if (name === 'note-citation') this.#isCitation = false;
    else if (name === 'note' || name === 'annotation') this.#endNote();
  }

  #openList(style: string | undefined): void {
    const above = this.#lists.at(-1);
    const id = above?.id ?? `${++this.#lastList}`;
    this.#lists.push({ id, style: style ?? above?.style ?? '', isMarked: true });
  }

  #end(paragraph: Paragraph | undefined): void {
    if (paragraph === undefined) return;
    const { text, heading, asides } = paragraph;
    const note = this.#notes.at(-1);
    const table = this.#tables.at(-1);
    if (note !== undefined) note.text += `${text} `;
    else if (table !== undefined) table.cell.push(this.#marked(text), ...asides);
    else {
      const marked = this.#marked(text);
      if (heading > 0) this.#flow.add('heading', marked, Math.min(6, heading));
      else if (this.#lists.length > 0) this.#flow.add('item', marked, this.#lists.length);
      else this.#flow.add('paragraph', text);
      for (const aside of asides) this.#flow.add('note', aside);
    }
  }

  /** The text with the mark of its item, of whose paragraphs only the first has it. */
  #marked(text: string): string {
    const list = this.#lists.at(-1);
    if (list === undefined || list.isMarked || text.trim() === '') return text;
    list.isMarked = true;
    const mark = this.#numbers.next(`${list.id} ${list.style}`, this.#lists.length - 1);
    return mark === '' ? text : `${mark} ${text}`;
  }

  #openCell(repeat: number): void {
    const table = this.#tables.at(-1);
    if (table !== undefined) Object.assign(table, { cell: [], repeat });
  }

  #closeCell(): void {
    const table = this.#tables.at(-1);
    if (table === undefined) return;
    const text = table.cell.join(' ');
    table.cells.push(...Array.from({ length: text === '' ? 1 : Math.min(table.repeat, 100) }, () => text));
  }

  #endRow(): void {
    const table = this.#tables.at(-1);
    if (table === undefined) return;
    const row = table.cells.map((cell) => cell.replace(/\s+/g, ' ').trim()).join('\t');
    table.cells = [];
    const outer = this.#tables.at(-2);
    if (outer === undefined) this.#flow.add('row', row);
    else outer.cell.push(row);
  }

  #endNote(): void {
    const note = this.#notes.pop();
    const paragraph = this.#paragraphs.at(-1);
    if (note === undefined || paragraph === undefined || note.text.trim() === '') return;
    if (note.mark !== '') paragraph.text += `[${note.mark}]`;
    paragraph.asides.push(note.mark === '' ? note.text.trim() : `[${note.mark}] ${note.text.trim()}`);
  }
}
