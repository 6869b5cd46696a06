import { describe, expect, it } from 'vitest';
import { titleFrom } from '../../main/services/store/title.ts';

describe('a title made from a message', () => {
  it.each([
    ['Why is the sky blue?', 'Why is the sky blue?'],
    ['Why is the sky blue? And the sea?', 'Why is the sky blue?'],
    ['The sky is blue.', 'The sky is blue'],
    ['Hello! Could you help me?', 'Could you help me?'],
    ['Hi. Hello there! What is a lighthouse? And a port?', 'What is a lighthouse?'],
    ['你好！请总结这份文件。', '请总结这份文件'],
    ['Why? Tell me more about it', 'Why?'],
    ['Explain it. Thanks', 'Explain it'],
    ['Hello!', 'Hello!'],
    ['\n\n  \n  First line\nsecond line', 'First line'],
    ['天空为什么是蓝色的？请简单解释。', '天空为什么是蓝色的？'],
    ['请总结这份文件。谢谢', '请总结这份文件'],
    ['Compare version 3.5 with 4.0 for me', 'Compare version 3.5 with 4.0 for me'],
    ['Use e.g. the second file', 'Use e.g. the second file'],
    ['Dr. who knows', 'Dr. who knows'],
    ['Wait... what', 'Wait... what'],
    ['Please read this:\nlong text', 'Please read this'],
    ['a\tb\u00a0 c', 'a b c'],
  ])('of %j is %j', (text, title) => {
    expect(titleFrom(text)).toBe(title);
  });

  it.each([
    ['# Heading', 'Heading'],
    ['> quoted **bold** and *italic* text', 'quoted bold and italic text'],
    ['- [ ] buy `milk`', 'buy milk'],
    ['1. first', 'first'],
    ['See [the page](https://example.org/a_b) and ![a cat](cat.png)', 'See the page and a cat'],
    ['~~old~~ __new__', 'old new'],
    ['2 * 3 * 4 and snake_case_name', '2 * 3 * 4 and snake_case_name'],
    ['```js\nconst a = 1;\n```', 'const a = 1'],
    ['---\nAfter the rule', 'After the rule'],
    ['C# or #hashtag', 'C# or #hashtag'],
  ])('of %j has no marks: %j', (text, title) => {
    expect(titleFrom(text)).toBe(title);
  });

  it.each([
    ['word '.repeat(30), `${'word '.repeat(12).trim()}…`],
    ['w'.repeat(100), `${'w'.repeat(59)}…`],
    ['长'.repeat(100), `${'长'.repeat(59)}…`],
    ['🌊'.repeat(100), `${'🌊'.repeat(59)}…`],
    ['x'.repeat(60), 'x'.repeat(60)],
  ])('of the long %j is %j', (text, title) => {
    expect(titleFrom(text)).toBe(title);
    expect([...titleFrom(text)].length).toBeLessThanOrEqual(60);
  });

  it.each(['', ' \n\t', '...', '---', '```\n```', '。。。'])('of %j is empty', (text) => {
    expect(titleFrom(text)).toBe('');
  });

  it('takes no time on a hostile text', () => {
    const start = performance.now();
    for (const piece of ['*', '_', '[', '`', '[](', '> ', '- ', '!', '.', '" ']) titleFrom(piece.repeat(50_000));
    titleFrom(`${'a '.repeat(200_000)}b`);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});
