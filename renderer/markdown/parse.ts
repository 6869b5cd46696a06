import type { Token, Tokens } from 'marked';
import { dropMarks, keepMarks, splitAtMarks, withoutMarks } from './citation-marks.ts';
import { newLexer, type BlockMathToken, type MathToken } from './dialect.ts';
import { decodeEntities } from './entities.ts';
import { openable } from './links.ts';
import type { BlockNode, Inline, ListItem } from './nodes.ts';
import { visible } from './visible.ts';

/** What `remend` writes where an image's address is still coming. */
export const UNFINISHED_IMAGE = 'streamdown:incomplete-image';

// Each level costs a walk through all that is inside it, and a browser lays deep trees out slowly. Nobody reads so deep.
const MOST_LEVELS = 24;
const TOO_DEEP = new RegExp(String.raw`^(?:[ \t]*(?:>|[-+*]|\d{1,9}[.)])){${MOST_LEVELS},}`, 'm');
const TOO_INDENTED = /^[ \t]{80,}\S/m;
const MOST_CHARACTERS = 40_000; // of one paragraph, list or table; code is not bounded, it is not taken apart
// Marks of emphasis and links cost their number times the length of their line: 13,000 in 39,000 characters took 2 s.
const MOST_WORK = 5_000_000;
// A browser seeks the breaks of a word without any again and again: 100,000 letters took Chromium 7 s to lay out.
const ENDLESS_WORD = /[^\s\u2e80-\uffef]{2000}/; // Chinese needs no blanks to be broken
const MOST_CELLS = 20_000;

/**
 * The nodes of one top-level block of Markdown, as `GrowingMarkdown` cuts them. Pure: the same source always gives the
 * same nodes, whatever stands before or after it.
 */
