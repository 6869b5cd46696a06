import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UnpackEvent } from '../../main/contract/extraction.ts';
import { html } from '../../main/reader/documents/html.ts';
import { unpackInThread } from '../../main/reader/documents/thread.ts';
import { openZip, UnpackBudget } from '../../main/reader/documents/zip.ts';
import { compareWords, extractAll, fixture, sample, wordsOf } from '../support/extractions.ts';

let root = '';
beforeAll(async () => void (root = await mkdtemp(join(tmpdir(), 'longhand-web-'))));
afterAll(() => rm(root, { recursive: true }));

async function write(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(root, name);
  await writeFile(path, content);
  return path;
}

async function unpackAll(path: string, folder = join(root, `out-${Math.random()}`)) {
  const events: UnpackEvent[] = [];
  const { signal } = new AbortController();
  for await (const event of unpackInThread({ path, name: path, folder }, { signal })) events.push(event);
  const files = events.filter((event) => event.type === 'file');
  const end = events.at(-1);
  return { files, leftOut: end?.type === 'end' ? end.leftOut : null, folder };
}

describe('a page or a book', () => {
  it.each([
    ['report-en.html', 'report-en.reference.txt'],
    ['report-zh.html', 'report-zh.reference.txt'],
    ['report-gb.html', 'report-zh.reference.txt'],
    ['report-en.epub', 'report-en.epub.reference.txt'],
    ['report-zh.epub', 'report-zh.epub.reference.txt'],
  ])('%s has the words that pandoc finds in it', async (name, reference) => {
    const { text } = await extractAll(fixture(`web/${name}`));
    const { recall, precision, words } = compareWords(text, await readFile(fixture(`web/${reference}`), 'utf8'));
    expect(words).toBeGreaterThan(1000);
    expect(recall).toBeGreaterThan(0.99);
    expect(precision).toBeGreaterThan(0.99);
  });

  it('in chapters has them for parts, named and found as its contents say', async () => {
    const { parts, outline, title } = await extractAll(fixture('web/report-en.epub'));
    expect(title).toBe('Annual report');
    expect(parts.every(({ kind }) => kind === 'chapter')).toBe(true);
    expect(outline.map((entry) => entry.title)).toContain('What readers wish');
    for (const { part, offset, title } of outline)
      expect(parts[part]!.text.slice(offset)).toMatch(new RegExp(`^${title}`));
  });

  it('has each of 200 spans of a chapter where that chapter is in its source', async () => {
    const { parts } = await extractAll(fixture('web/report-en.epub'));
    const reference = wordsOf(await readFile(fixture('web/report-en.epub.reference.txt'), 'utf8')).join(' ');
    const starts = parts.map(({ label }) => reference.lastIndexOf(wordsOf(label).join(' ')));
    const spans = sample(
      parts.flatMap(({ text, blocks }, part) =>
        blocks.map((block) => ({ part, words: wordsOf(text.slice(block.start, block.end)) })),
      ),
      200,
    );
    const found = spans.filter(({ part, words }) => {
      const at = reference.indexOf(words.slice(0, 12).join(' '), starts[part]);
      return at !== -1 && at < (starts[part + 1] ?? reference.length + 1);
    });
    expect(found.length).toBeGreaterThanOrEqual(198);
  });

  it('leaves out scripts, hidden words and, around a main part, navigation', async () => {
    const page = `<!doctype html><title>A &amp; B</title><nav>menu</nav><main><h1>Head</h1><p>one<br>two <b>three</b></p><script>no()</script>
      <p hidden>no</p><p style="display:none">no</p><ul><li>item<ol><li>inner</ol></ul><table><tr><th>a<th>b<tr><td>1<td>2</table><pre>x\n  y</pre></main>`;
    const { text, title, parts } = await extractAll(await write('page.html', page));
    expect(title).toBe('A & B');
    expect(text).toBe('Head\n\none two three\n\n• item\n1. inner\n\na\tb\n1\t2\n\nx\n  y');
    expect(parts[0]!.blocks.map(({ kind }) => kind)).toEqual([
      'heading',
      'paragraph',
      'item',
      'item',
      'row',
      'row',
      'code',
    ]);
  });
});

