import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeEntities } from '../../renderer/markdown/entities.ts';
import { GrowingMarkdown } from '../../renderer/markdown/growing.ts';
import { destination, openable } from '../../renderer/markdown/links.ts';
import { textOf, toCsv, type BlockNode, type Inline } from '../../renderer/markdown/nodes.ts';
import { parseBlock } from '../../renderer/markdown/parse.ts';

const nodesOf = (text: string) => new GrowingMarkdown().update(text, true).flatMap((block) => block.nodes);

/** `p(one *two*)` for a paragraph with emphasis: the tree on one line. */
function sketch(node: BlockNode | Inline): string {
  const all = (nodes: (BlockNode | Inline)[]) => nodes.map(sketch).join('');
  switch (node.type) {
    case 'text':
      return node.text;
    case 'strong':
      return `**${all(node.children)}**`;
    case 'em':
      return `*${all(node.children)}*`;
    case 'del':
      return `~~${all(node.children)}~~`;
    case 'break':
      return '⏎';
    case 'link':
      return `[${all(node.children)}→${node.address ?? `none:${node.written}`}]`;
    case 'image':
      return `image(${node.alt}|${node.address})`;
    case 'cite':
      return node.written;
    case 'math':
      return `$${node.tex}$`;
    case 'code':
      return 'language' in node ? `code(${node.language}|${node.text}${node.closed ? '' : '…'})` : `\`${node.text}\``;
    case 'paragraph':
      return `p(${all(node.children)})`;
    case 'heading':
      return `h${node.depth}(${all(node.children)})`;
    case 'quote':
      return `quote(${all(node.children)})`;
    case 'list': {
      const mark = { null: '', true: '[x]', false: '[ ]' };
      const items = node.items.map((item) => mark[`${item.checked}`] + all(item.children));
      return `${node.ordered ? `ol${node.start}` : 'ul'}(${items.join('|')})`;
    }
    case 'table':
      return `table(${[node.head, ...node.rows].map((row) => row.map((cell) => all(cell)).join('|')).join('/')})`;
    case 'rule':
      return 'rule';
    case 'plain':
      return `plain(${node.text})`;
  }
}
const read = (text: string) => nodesOf(text).map(sketch).join(' ');

