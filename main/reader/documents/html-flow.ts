import { Parser } from 'htmlparser2';
import type { TextBlock } from '../../contract/extraction.ts';
import type { Flow } from './office/flow.ts';
import { normalise } from './part.ts';

const CHUNK = 1 << 16;
const SKIPPED = new Set(
  'title script style template noscript svg math head iframe object canvas select datalist rt rp'.split(' '),
);
const BLOCKS = new Set(
  'address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr li legend main menu nav ol p pre section summary table tbody tfoot thead tr ul'.split(
    ' ',
  ),
);
const VOID = new Set([
  'br',
  'hr',
  'img',
  'input',
  'meta',
  'link',
  'wbr',
  'col',
  'area',
  'base',
  'embed',
  'source',
  'track',
]);

/**
 * Adds what a page says to `flow`, a chunk at a time. Hidden elements and scripts are left out; of a page that marks its main
 * part, so is what is navigation around it.
 */
export function* readHtml(text: string, flow: Flow): Generator<void, void> {
  const reader = new PageReader(flow, /<main\b/i.test(text));
  const parser = new Parser(reader, { decodeEntities: true });
  for (let at = 0; at < text.length; at += CHUNK) {
    parser.write(text.slice(at, at + CHUNK));
    yield;
  }
  parser.end();
  reader.end();
  yield;
}

/** What the page calls itself, else its first heading. */
export function titleOfHtml(text: string): string | null {
  const head = text.slice(0, 1 << 18);
  const found =
    /<title[^>]*>([\s\S]{1,2000}?)<\/title>/i.exec(head)?.[1] ?? /<h1[^>]*>([\s\S]{1,2000}?)<\/h1>/i.exec(head)?.[1];
  if (found === undefined) return null;
  let title = '';
  const parser = new Parser({ ontext: (piece) => void (title += piece) }, { decodeEntities: true });
  parser.end(found);
  return normalise(title).replace(/\s+/g, ' ').trim() || null;
}

class PageReader {
  readonly #flow: Flow;
  readonly #hasMain: boolean;
  #text = '';
  #skipped: string[] = [];
  #open: { kind: TextBlock['kind']; level: number }[] = [];
  #lists: { isNumbered: boolean; count: number }[] = [];
  #mark = '';
  #cells: string[] | null = null;
  #tables = 0;

  constructor(flow: Flow, hasMain: boolean) {
    this.#flow = flow;
    this.#hasMain = hasMain;
  }

  onopentag(name: string, attributes: Record<string, string>): void {
    if (this.#skipped.length > 0 || this.#isLeftOut(name, attributes)) {
      if (!VOID.has(name)) this.#skipped.push(name);
      return;
    }
    if (name === 'br') this.#text += '\n';
    else if (name === 'img') this.#text += attributes['alt'] ? ` ${attributes['alt']} ` : '';
    if (!BLOCKS.has(name) && name !== 'td' && name !== 'th') return;
    if (this.#cells === null || name === 'table') this.#endBlock();
    else if (name !== 'td' && name !== 'th') this.#text += ' ';
    if (/^h[1-6]$/.test(name)) this.#open.push({ kind: 'heading', level: Number(name[1]) });
    else if (name === 'pre') this.#open.push({ kind: 'code', level: 0 });
    else if (name === 'ul' || name === 'menu') this.#lists.push({ isNumbered: false, count: 0 });
    else if (name === 'ol') this.#lists.push({ isNumbered: true, count: Number(attributes['start'] ?? 1) - 1 });
    else if (name === 'li') this.#openItem();
    else if (name === 'table') this.#tables++;
    else if (name === 'tr' && this.#tables === 1) this.#cells = [];
  }

  ontext(text: string): void {
    if (this.#skipped.length === 0) this.#text += text;
  }

  onclosetag(name: string): void {
    if (this.#skipped.length > 0) {
      if (this.#skipped.at(-1) === name) this.#skipped.pop();
      return;
    }
    if ((name === 'td' || name === 'th') && this.#tables === 1) {
      this.#cells?.push(this.#text.replace(/\s+/g, ' ').trim());
      this.#text = '';
    } else if (name === 'tr' && this.#cells !== null && this.#tables === 1) this.#endRow();
    else if (name === 'td' || name === 'th') this.#text += ' ';
    if (!BLOCKS.has(name)) return;
    if (this.#cells === null) this.#endBlock();
    else this.#text += ' ';
    if (/^h[1-6]$/.test(name) || name === 'pre' || name === 'li') this.#open.pop();
    if (name === 'ul' || name === 'ol' || name === 'menu') this.#lists.pop();
    if (name === 'table') this.#tables--;
  }

  end(): void {
    this.#endBlock();
  }

  #isLeftOut(name: string, attributes: Record<string, string>): boolean {
    if (SKIPPED.has(name) || 'hidden' in attributes || attributes['aria-hidden'] === 'true') return true;
    if (/display:\s*none/i.test(attributes['style'] ?? '')) return true;
    const role = attributes['role'];
    if (role === 'doc-backlink') return true;
    return this.#hasMain && (name === 'nav' || role === 'navigation' || role === 'banner' || role === 'contentinfo');
  }

  #openItem(): void {
    const list = this.#lists.at(-1);
    if (list !== undefined) list.count += 1;
    this.#mark = list?.isNumbered === true ? `${list.count}. ` : '• ';
    this.#open.push({ kind: 'item', level: Math.max(1, this.#lists.length) });
  }

  #endBlock(): void {
    const { kind, level } = this.#open.at(-1) ?? { kind: 'paragraph', level: 0 };
    const text =
      kind === 'code' ? this.#text : this.#text.replace(/[ \t\r\f]*\n[ \t\r\f]*/g, '\n').replace(/[ \t\r\f]+/g, ' ');
    this.#text = '';
    if (text.trim() === '') return;
    const lines = kind === 'code' ? text : text.replace(/\n/g, ' ').replace(/ +/g, ' ').trim();
    if (kind === 'item') {
      this.#flow.add('item', this.#mark + lines, level);
      this.#mark = '';
    } else this.#flow.add(kind, lines, level);
  }

  #endRow(): void {
    const row = (this.#cells ?? []).join('\t');
    this.#cells = null;
    this.#text = '';
    this.#flow.add('row', row);
  }
}
