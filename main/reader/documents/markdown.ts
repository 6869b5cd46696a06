import type { TextBlock } from '../../contract/extraction.ts';
import type { DocumentFormat } from './format.ts';
import { blockOf, linesOf, readText, type Line } from './text.ts';

/** Markdown, verbatim: its marks stay, since a model reads them; headings, items, tables and fenced code are told apart. */
export const markdown: DocumentFormat = {
  id: 'markdown',
  matches: ({ ending }) => ['md', 'markdown', 'mdown', 'mkd', 'rst'].includes(ending),
  read: (file) =>
    readText(file, {
      format: 'markdown',
      blocksOf,
      titleOf: (text) => /^ {0,3}#\s+(.+?)[\s#]*$/m.exec(text)?.[1] ?? null,
    }),
};

const FENCE = /^\s*(`{3,}|~{3,})/;
const HEADING = /^ {0,3}(#{1,6})\s+\S/;
const ITEM = /^(\s*)(?:[-*+]|\d{1,9}[.)])\s+\S/;
const ROW = /^\s*\|.*\|\s*$/;
const UNDERLINE = /^ {0,3}(=+|-+)\s*$/;

type Open = { kind: TextBlock['kind']; level: number; lines: Line[]; fence?: string };

function blocksOf(text: string): TextBlock[] {
  const blocks: TextBlock[] = [];
  let open: Open | null = null as Open | null;
  const close = () => {
    if (open !== null) blocks.push(blockOf(open.kind, open.lines, open.level));
    open = null;
  };
  const begin = (next: Open) => {
    close();
    open = next;
  };
  for (const line of linesOf(text)) {
    const fence = FENCE.exec(line.text)?.[1];
    if (open?.fence !== undefined) {
      open.lines.push(line);
      if (fence?.startsWith(open.fence)) close();
    } else if (fence !== undefined) {
      begin({ kind: 'code', level: 0, lines: [line], fence });
    } else if (line.text.trim() === '') {
      close();
    } else if (HEADING.test(line.text)) {
      begin({ kind: 'heading', level: HEADING.exec(line.text)![1]!.length, lines: [line] });
      close();
    } else if (UNDERLINE.test(line.text) && open?.kind === 'paragraph') {
      open = { kind: 'heading', level: line.text.includes('=') ? 1 : 2, lines: [...open.lines, line] };
      close();
    } else if (ITEM.test(line.text)) {
      begin({ kind: 'item', level: 1 + Math.floor(ITEM.exec(line.text)![1]!.length / 2), lines: [line] });
    } else if (ROW.test(line.text)) {
      begin({ kind: 'row', level: 0, lines: [line] });
      close();
    } else if (open === null) {
      begin({ kind: 'paragraph', level: 0, lines: [line] });
    } else {
      open.lines.push(line);
    }
  }
  close();
  return blocks;
}
