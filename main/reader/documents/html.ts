import type { ExtractionEvent, ExtractionNote } from '../../contract/extraction.ts';
import { decodeAs, decodeText } from './encoding.ts';
import { tooLarge, type DocumentFormat } from './format.ts';
import { readHtml, titleOfHtml } from './html-flow.ts';
import { Flow } from './office/flow.ts';

const MOST_BYTES = 100_000_000;

/** HTML: what a page says, without its scripts, styles and, where it marks its main part, what stands around that. */
export const html: DocumentFormat = {
  id: 'html',
  matches({ bytes, ending }) {
    const head = Buffer.from(bytes.subarray(0, 1024)).toString('latin1').replace(/\0/g, '').trimStart();
    const isMarked =
      /^(?:\xef\xbb\xbf|<\?xml[^>]*>|<!--(?:(?!-->)[\s\S])*-->|\s)*<(?:!doctype html|html|head|body)\b/i.test(head);
    return isMarked || (['html', 'htm', 'xhtml'].includes(ending) && /<\w/.test(head));
  },

  async *read({ bytes }): AsyncGenerator<ExtractionEvent, void> {
    if (bytes.length > MOST_BYTES) throw tooLarge('fileBytes', MOST_BYTES);
    const { text, encoding, isGuess } = decodeHtml(bytes);
    yield { type: 'about', format: 'html', title: titleOfHtml(text), parts: null };
    const flow = new Flow();
    for (const _ of readHtml(text, flow)) yield* flow.take();
    yield* flow.end();
    const notes: ExtractionNote[] = isGuess ? [{ code: 'encoding-guessed', details: { encoding } }] : [];
    yield { type: 'end', outline: [], notes };
  },
};

/** The encoding that the page names, unless its bytes are UTF-8 or marked anyway. */
export function decodeHtml(bytes: Uint8Array): { text: string; encoding: string; isGuess: boolean } {
  const found = decodeText(bytes);
  if (!found.isGuess) return found;
  const head = Buffer.from(bytes.subarray(0, 2048)).toString('latin1');
  const declared =
    /<meta[^>]+charset=["']?([\w-]+)/i.exec(head)?.[1] ?? /^<\?xml[^>]*encoding=["']([\w-]+)/.exec(head)?.[1];
  return declared === undefined ? found : { text: decodeAs(bytes, declared), encoding: declared, isGuess: false };
}