it('is told for what it is at once, however many remarks stand before it', () => {
  const bytes = new TextEncoder().encode('<!---->'.repeat(140));
  const began = performance.now();
  expect(html.matches({ bytes, ending: 'txt' } as never)).toBe(false);
  expect(performance.now() - began).toBeLessThan(1000);
});

describe('a mail', () => {
  it('has its people, its date and its text, and names what came with it', async () => {
    const { text, title, notes } = await extractAll(fixture('web/mail.eml'));
    const source = await readFile(fixture('texts/zh-hans.txt'), 'utf8');
    expect(title).toBe('年度报告 and its figures');
    expect(text).toContain('From: 林秋水 <lin@greenstone.example>');
    expect(text.endsWith(source.trim())).toBe(true);
    expect(notes).toEqual([{ code: 'attachments', details: { count: 2, names: ['figures.csv', '年度报告.docx'] } }]);
  });

  it('gives the files that came with it', async () => {
    const { files } = await unpackAll(fixture('web/mail.eml'));
    expect(files.map(({ name }) => name)).toEqual(['figures.csv', '年度报告.docx']);
    expect(await readFile(files[0]!.path, 'utf8')).toBe(await readFile(fixture('texts/figures.csv'), 'utf8'));
    expect((await extractAll(files[1]!.path)).text).toContain('林秋水');
  });
});

describe('an archive', () => {
  const text = (words: string) => new TextEncoder().encode(words);

  it('tells what it holds and gives it, archives in it too', async () => {
    const inner = zipSync({ 'deep/b.txt': text('b'), 'c.zip': zipSync({ 'd.txt': text('d') }) });
    const path = await write('a.zip', zipSync({ 'docs/a.txt': text('a'), 'in.zip': inner, '__MACOSX/x': text('x') }));
    expect((await extractAll(path)).notes[0]).toMatchObject({ code: 'attachments', details: { count: 3 } });
    const { files, leftOut } = await unpackAll(path);
    expect(files.map(({ name }) => name)).toEqual(['docs/a.txt', 'in.zip/deep/b.txt']);
    expect(leftOut).toEqual([{ name: 'in.zip/c.zip', reason: 'too-deep' }]);
  });

  it.each(['../out.txt', '/etc/out.txt', 'a/../../out.txt', 'C:\\out.txt', '..\\out.txt'])(
    'writes nothing of the name %s',
    async (name) => {
      const { files, leftOut, folder } = await unpackAll(
        await write('bad.zip', zipSync({ [name]: text('x'), 'fine.txt': text('y') })),
      );
      expect(files.map((file) => file.name)).toEqual(['fine.txt']);
      expect(leftOut).toEqual([{ name: expect.any(String) as string, reason: 'unsafe-name' }]);
      expect(await readdir(folder)).toEqual(['00001.txt']);
    },
  );

  it('leaves out links', async () => {
    const link = zipSync({ link: [text('/etc/passwd'), { os: 3, attrs: (0o120777 << 16) >>> 0 }] });
    expect((await unpackAll(await write('link.zip', link))).leftOut).toEqual([{ name: 'link', reason: 'link' }]);
  });

  it('whose files do not begin where it says is called damaged', () => {
    const bytes = zipSync({ 'a.txt': text('a') });
    const entryAt = Buffer.from(bytes).indexOf('PK\x01\x02', undefined, 'latin1');
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(entryAt + 42, bytes.length - 10, true);
    const zip = openZip(bytes, new UnpackBudget(1000));
    expect(() => zip.read('a.txt')).toThrowError(expect.objectContaining({ code: 'document-unreadable' }));
  });
});
