import { normalise } from '../part.ts';
import { parseAllXml } from '../xml.ts';
import type { Zip } from '../zip.ts';

/** Where Office, OpenDocument and EPUB keep the title. */
const FILES = ['docProps/core.xml', 'meta.xml'];

/** The title that a document has in its properties. */
export function titleOf(zip: Zip, files: readonly string[] = FILES): string | null {
  let title = '';
  let isTitle = false;
  for (const file of files) {
    parseAllXml(zip.read(file), {
      open: (name) => void (isTitle ||= name === 'title' && title === ''),
      text: (text) => void (isTitle && (title += text)),
      close: (name) => void (isTitle &&= name !== 'title'),
    });
  }
  return normalise(title).trim() || null;
}