describe('Markdown of an answer', () => {
  it.each([
    ['one\ntwo', 'p(one⏎two)'],
    ['# A *b*\n\ntext', 'h1(A *b*) p(text)'],
    ['- a\n- b\n  1. c\n\n***', 'ul(p(a)|p(b)ol1(p(c))) rule'],
    ['3. three\n4. four', 'ol3(p(three)|p(four))'],
    ['- [ ] open\n- [x] done', 'ul([ ]p(open)|[x]p(done))'],
    ['> a\n> > b', 'quote(p(a)quote(p(b)))'],
    ['| a | b |\n|---|--:|\n| 1 | **2** |', 'table(a|b/1|**2**)'],
    ['a ~~b~~, 20~25, c~d~e', 'p(a ~~b~~, 20~25, c~d~e)'],
    ['**重点：**内容', 'p(**重点：**内容)'],
    ['```js\n<b>\n```\nafter', 'code(js|<b>) p(after)'],
    ['~~~\n```\n~~~', 'code(|```)'],
    ['````\n```\n````', 'code(|```)'],
    ['a &lt;b&gt; &#x41; &nonsense;', 'p(a <b> A &nonsense;)'],
    ['`&lt;` and \\*', 'p(`&lt;` and *)'],
    ['![alt](https://a.example/x.png "t")', 'p(image(alt|https://a.example/x.png))'],
    ['[^1]: a note\n\n[x]: https://a.example/', 'p([^1]: a note) p([x]: [https://a.example/→https://a.example/])'],
  ])('%j', (text, tree) => expect(read(text)).toBe(tree));

  it.each([
    ['<script>alert(1)</script>', 'p(<script>alert(1)</script>)'],
    ['<div onclick="x">\n\n**b**\n\n</div>', 'p(<div onclick="x">) p(**b**) p(</div>)'],
    ['# <img src=x onerror=alert(1)>', 'h1(<img src=x onerror=alert(1)>)'],
    ['| <svg/onload=1> |\n|--|\n| <b>x</b> |', 'table(<svg/onload=1>/<b>x</b>)'],
    ['<!-- hidden -->', 'p(<!-- hidden -->)'],
  ])('shows HTML as the text that it is: %j', (text, tree) => expect(read(text)).toBe(tree));

  it.each([
    ['$x^2$ and \\(y\\)', 'p($x^2$ and $y$)'],
    ['$$\\frac12$$', '$\\frac12$'],
    ['\\[\na_1 * b * c\n\\]\n\nafter', '$a_1 * b * c$ p(after)'],
    ['so $$a$$ it is', 'p(so $a$ it is)'],
    ['$5 and $10', 'p($5 and $10)'],
    ['from $5 to US$7, or $5-$10', 'p(from $5 to US$7, or $5-$10)'],
    ['$5, or A$ more', 'p($5, or A$ more)'],
    ['it costs $ 5 $', 'p(it costs $ 5 $)'],
    ['`$x$` and \\$x\\$', 'p(`$x$` and $x$)'],
    ['$$ without end\n\nnext', 'p($$ without end) p(next)'],
    ['$2n$ steps', 'p($2n$ steps)'],
  ])('tells formulas from prices: %j', (text, tree) => expect(read(text)).toBe(tree));

  it('closes what is half written while a block is open', () => {
    const shapes = ['a **bo', 'a `co', 'a [li](htt', 'a ![im](htt', 'a ~~de'].map((text) =>
      new GrowingMarkdown()
        .update(text, false)
        .flatMap(({ nodes }) => nodes.map(sketch))
        .join(' '),
    );
    expect(shapes).toEqual(['p(a **bo**)', 'p(a `co`)', 'p(a li)', 'p(a image(im|))', 'p(a ~~de~~)']);
  });

  it('does not take apart what would hold up the page', () => {
    for (const text of [
      '>'.repeat(50_000) + ' a',
      '- '.repeat(3000) + 'a',
      `|${'a|'.repeat(30_000)}`,
      '*a_'.repeat(13_000),
    ]) {
      const started = performance.now();
      nodesOf(text);
      expect(performance.now() - started).toBeLessThan(500);
    }
    expect(parseBlock(`**a** ${'x'.repeat(5000)}`)[0]?.type).toBe('plain');
    expect(parseBlock(`**重点** ${'天地玄黄，宇宙洪荒。'.repeat(500)}`)[0]?.type).toBe('paragraph');
    expect(parseBlock('> '.repeat(40) + 'deep')[0]?.type).toBe('plain');
  });
});

