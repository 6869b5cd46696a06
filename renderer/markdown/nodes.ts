/** What a line of text consists of. Every string is plain text: there is no node that carries HTML. */
export type Inline =
  | { type: 'text'; text: string }
  | { type: 'strong' | 'em' | 'del'; children: Inline[] }
  | { type: 'code'; text: string }
  | { type: 'math'; tex: string; display: boolean; source: string }
  /** `address` is null where it must not be opened; `written` is what stood in the text. */
  | { type: 'link'; address: string | null; written: string; children: Inline[] }
  /** Never fetched. `address` is empty while it is still being written. */
  | { type: 'image'; alt: string; address: string }
  | { type: 'break' }
  /** A mark of a citation, by its place in the list of the answer's; `written` is how it stood in the text. */
  | { type: 'cite'; index: number; written: string };

export type ListItem = { checked: boolean | null; children: BlockNode[] };

export type BlockNode =
  | { type: 'paragraph'; children: Inline[] }
  | { type: 'heading'; depth: number; children: Inline[] }
  | { type: 'code'; language: string; text: string; closed: boolean }
  | { type: 'math'; tex: string; source: string; closed: boolean }
  | { type: 'quote'; children: BlockNode[] }
  | { type: 'list'; ordered: boolean; start: number; items: ListItem[] }
  | { type: 'table'; align: ('left' | 'center' | 'right' | null)[]; head: Inline[][]; rows: Inline[][][] }
  | { type: 'rule' }
  /** Too deep or too long to be taken apart within a frame. */
  | { type: 'plain'; text: string };

/** The words of some inline nodes, for labels and for CSV. */
export function textOf(nodes: Inline[]): string {
  return nodes
    .map((node) => {
      if (node.type === 'text' || node.type === 'code') return node.text;
      if (node.type === 'math') return node.source;
      if (node.type === 'image') return node.alt;
      if (node.type === 'break') return ' ';
      if (node.type === 'cite') return '';
      return textOf(node.children);
    })
    .join('');
}

/** A table as RFC 4180 wants it; see `csvOf`. */
export const toCsv = (head: Inline[][], rows: Inline[][][]): string =>
  csvOf([head, ...rows].map((row) => row.map(textOf)));

/** Rows as RFC 4180 wants them, with a leading apostrophe where a spreadsheet would take a cell for a formula. */
export function csvOf(rows: readonly (readonly string[])[]): string {
  const cell = (text: string) => {
    const harmless = /^[=+@\t\r\n＝＋－＠]|^-(?![\d.,]+(?:e[+-]?\d+)?%?$)/i.test(text) ? `'${text}` : text;
    return /[",\n\r]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
  };
  return rows.map((row) => row.map(cell).join(',')).join('\r\n') + '\r\n';
}
