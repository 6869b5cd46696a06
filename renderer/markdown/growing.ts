import remend from 'remend';
import { newLexer } from './dialect.ts';
import type { BlockNode } from './nodes.ts';
import { isClosedFence, isTooDeep, parseBlock } from './parse.ts';

/**
 * A top-level block of a message. `key` is its place, and so its identity while text is appended. A closed block is
 * never replaced: the page keeps its elements.
 */
export class Block {
  readonly key: number;
  readonly source: string;
  readonly closed: boolean;
  #nodes: BlockNode[] | null = null;

  constructor(key: number, source: string, closed: boolean) {
    this.key = key;
    this.source = source;
    this.closed = closed;
  }

  /** Taken apart when it is first looked at: most blocks of a long text never come into view. */
  get nodes(): BlockNode[] {
    return (this.#nodes ??= this.closed ? parseBlock(this.source) : parseOpen(this.source));
  }
}

const LONG_BLOCK = 16_000; // characters; what is longer while it is open is taken apart at every hundredth of growth

/**
 * A text that grows at its end, cut into blocks. Only the last block is looked at again when text is appended; what
 * was closed stays as it is, because Markdown decides by whole lines and the lines before the last are known.
 */
export class GrowingMarkdown {
  #text = '';
  #closed: Block[] = [];
  /** Where the open part begins. */
  #from = 0;
  #open: Block[] = [];
  /** Length of the open part when it was taken apart last. */
  #parsed = 0;
  /** How far the text has been read for whole lines. */
  #seen = 0;
  #fence: { end: RegExp; searched: number } | null = null;

  /** The blocks of `text`; `ended` says that nothing is going to be appended for now. */
  update(written: string, ended: boolean): readonly Block[] {
    const text = written.includes('\r') ? written.replace(/\r\n?/g, '\n') : written;
    if (!text.startsWith(this.#text)) this.#forget();
    this.#text = text;
    // An unfinished line may still turn into something else ("#" into "#tag"), so it cannot close what is before it.
    const wholeLines = text.lastIndexOf('\n') + 1;
    if (wholeLines > this.#seen && !this.#insideFence(text.slice(this.#from))) {
      this.#close(text.slice(this.#from, wholeLines));
    }
    this.#seen = wholeLines;
    const open = text.slice(this.#from);
    if (ended || this.#fence !== null || open.length < LONG_BLOCK || open.length > this.#parsed * 1.01) {
      this.#parsed = open.length;
      this.#open = this.#openBlocks(open, ended);
    }
    return [...this.#closed, ...this.#open];
  }

  /** How many of the blocks are settled for good. */
  get closedCount(): number {
    return this.#closed.length;
  }

  #forget(): void {
    this.#text = '';
    this.#closed = [];
    this.#from = 0;
    this.#seen = 0;
    this.#parsed = 0;
    this.#fence = null;
  }

  /** Code can be long, and nothing in it ends it but its fence: it is not read again from its start at every token. */
  #insideFence(open: string): boolean {
    if (this.#fence === null) {
      const [, fence] = /^ {0,3}(`{3,}|~{3,})[^\n`]*\n/.exec(open) ?? [];
      if (fence === undefined) return false;
      const end = new RegExp(String.raw`\n {0,3}${fence}[${fence.charAt(0)}]* *\n`, 'g');
      this.#fence = { end, searched: 0 };
    }
    // The fence itself may have been found in part: the search goes on a little before its last end.
    this.#fence.end.lastIndex = Math.max(0, this.#fence.searched - 200);
    if (!this.#fence.end.test(open)) {
      this.#fence.searched = open.length;
      return true;
    }
    this.#fence = null;
    return false;
  }

  /** Closes every block of these whole lines but the last, which the next line may belong to. */
  #close(lines: string): void {
    const sources = cut(lines);
    for (const source of sources.slice(0, -1)) {
      this.#closed.push(new Block(this.#closed.length, source, true));
      this.#from += source.length;
      this.#fence = null;
      this.#parsed = 0;
    }
  }

  #openBlocks(open: string, ended: boolean): Block[] {
    if (open.trim() === '') return [];
    const key = this.#closed.length;
    if (this.#fence !== null) return [new Block(key, open, ended)];
    const sources = cut(open);
    return sources.map((source, index) => new Block(key + index, source, ended || index < sources.length - 1));
  }
}

/** Cuts a text into its top-level blocks; blank lines go with the block before them. The pieces together are the text. */
function cut(text: string): string[] {
  if (text === '' || isTooDeep(text)) return text === '' ? [] : [text];
  const sources: string[] = [];
  let from = 0;
  for (const { type, raw } of newLexer().blockTokens(text, [])) {
    // marked changes characters of `raw` (tabs, the end of an empty item), but goes on in the text by its length.
    const source = text.slice(from, (from += raw.length));
    if (type === 'space' && sources.length > 0) sources[sources.length - 1] += source;
    else sources.push(source);
  }
  return sources;
}

/** The nodes of a block that is still being written, as if its open marks were closed: nothing flickers as it grows. */
function parseOpen(source: string): BlockNode[] {
  if (/^ {0,3}(?:`{3}|~{3})/.test(source) && !isClosedFence(source)) return parseBlock(source);
  return parseBlock(
    remend(source, {
      linkMode: 'text-only',
      // These would show something else than the closed block will.
      comparisonOperators: false,
      htmlTags: false,
      singleTilde: false,
      katex: false,
    }),
  );
}