export function parseBlock(source: string): BlockNode[] {
  const isCode = /^ {0,3}(?:`{3}|~{3})/.test(source);
  if (
    !isCode &&
    (source.length > MOST_CHARACTERS || isTooDeep(source) || isTooTangled(source) || ENDLESS_WORD.test(source))
  ) {
    return keepMarks([{ type: 'plain', text: visible(withoutMarks(source.trim())) }], source);
  }
  return keepMarks(blockNodes(newLexer().lex(source), 0), source);
}

/** True of a text with a line that is nested deeper than anybody writes; marked would run out of stack. */
export function isTooDeep(text: string): boolean {
  return TOO_DEEP.test(text) || TOO_INDENTED.test(text);
}

function isTooTangled(source: string): boolean {
  if (source.length < 1000) return false;
  return source.split(/\n(?=[ \t]*(?:[-+*|#]|\d{1,9}[.)]|\n))/).some((piece) => {
    const marks = piece.match(/[*_~[$]/g)?.length ?? 0;
    return marks * piece.length > MOST_WORK;
  });
}

function blockNodes(tokens: Token[], depth: number): BlockNode[] {
  if (depth > MOST_LEVELS) return [{ type: 'plain', text: tokens.map(({ raw }) => raw).join('') }];
  return tokens.flatMap((token) => blockNode(token as Known, depth) ?? []);
}

// marked types a token of an extension as `any`; these are all that our dialect makes.
type Known =
  | Tokens.Space
  | Tokens.Code
  | Tokens.Heading
  | Tokens.Hr
  | Tokens.Blockquote
  | Tokens.List
  | Tokens.Paragraph
  | Tokens.Table
  | Tokens.Text
  | Tokens.Checkbox
  | BlockMathToken;

function blockNode(token: Known, depth: number): BlockNode | null {
  switch (token.type) {
    case 'space':
    case 'checkbox': // its item tells
      return null;
    case 'paragraph':
      return { type: 'paragraph', children: inlineNodes(token.tokens) };
    case 'text':
      return {
        type: 'paragraph',
        children: token.tokens ? inlineNodes(token.tokens) : plainText(token.text),
      };
    case 'heading':
      return { type: 'heading', depth: token.depth, children: inlineNodes(token.tokens) };
    case 'hr':
      return { type: 'rule' };
    case 'blockquote':
      return { type: 'quote', children: blockNodes(token.tokens, depth + 1) };
    case 'list':
      return listNode(token, depth);
    case 'table':
      return tableNode(token);
    case 'code':
      return codeNode(token);
    case 'blockMath':
      return mathNode(token);
  }
}

function codeNode({ raw, text, lang }: Tokens.Code): BlockNode {
  const language =
    decodeEntities(lang ?? '')
      .trim()
      .split(/\s/)[0] ?? '';
  return { type: 'code', language: language.slice(0, 40), text: withoutMarks(text), closed: isClosedFence(raw) };
}

function mathNode({ tex, raw, closed }: BlockMathToken): BlockNode {
  return { type: 'math', tex: withoutMarks(tex.trim()), source: withoutMarks(raw.trim()), closed };
}

/** True of a fence with its end, and of indented code, which has none. */
export function isClosedFence(raw: string): boolean {
  const [, fence] = /^ {0,3}(`{3,}|~{3,})/.exec(raw) ?? [];
  if (fence === undefined) return true;
  const [, last = ''] = /\n {0,3}(`{3,}|~{3,}) *\n*$/.exec(raw) ?? [];
  return last.startsWith(fence);
}

function listNode({ ordered, start, items }: Tokens.List, depth: number): BlockNode {
  const nodes = items.map((item): ListItem => {
    return { checked: item.task ? item.checked === true : null, children: blockNodes(item.tokens, depth + 1) };
  });
  return { type: 'list', ordered, start: start === '' ? 1 : start, items: nodes };
}

function tableNode({ raw, align, header, rows }: Tokens.Table): BlockNode {
  if (header.length * rows.length > MOST_CELLS) return { type: 'plain', text: withoutMarks(raw.trim()) };
  const cells = (row: Tokens.TableCell[]) => row.map(({ tokens }) => inlineNodes(tokens));
  return { type: 'table', align, head: cells(header), rows: rows.map(cells) };
}

type KnownInline =
  | Tokens.Text
  | Tokens.Escape
  | Tokens.Strong
  | Tokens.Em
  | Tokens.Del
  | Tokens.Codespan
  | Tokens.Br
  | Tokens.Link
  | Tokens.Image
  | Tokens.Checkbox
  | MathToken;

function inlineNodes(tokens: Token[], depth = 0): Inline[] {
  const nodes: Inline[] = [];
  for (const node of tokens.flatMap((token) => inlineNode(token as KnownInline, depth))) {
    const last = nodes.at(-1);
    // One text node instead of several, so that text which grows stays the same node of the page.
    if (node.type === 'text' && last?.type === 'text')
      nodes[nodes.length - 1] = { type: 'text', text: last.text + node.text };
    else nodes.push(node);
  }
  return nodes;
}

function inlineNode(token: KnownInline, depth: number): Inline | Inline[] {
  const inside = (tokens: Token[]): Inline[] =>
    depth < MOST_LEVELS ? inlineNodes(tokens, depth + 1) : [{ type: 'text', text: visible(token.raw) }];
  switch (token.type) {
    case 'text':
      // Text that begins a list item is a block with inline tokens of its own.
      return plainText(token.text);
    case 'escape':
      return { type: 'text', text: token.text };
    case 'strong':
    case 'em':
    case 'del':
      return { type: token.type, children: inside(token.tokens) };
    case 'codespan':
      return { type: 'code', text: visible(withoutMarks(token.text)) };
    case 'br':
      return { type: 'break' };
    case 'math':
      return {
        type: 'math',
        tex: withoutMarks(token.tex),
        display: token.display,
        source: withoutMarks(token.raw),
      };
    case 'image': {
      const written = withoutMarks(decodeEntities(token.href));
      const alt = withoutMarks(decodeEntities(token.text));
      return { type: 'image', alt, address: written === UNFINISHED_IMAGE ? '' : written };
    }
    case 'link': {
      const written = withoutMarks(token.autolink ? token.href : decodeEntities(token.href));
      const children = dropMarks(inside(token.tokens)); // a button within a link would be neither
      return { type: 'link', address: openable(written), written: visible(written), children };
    }
    case 'checkbox':
      return [];
  }
}

function plainText(text: string): Inline[] {
  return splitAtMarks(visible(decodeEntities(text)));
}
