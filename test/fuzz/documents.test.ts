import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LonghandError } from '../../main/contract/errors.ts';
import { extract } from '../../main/reader/documents/extract.ts';
import { unpackInThread } from '../../main/reader/documents/thread.ts';
import { extractAll, fixture } from '../support/extractions.ts';

const MIB = 1 << 20;
/** What a thread with its parser takes at rest, and the limit of product and reader. */
const MOST_GROWTH = 1024 * MIB + 300 * MIB;

let root = '';
beforeAll(async () => void (root = await mkdtemp(join(tmpdir(), 'longhand-hostile-'))));
afterAll(() => rm(root, { recursive: true }));

async function write(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(root, name);
  await writeFile(path, content);
  return path;
}

/** What becomes of reading a file, and by how much this process grew meanwhile at most. */
async function outcome(path: string, limits = {}): Promise<{ code: string; limit: unknown; grownMib: number }> {
  const base = process.memoryUsage.rss();
  let most = base;
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 20);
  try {
    await extractAll(path, { limits });
    return { code: 'read', limit: null, grownMib: (most - base) / MIB };
  } catch (error) {
    if (!(error instanceof LonghandError)) throw error;
    return { code: error.code, limit: error.details['limit'], grownMib: (most - base) / MIB };
  } finally {
    clearInterval(watch);
    expect(most - base).toBeLessThan(MOST_GROWTH);
  }
}

const text = (words: string) => new TextEncoder().encode(words);
const WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"';
const docx = (body: string) =>
  zipSync({ 'word/document.xml': text(`<w:document ${WORD}><w:body>${body}</w:body></w:document>`) });
const paragraph = '<w:p><w:r><w:t>word</w:t></w:r></w:p>';

