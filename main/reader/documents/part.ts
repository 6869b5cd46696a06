import type { Part, PartKind, TextBlock } from '../../contract/extraction.ts';

/** NFC, one kind of line end, no soft hyphens or other characters that nobody sees; a space is a space. */
export function normalise(text: string): string {
  return text
    .normalize('NFC')
    .replace(/\r\n?|\u0085|\u2028/g, '\n')
    .replace(/\u2029/g, '\n\n')
    .replace(INVISIBLE, '')
    .replace(/[\u00a0\u2000-\u200a\u202f\u205f]/g, ' ');
}

// Soft hyphen, zero width space and no-break space, marks of direction, object replacement; controls but tab, feed and line.
const INVISIBLE = new RegExp(
  '[\\u00ad\\u200b\\u200e\\u200f\\u202a-\\u202e\\u2060\\ufeff\\ufffc\\0-\\x08\\x0b\\x0e-\\x1f\\x7f]',
  'g',
);

export type PartOptions = Pick<Part, 'kind' | 'label'> & Partial<Pick<Part, 'size' | 'boxes' | 'recognised'>>;

export function makePart(text: string, blocks: TextBlock[], options: PartOptions): Part {
  return { size: null, boxes: [], recognised: false, ...options, text, blocks };
}

type BlockOptions = { level?: number; cell?: string };

/** Makes a part of blocks that come one after another, each normalised; those of one list or table lie closer together. */
export class PartBuilder {
  readonly blocks: TextBlock[] = [];
  #pieces: string[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Adds a block unless it is blank. */
  add(kind: TextBlock['kind'], text: string, { level = 0, cell }: BlockOptions = {}): void {
    const clean = normalise(text).replace(/[ \t]+\n/g, '\n');
    const trimmed = kind === 'code' ? clean.replace(/^\n+|\s+$/g, '') : clean.trim();
    if (trimmed === '') return;
    const last = this.blocks.at(-1);
    if (last !== undefined) this.#push(last.kind === kind && (kind === 'row' || kind === 'item') ? '\n' : '\n\n');
    const start = this.#length;
    this.#push(trimmed);
    this.blocks.push({ kind, start, end: this.#length, level, ...(cell === undefined ? {} : { cell }) });
  }

  build(kind: PartKind, label: string): Part {
    return makePart(this.#pieces.join(''), this.blocks, { kind, label });
  }

  #push(text: string): void {
    this.#pieces.push(text);
    this.#length += text.length;
  }
}
