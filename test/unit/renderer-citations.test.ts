import { describe, expect, it } from 'vitest';
import { insertMarks } from '../../renderer/markdown/citation-marks.ts';
import { GrowingMarkdown } from '../../renderer/markdown/growing.ts';
import { textOf, type BlockNode, type Inline } from '../../renderer/markdown/nodes.ts';

/** A notation: "^" stands where a citation ends, and is shown as "[0]", "[1]" where its mark comes to stand. */
function shown(notation: string): string {
  const ends: number[] = [];
  let text = '';
  for (const character of notation) {
    if (character === '^') ends.push(text.length);
    else text += character;
  }
  const marked = insertMarks(
    text,
    ends.map((end) => ({ end })),
  );
  const blocks = new GrowingMarkdown().update(marked, true);
  return blocks.flatMap(({ nodes }) => nodes.map(blockWords)).join(' / ');
}

const words = (nodes: Inline[]): string =>
  nodes
    .map((node) => {
      if (node.type === 'cite') return `[${node.index}]`;
      if (node.type === 'strong') return `<b>${words(node.children)}</b>`;
      if (node.type === 'em') return `<i>${words(node.children)}</i>`;
      if (node.type === 'link') return `<${node.address} ${words(node.children)}>`;
      return node.type === 'code' ? `\`${node.text}\`` : textOf([node]);
    })
    .join('');

function blockWords(node: BlockNode): string {
  if (node.type === 'paragraph' || node.type === 'heading') return words(node.children);
  if (node.type === 'list') return node.items.map((item) => `- ${item.children.map(blockWords).join(' ')}`).join(' ');
  if (node.type === 'table') return [node.head, ...node.rows].map((row) => row.map(words).join('|')).join(' ; ');
  if (node.type === 'code') return `code ${node.text}`;
  if (node.type === 'quote') return `> ${node.children.map(blockWords).join(' ')}`;
  return node.type;
}

describe('marks of citations in an answer', () => {
  it.each([
    ['It was paid in June.^ Nobody said so.^', 'It was paid in June.[0] Nobody said so.[1]'],
    ['It was paid^.', 'It was paid[0].'],
    ['It was **paid.^** So', 'It was <b>paid.</b>[0] So'],
    ['It was **paid.**^ So', 'It was <b>paid.</b>[0] So'],
    ['It was **paid**^, so', 'It was <b>paid</b>[0], so'],
    ['**付清了。**^后来', '<b>付清了。</b>[0]后来'],
    ['孤舟蓑笠翁，独钓寒江雪。^^', '孤舟蓑笠翁，独钓寒江雪。[0][1]'],
    ['- one^\n- two^\n', '- one[0] - two[1]'],
    ['one\n^\n> two^', 'one[0] / > two[1]'],
    ['| a | b |\n| - | - |\n| 1 | 2 |^\n', 'a|b ; 1|2[0]'],
    ['Call `read^()` now.', 'Call `read()` now.[0]'],
    ['See [the letter^](https://a.example/b) there.', 'See <https://a.example/b the letter> there.[0]'],
    ['See https://a.example/b^', 'See <https://a.example/b https://a.example/b>[0]'],
    ['```\ncode^ here\n```', 'code code here / [0]'],
    ['## Terms^\ntext', 'Terms[0] / text'],
    ['no⸢7⸣ne', 'no⌈7⌉ne'],
  ])('%j reads %j', (notation, expected) => expect(shown(notation)).toBe(expected));

  it('stand in the order of the text, whatever the order of the list', () => {
    expect(insertMarks('one two', [{ end: 7 }, { end: 3 }, { end: 99 }])).toBe('one⸢1⸣ two⸢0⸣⸢2⸣');
  });
});
