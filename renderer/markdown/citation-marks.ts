import type { BlockNode, Inline } from './nodes.ts';

/**
 * Marks of citations travel through Markdown as characters of its text, since no offset survives that: "⸢0⸣" stands where
 * the stretch that the first citation is about ends. They count as punctuation, so emphasis closes before and after them.
 */
const MARK = /⸢(\d{1,4})⸣/g;

type Ended = { end: number };

/** The text with a mark for each citation, by its place in the list; brackets of the text's own are no marks. */
export function insertMarks(text: string, citations: readonly Ended[]): string {
  const own = text.replaceAll('⸢', '⌈').replaceAll('⸣', '⌉');
  const places = citations.map(({ end }, index) => ({ at: placeOf(own, end), index })).sort((a, b) => a.at - b.at);
  let marked = '';
  let from = 0;
  for (const { at, index } of places) {
    marked += `${own.slice(from, at)}⸢${index}⸣`;
    from = at;
  }
  return marked + own.slice(from);
}

/** Behind the last word, at the end of no line but its own, and behind what closes its emphasis. */
function placeOf(text: string, end: number): number {
  let at = Math.min(end, text.length);
  while (at > 0 && /[\s|]/.test(text[at - 1]!)) at -= 1;
  return at + (/^[*_~`]+/.exec(text.slice(at, at + 8))?.[0].length ?? 0);
}

/** Text and the marks in it, as nodes. */
export function splitAtMarks(text: string): Inline[] {
  if (!text.includes('⸢')) return [{ type: 'text', text }];
  const nodes: Inline[] = [];
  let from = 0;
  for (const { 0: mark, 1: index, index: at } of text.matchAll(MARK)) {
    if (at > from) nodes.push({ type: 'text', text: text.slice(from, at) });
    nodes.push({ type: 'cite', index: Number(index), written: mark });
    from = at + mark.length;
  }
  if (from < text.length) nodes.push({ type: 'text', text: text.slice(from) });
  return nodes;
}

/** Text of which every character counts: code, formulas, addresses. */
export const withoutMarks = (text: string): string => (text.includes('⸢') ? text.replace(MARK, '') : text);

/** The nodes without their marks, of which `withoutMarks` leaves the words. */
export function dropMarks(nodes: Inline[]): Inline[] {
  return nodes.flatMap((node): Inline[] => {
    if (node.type === 'cite') return [];
    const holds = node.type === 'strong' || node.type === 'em' || node.type === 'del';
    return [holds ? { ...node, children: dropMarks(node.children) } : node];
  });
}

/** The nodes with the marks at their end that stood where none can be shown. */
export function keepMarks(nodes: BlockNode[], source: string): BlockNode[] {
  if (!source.includes('⸢')) return nodes;
  const shown = new Set(nodes.flatMap(marksOf));
  const lost = splitAtMarks(source).filter((node) => node.type === 'cite' && !shown.has(node.index));
  if (lost.length === 0) return nodes;
  const last = nodes.at(-1);
  if (last?.type !== 'paragraph') return [...nodes, { type: 'paragraph', children: lost }];
  return nodes.with(-1, { ...last, children: [...last.children, ...lost] });
}

function marksOf(node: BlockNode): number[] {
  if (node.type === 'paragraph' || node.type === 'heading') return marksIn(node.children);
  if (node.type === 'quote') return node.children.flatMap(marksOf);
  if (node.type === 'list') return node.items.flatMap(({ children }) => children.flatMap(marksOf));
  if (node.type === 'table') return [...node.head, ...node.rows.flat()].flatMap(marksIn);
  return [];
}

function marksIn(nodes: readonly Inline[]): number[] {
  return nodes.flatMap((node) => {
    if (node.type === 'cite') return node.index;
    return node.type === 'strong' || node.type === 'em' || node.type === 'del' ? marksIn(node.children) : [];
  });
}