describe('a text that grows', () => {
  /** Pieces that make and unmake blocks wherever they meet. */
  const piece = fc.constantFrom(
    ...[
      'a',
      'word ',
      '\n',
      '\n\n',
      '# ',
      '#',
      '- ',
      '1. ',
      '> ',
      '```',
      '```js\n',
      '~~~\n',
      '    ',
      '  ',
      '| a | b |\n',
    ],
    ...['|---|---|\n', '---', '===', '***', '**', '_', '`', '$', '$$', '\\[', '\\]', '[x]', '(https://e.example)', '!'],
    ...['<div>', '<!--', '\t', '\r\n', '[a]: b\n', '中文', '1', '.', '+', '\n  ', '\n\n    ', '* ', ':', '|'],
  );
  const text = fc.array(piece, { maxLength: 40 });

  it('never changes a block that was closed, and ends as if it had come at once', () => {
    fc.assert(
      fc.property(text, (pieces) => {
        const growing = new GrowingMarkdown();
        const kept: { block: object; nodes: string }[] = [];
        let whole = '';
        for (const next of pieces) {
          for (const character of next) {
            whole += character;
            const blocks = growing.update(whole, false);
            blocks.forEach((block, index) => expect(block.key).toBe(index));
            for (const [index, { block, nodes }] of kept.entries()) {
              expect(blocks[index]).toBe(block);
              expect(JSON.stringify(blocks[index]?.nodes)).toBe(nodes);
            }
            for (const block of blocks.slice(kept.length, growing.closedCount)) {
              kept.push({ block, nodes: JSON.stringify(block.nodes) });
            }
          }
        }
        const sources = (blocks: readonly { source: string }[]) => blocks.map(({ source }) => source);
        const ended = growing.update(whole, true);
        expect(sources(ended)).toEqual(sources(new GrowingMarkdown().update(whole, true)));
        const written = whole.replace(/\r\n?/g, '\n');
        expect(sources(ended).join('')).toBe(written.trim() === '' ? '' : written);
      }),
      { numRuns: 1500 },
    );
  });

  it('keeps a long fence open until its own end', () => {
    const growing = new GrowingMarkdown();
    let whole = 'Like this:\n\n````md\n';
    for (let line = 0; line < 500; line += 1) {
      whole += line % 7 === 0 ? '```\n' : `line ${line}\n`;
      expect(growing.update(whole, false)).toHaveLength(2);
    }
    const blocks = growing.update(`${whole}\`\`\`\`\nafter`, false);
    expect(blocks.map(({ nodes }) => nodes[0]?.type)).toEqual(['paragraph', 'code', 'paragraph']);
  });

  it('begins anew when the text is another one', () => {
    const growing = new GrowingMarkdown();
    growing.update('one\n\ntwo\n\nthree', false);
    expect(growing.update('uno\n\ndos', true).flatMap(({ nodes }) => nodes.map(sketch))).toEqual(['p(uno)', 'p(dos)']);
  });

  it('takes in a token of a long answer without reading the answer again', () => {
    const paragraph = 'The quick **brown** fox `jumps` over the lazy dog.\n\n- one\n- two\n\n';
    const growing = new GrowingMarkdown();
    let whole = paragraph.repeat(1500); // about 100,000 characters
    growing.update(whole, false);
    const started = performance.now();
    for (let token = 0; token < 200; token += 1) growing.update((whole += ' word'), false);
    expect((performance.now() - started) / 200).toBeLessThan(4);
  });
});

describe('the address of a link', () => {
  it.each([
    ['https://example.org/a b', 'https://example.org/a%20b'],
    ['HTTPS://EXAMPLE.org', 'https://example.org/'],
    ['mailto:a@example.org', 'mailto:a@example.org'],
    ['https://аррӏе.com/', 'https://xn--80ak6aa92e.com/'],
  ])('%s can be opened', (written, address) => expect(openable(written)).toBe(address));

  it.each([
    'http://example.org',
    'javascript:alert(1)',
    ' java\nscript:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    'vbscript:x',
    'file:///etc/passwd',
    'blob:https://example.org/x',
    '//example.org',
    '/settings',
    '#x',
    'https://example.org@evil.example/',
    'https://',
    `https://example.org/${'a'.repeat(3000)}`,
  ])('%j cannot', (written) => expect(openable(written)).toBeNull());

  it('survives no disguise by entities', () => {
    const [node] = nodesOf('[x](javascript&#58;alert&#40;1&#41;)');
    expect(node && sketch(node)).toBe('p([x→none:javascript:alert(1)])');
    expect(decodeEntities('&#0;&#xD800;&#x110000;')).toBe('\ufffd\ufffd\ufffd');
  });

  it('names whom it leads to', () => {
    expect(destination('https://example.org:8443/a')).toBe('example.org:8443');
    expect(destination('mailto:a@example.org')).toBe('a@example.org');
  });
});

describe('a table as CSV', () => {
  it('quotes what needs it and defuses formulas', () => {
    const [table] = nodesOf('| a | b, c |\n|---|---|\n| say "x" | =1+1 |\n| -5 | -x |');
    if (table?.type !== 'table') throw new Error('no table');
    expect(toCsv(table.head, table.rows)).toBe(`a,"b, c"\r\n"say ""x""",'=1+1\r\n-5,'-x\r\n`);
    expect(textOf(table.head[1] ?? [])).toBe('b, c');
  });
});
