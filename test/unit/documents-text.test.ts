import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import iconv from 'iconv-lite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { extractInThread } from '../../main/reader/documents/thread.ts';
import { extractAll, fixture } from '../support/extractions.ts';

let root = '';
beforeAll(async () => void (root = await mkdtemp(join(tmpdir(), 'longhand-text-'))));
afterAll(() => rm(root, { recursive: true }));

async function write(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(root, name);
  await writeFile(path, content);
  return path;
}

describe('a text', () => {
  it.each([
    ['zh-hans.txt', 'utf-8', false],
    ['zh-hans.txt', 'gb18030', true],
    ['zh-hans.txt', 'utf-16le', false],
    ['zh-hans.txt', 'utf-16be', false],
    ['zh-hant.txt', 'big5', true],
    ['ja.txt', 'shift_jis', true],
    ['ja.txt', 'euc-jp', true],
    ['en.txt', 'utf-16le', false],
    ['en.txt', 'windows-1252', true],
  ])('%s is read the same in %s', async (name, encoding, isGuess) => {
    const text = await readFile(fixture(`texts/${name}`), 'utf8');
    const found = await extractAll(await write(`${encoding}.txt`, iconv.encode(text, encoding)));
    expect(found.text).toBe(text.trimEnd());
    expect(found.notes).toEqual(isGuess ? [{ code: 'encoding-guessed', details: { encoding } }] : []);
  });

  it('of a few words of Chinese is told by them', async () => {
    const found = await extractAll(await write('few.txt', iconv.encode('会议记录：明天下午三点。', 'gb18030')));
    expect(found.text).toBe('会议记录：明天下午三点。');
  });

  it('has its paragraphs for blocks', async () => {
    const { parts } = await extractAll(await write('two.txt', 'One line\r\nand its second.\r\n\r\nTwo.\r\n'));
    expect(parts).toHaveLength(1);
    const { text, blocks } = parts[0]!;
    expect(blocks.map(({ start, end }) => text.slice(start, end))).toEqual(['One line\nand its second.', 'Two.']);
  });

  it('that is long comes in parts that together are the whole', async () => {
    const lines = Array.from({ length: 30_000 }, (_, index) => `Line ${index + 1} of a long record.`);
    const { parts } = await extractAll(await write('long.txt', lines.join('\n')));
    expect(parts.length).toBeGreaterThan(5);
    expect(parts.map(({ text }) => text).join('\n')).toBe(lines.join('\n'));
    expect(parts[0]!.label).toBe(`1–${parts[0]!.text.split('\n').length}`);
    expect(parts.at(-1)!.label).toMatch(/–30000$/);
  });

  it('loses what nobody sees', async () => {
    const { text } = await extractAll(await write('odd.txt', 'hy\u00adphen\u200b ated\u00a0e\u0301\ufeff'));
    expect(text).toBe('hyphen ated é');
  });
});

describe('Markdown', () => {
  it('tells headings, items, tables and code apart and has an outline', async () => {
    const source =
      '# Title\n\nText\ngoes on.\n\nSecond\n------\n\n- one\n  - two\n\n| a | b |\n|---|---|\n\n```js\n# no heading\n```\n';
    const { parts, outline, title } = await extractAll(await write('a.md', source));
    const { text, blocks } = parts[0]!;
    expect(title).toBe('Title');
    expect(blocks.map(({ kind, level }) => `${kind} ${level}`)).toEqual([
      'heading 1',
      'paragraph 0',
      'heading 2',
      'item 1',
      'item 2',
      'row 0',
      'row 0',
      'code 0',
    ]);
    expect(text.slice(blocks[2]!.start, blocks[2]!.end)).toBe('Second\n------');
    expect(outline.map(({ title, level, part }) => [title, level, part])).toEqual([
      ['Title', 1, 0],
      ['Second', 2, 0],
    ]);
  });
});

