import type { Span } from '../../contract/documents.ts';
import type { Part, TextBlock } from '../../contract/extraction.ts';
import type { Passage } from './cite.ts';
import type { Stretch } from './sentences.ts';

/** Some of a document as the model is shown it: whole parts, or stretches of them. */
export type Shown = {
  id: string;
  name: string;
  parts: Iterable<{ number: number; part: Pick<Part, 'kind' | 'label' | 'text' | 'blocks'>; stretch: Stretch | null }>;
};

/** A block of a stored document, and what it is. */
export type Block = Omit<Passage, 'mark'> & Pick<TextBlock, 'kind'>;

/** Blocks are put together until they have this many characters: a mark for each line of a table would cost more than it. */
const SHORT = 120;

/**
 * The text of documents with a number before each paragraph, which an answer can name, from `firstMark` on; and what
 * each number stands for. What a document says cannot end it: its own end tags are broken.
 */
export function markedText(documents: Iterable<Shown>, firstMark: number): { text: string; passages: Passage[] } {
  const passages: Passage[] = [];
  const lines: string[] = [];
  for (const { id, name, parts } of documents) {
    lines.push(`<document name="${quotable(name)}">`);
    let known: number | null = null;
    for (const { number, part, stretch } of parts) {
      if (known !== number && part.kind !== 'text') lines.push(`(${part.kind} ${quotable(part.label)})`);
      known = number;
      for (const { start, end } of paragraphsOf(part, stretch ?? { start: 0, end: part.text.length })) {
        const text = part.text.slice(start, end);
        const mark = firstMark + passages.length;
        const span: Span = { documentId: id, part: number, start, end };
        passages.push({ mark, span, part: { kind: part.kind, label: part.label }, text });
        lines.push(`[${mark}] ${text.replace(/<(\/?document)/gi, '< $1')}`);
      }
    }
    lines.push('</document>');
  }
  return { text: lines.join('\n'), passages };
}

const quotable = (name: string) => name.replace(/["<>\s]+/gu, ' ');

/** The blocks of a part; a text without any is one. */
export const blocksIn = ({ text, blocks }: Pick<Part, 'text' | 'blocks'>): readonly TextBlock[] =>
  blocks.length > 0 ? blocks : [{ kind: 'paragraph', start: 0, end: text.length, level: 0 }];

/** The blocks within a stretch, short ones and headings together with what follows. */
function paragraphsOf(part: Pick<Part, 'text' | 'blocks'>, within: Stretch): Stretch[] {
  const { text } = part;
  const found: Stretch[] = [];
  let open: Stretch | null = null;
  const close = () => {
    if (open !== null && text.slice(open.start, open.end).trim() !== '') found.push(open);
    open = null;
  };
  for (const { kind, ...block } of blocksIn(part)) {
    const [start, end] = [Math.max(block.start, within.start), Math.min(block.end, within.end)];
    if (start >= end) continue;
    if (kind === 'heading') close();
    open = { start: open === null ? start : open.start, end };
    if (kind !== 'heading' && end - open.start >= SHORT) close();
  }
  close();
  return found;
}
