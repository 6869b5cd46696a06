import PostalMime, { type Address, type Email } from 'postal-mime';
import type { ExtractionEvent, ExtractionNote } from '../../contract/extraction.ts';
import { tooLarge, type DocumentFormat } from './format.ts';
import { readHtml } from './html-flow.ts';
import { Flow } from './office/flow.ts';

const MOST_BYTES = 100_000_000;
const HEADERS =
  /^(?:from|to|subject|date|received|return-path|message-id|mime-version|delivered-to|reply-to|cc|x-[\w-]+):/i;

/** A mail: who wrote to whom and when, then its text; files that came with it are named in a note, and can be unpacked. */
export const eml: DocumentFormat = {
  id: 'eml',
  matches({ bytes, ending }) {
    const lines = Buffer.from(bytes.subarray(0, 2048)).toString('latin1').split(/\r?\n/);
    const headers = lines.slice(0, 12).filter((line) => HEADERS.test(line)).length;
    return HEADERS.test(lines[0] ?? '') && headers >= (ending === 'eml' ? 1 : 3);
  },

  async *read({ bytes }): AsyncGenerator<ExtractionEvent, void> {
    const mail = await parseMail(bytes);
    yield { type: 'about', format: 'eml', title: mail.subject ?? null, parts: null };
    const flow = new Flow();
    if (mail.subject !== undefined) flow.add('heading', mail.subject, 1);
    const header = [
      ['From', addresses(mail.from === undefined ? [] : [mail.from])],
      ['To', addresses(mail.to)],
      ['Cc', addresses(mail.cc)],
      ['Date', mail.date ?? ''],
    ].filter(([, value]) => value !== '');
    if (header.length > 0) flow.add('paragraph', header.map(([name, value]) => `${name}: ${value}`).join('\n'));
    yield* body(mail, flow);
    const names = mail.attachments.map(({ filename, mimeType }) => filename ?? mimeType);
    const notes: ExtractionNote[] =
      names.length === 0 ? [] : [{ code: 'attachments', details: { count: names.length, names: names.slice(0, 100) } }];
    yield { type: 'end', outline: [], notes };
  },
};

/** @throws document-too-large */
export async function parseMail(bytes: Uint8Array): Promise<Email> {
  if (bytes.length > MOST_BYTES) throw tooLarge('fileBytes', MOST_BYTES);
  return PostalMime.parse(bytes, { attachmentEncoding: 'arraybuffer', maxNestingDepth: 50 });
}

function* body({ text, html }: Email, flow: Flow): Generator<ExtractionEvent> {
  if (text !== undefined && text.trim() !== '') for (const block of text.split(/\n\s*\n/)) flow.add('paragraph', block);
  else if (html !== undefined) for (const _ of readHtml(html, flow)) yield* flow.take();
  yield* flow.end();
}

function addresses(list: readonly Address[] | undefined): string {
  return (list ?? [])
    .map(({ name, address }) => (name && address ? `${name} <${address}>` : name || (address ?? '')))
    .join(', ');
}