describe('separated values', () => {
  it('become a table with numbers, truths and texts, and a text of rows that name their cells', async () => {
    const { rows, parts } = await extractAll(fixture('texts/figures.csv'));
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({
      name: 'figures',
      columns: ['Month', 'Visitors', 'Loans', 'New books', 'Open'],
      firstRow: 2,
    });
    expect(rows[0]!.rows.at(-1)).toEqual(['December', 3253, 2718, 1204, true]);
    const { text, blocks } = parts[0]!;
    expect(blocks[3]).toMatchObject({ kind: 'row', cell: 'A4' });
    expect(text.slice(blocks[3]!.start, blocks[3]!.end)).toBe('March\t1420\t988\t301\tfalse');
  });

  it('keep what only looks like a number', async () => {
    const { rows } = await extractAll(fixture('texts/名册.csv'));
    expect(rows[0]!.rows[2]).toEqual(['何雨晴', '流通部,夜班', '0023', 2019]);
  });

  it.each([
    [';', 'a;b\n"x;1";2,5\n'],
    ['\t', 'a\tb\nx;1\t2,5\n'],
    ['|', 'a|b\nx;1|2,5\n'],
  ])('divided by %j are told by their lines', async (_delimiter, source) => {
    const { rows } = await extractAll(await write('d.csv', source));
    expect(rows[0]).toMatchObject({ columns: ['a', 'b'], rows: [['x;1', '2,5']] });
  });

  it('that are many come in pieces, each with the rows of its part', async () => {
    const lines = Array.from({ length: 2_500 }, (_, index) => `${index + 1},name ${index + 1}`);
    const { rows, parts } = await extractAll(await write('many.csv', `id,name\n${lines.join('\n')}\n`));
    expect(rows.map(({ part, firstRow, rows }) => [part, firstRow, rows.length])).toEqual([
      [0, 2, 1000],
      [1, 1002, 1000],
      [2, 2002, 500],
    ]);
    expect(parts.map(({ label }) => label)).toEqual(['many 1–1001', 'many 1002–2001', 'many 2002–2501']);
  });
});

describe('reading a document', () => {
  it.each([
    ['unsupported-document', 'old.doc', Buffer.from('d0cf11e0a1b11ae1', 'hex')],
    ['unsupported-document', 'program.txt', Buffer.from('7f454c46020101000000000000000000', 'hex')],
    ['unsupported-document', 'notes.rtf', Buffer.from('{\\rtf1 hello}')],
    [
      'document-encrypted',
      'locked.docx',
      Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.from('EncryptedPackage', 'utf16le')]),
    ],
  ])('fails with %s for %s', async (code, name, bytes) => {
    await expect(extractAll(await write(name, bytes))).rejects.toMatchObject({ code });
  });

  it('fails with not-found where there is no file', async () => {
    await expect(extractAll(join(root, 'nowhere'))).rejects.toMatchObject({ code: 'not-found' });
  });

  it('leaves out parts beyond the limits and says so', async () => {
    const path = await write('parts.txt', 'word '.repeat(100_000));
    const { parts, notes } = await extractAll(path, { limits: { parts: 2 } });
    expect(parts).toHaveLength(2);
    expect(notes).toEqual([{ code: 'parts-left-out', details: { read: 2, total: 5 } }]);
  });

  it('ends a file that takes too long, and reads the next one', async () => {
    const path = await write('slow.csv', 'a,b,c,d\n'.repeat(2_000_000));
    await expect(extractAll(path, { limits: { seconds: 0.3 } })).rejects.toMatchObject({
      code: 'document-too-large',
      details: { limit: 'seconds' },
    });
    expect((await extractAll(await write('next.txt', 'fine'))).text).toBe('fine');
  });

  it('stops with its signal', async () => {
    const path = await write('stop.csv', 'a,b,c,d\n'.repeat(200_000));
    const stop = new AbortController();
    const reading = (async () => {
      for await (const event of extractInThread({ path, name: 'stop.csv' }, { signal: stop.signal })) {
        if (event.type === 'part') stop.abort(new Error('stopped'));
      }
    })();
    await expect(reading).rejects.toThrow('stopped');
  });
});