describe('a hostile file', () => {
  it('that unpacks to far more than it is, is refused before it has', async () => {
    const bomb = zipSync({ 'word/document.xml': new Uint8Array(300 * MIB) }, { level: 9 });
    const { code, limit, grownMib } = await outcome(await write('bomb.docx', bomb));
    expect({ code, limit }).toEqual({ code: 'document-too-large', limit: 'unpackedBytes' });
    expect(grownMib).toBeLessThan(200);
  });

  it('that is an archive of bombs, is refused when it is unpacked', async () => {
    const zeros = new Uint8Array(40 * MIB);
    const path = await write(
      'bomb.zip',
      zipSync(Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`${index}.txt`, zeros])), { level: 9 }),
    );
    const { signal } = new AbortController();
    const unpacking = (async () => {
      for await (const _ of unpackInThread({ path, name: path, folder: join(root, 'bomb') }, { signal }));
    })();
    await expect(unpacking).rejects.toMatchObject({ code: 'document-too-large', details: { limit: 'unpackedBytes' } });
  });

  it('with entities that grow, is refused at its document type', async () => {
    const entities = Array.from(
      { length: 9 },
      (_, index) => `<!ENTITY e${index + 1} "${`&e${index};`.repeat(10)}">`,
    ).join('');
    const laughs = `<?xml version="1.0"?><!DOCTYPE d [<!ENTITY e0 "ha">${entities}]><w:document ${WORD}><w:p><w:t>&e9;</w:t></w:p></w:document>`;
    const path = await write('laughs.docx', zipSync({ 'word/document.xml': text(laughs) }));
    expect((await outcome(path)).code).toBe('document-unreadable');
  });

  it('with an entity of a file of ours, does not get it', async () => {
    const xxe = `<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">]><html><body><p>before &x; after</p></body></html>`;
    expect((await extractAll(await write('xxe.html', xxe))).text).not.toContain('root:');
  });

  it('with elements in elements without end, is refused', async () => {
    const path = await write('deep.docx', docx('<w:tbl><w:tr><w:tc>'.repeat(100_000) + paragraph));
    expect((await outcome(path)).code).toBe('document-unreadable');
  });

  it('whose pages are nested in each other or in themselves, is refused or read', async () => {
    const kids = Array.from(
      { length: 3_000 },
      (_, index) => `${index + 2} 0 obj << /Type /Pages /Kids [${index + 3} 0 R] /Count 1 >> endobj`,
    ).join('\n');
    const head = '%PDF-1.4\n1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj\n';
    const tail = '\ntrailer << /Root 1 0 R >>\n%%EOF';
    const loop = '2 0 obj << /Type /Pages /Kids [2 0 R] /Count 1 >> endobj';
    const arrays = `2 0 obj << /Type /Pages /Kids ${'['.repeat(200_000)} /Count 1 >> endobj`;
    for (const [name, body] of Object.entries({ kids, loop, arrays })) {
      const { code } = await outcome(await write(`${name}.pdf`, head + body + tail));
      expect(['read', 'document-unreadable']).toContain(code);
    }
  });

  it('that is a picture of a hundred thousand by a hundred thousand, is refused by its header', async () => {
    const header = Buffer.alloc(64);
    Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex').copy(header);
    header.writeUInt32BE(100_000, 16);
    header.writeUInt32BE(100_000, 20);
    const { code, limit, grownMib } = await outcome(await write('giant.png', header));
    expect({ code, limit }).toEqual({ code: 'document-too-large', limit: 'pixels' });
    expect(grownMib).toBeLessThan(100);
  });

  it('with a wrong ending is read by what it is, or refused', async () => {
    const pdf = await readFile(fixture('pdf/vertical.pdf'));
    expect((await extractAll(await write('really-a-pdf.docx', pdf))).format).toBe('pdf');
    expect((await extractAll(await write('really-a-text.pdf', 'no PDF at all'))).format).toBe('text');
    expect((await outcome(await write('really-noise.pdf', Buffer.from('%PDF-1.7 and nothing else')))).code).toBe(
      'document-unreadable',
    );
    expect((await outcome(await write('noise.xlsx', Buffer.from('504b0304ffffffffffff', 'hex')))).code).toBe(
      'document-unreadable',
    );
  });

  it('that takes more memory than there is for it, is ended', async () => {
    // Twelve million texts for cells to share, stored as they are: nothing of the archive itself is suspicious.
    const strings = `<sst>${'<si><t>fourteen chars</t></si>'.repeat(12_000_000)}</sst>`;
    const workbook = '<workbook><sheets><sheet name="a"/></sheets></workbook>';
    const files = { 'xl/workbook.xml': text(workbook), 'xl/sharedStrings.xml': text(strings) };
    const path = await write('cells.xlsx', zipSync(files, { level: 0 }));
    const { code, limit } = await outcome(path);
    expect(code).toBe('document-too-large');
    expect(['memoryBytes', 'seconds']).toContain(limit); // a busy machine comes to the other one first
    expect((await extractAll(fixture('texts/en.txt'))).text).toContain('granary'); // the next file is read as ever
  }, 180_000);
});

describe('a damaged file', () => {
  it.each([
    'office/report-zh.docx',
    'office/report-zh.odt',
    'office/stock.xlsx',
    'office/talk.pptx',
    'web/report-zh.epub',
    'web/mail.eml',
    'pdf/vertical.pdf',
  ])(
    '%s fails with a reason or is read in part, wherever it is damaged',
    async (name) => {
      const original = await readFile(fixture(name));
      let state = 7;
      const random = (below: number) => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) % below;
      for (let round = 0; round < 40; round++) {
        const bytes = Buffer.from(original);
        for (let count = 0; count < 1 + round; count++) bytes[random(bytes.length)] = random(256);
        const cut = round % 4 === 0 ? bytes.subarray(0, random(bytes.length)) : bytes;
        const path = await write('damaged.bin', cut);
        try {
          for await (const _ of extract({ path, name, recognise: false }));
        } catch (error) {
          expect(error).toBeInstanceOf(LonghandError);
        }
      }
    },
    120_000,
  );
});
