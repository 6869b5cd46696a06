import { posix } from 'node:path';
import type { ExtractionEvent, OutlineEntry } from '../../contract/extraction.ts';
import { unreadable, type DocumentFormat } from './format.ts';
import { readHtml, titleOfHtml } from './html-flow.ts';
import { decodeHtml } from './html.ts';
import { Flow } from './office/flow.ts';
import { titleOf } from './office/properties.ts';
import { normalise } from './part.ts';
import { parseAllXml } from './xml.ts';
import type { Zip } from './zip.ts';

/** EPUB: a part a chapter, in the order of the spine, named as the table of contents names them. */
export const epub: DocumentFormat = {
  id: 'epub',
  matches: ({ zip }) => zip?.has('META-INF/container.xml') === true,

  async *read({ zip }): AsyncGenerator<ExtractionEvent, void> {
    if (zip === null) throw unreadable('it is no archive');
    const { file, spine, contents } = packageOf(zip);
    const entries = contentsOf(zip, contents);
    yield { type: 'about', format: 'epub', title: titleOf(zip, [file]), parts: null };
    const outline: OutlineEntry[] = [];
    let parts = 0;
    for (const chapter of spine) {
      const bytes = zip.read(chapter);
      if (bytes === null) continue;
      const { text } = decodeHtml(bytes);
      const own = entries.filter(({ target }) => target === chapter);
      const flow = new Flow('chapter');
      for (const _ of readHtml(text, flow));
      flow.flush(own[0]?.title ?? titleOfHtml(text) ?? posix.basename(chapter));
      const made = [...flow.take()];
      for (const { title, level } of own) outline.push({ title, level, ...placeOf(title, made, parts) });
      yield* made;
      parts += made.length;
    }
    yield { type: 'end', outline, notes: [] };
  },
};

type Entry = { title: string; level: number; target: string };

function packageOf(zip: Zip): { file: string; spine: string[]; contents: string | null } {
  let file = '';
  parseAllXml(zip.read('META-INF/container.xml'), {
    open: (name, attributes) => void (name === 'rootfile' && file === '' && (file = attributes['full-path'] ?? '')),
  });
  const bytes = zip.read(file);
  if (bytes === null) throw unreadable('it does not say what it holds');
  const items = new Map<string, string>();
  const spine: string[] = [];
  let contents: string | null = null;
  parseAllXml(bytes, {
    open(name, { id = '', href = '', idref = '', properties = '', ...others }) {
      if (name === 'item') {
        const target = resolve(file, href);
        items.set(id, target);
        const isContents = properties.split(' ').includes('nav') || others['media-type'] === 'application/x-dtbncx+xml';
        if (isContents && (contents === null || properties !== '')) contents = target;
      }
      if (name === 'itemref') spine.push(idref);
    },
  });
  return { file, spine: spine.flatMap((id) => items.get(id) ?? []), contents };
}

/** Entries of the table of contents: an EPUB 3 `nav`, or the NCX of EPUB 2. */
function contentsOf(zip: Zip, file: string | null): Entry[] {
  const entries: Entry[] = [];
  let level = 0;
  let title = '';
  let target: string | null = null;
  let isText = false;
  const add = () => {
    const words = normalise(title).replace(/\s+/g, ' ').trim();
    if (target !== null && words !== '') entries.push({ title: words, level: Math.max(1, level), target });
    title = '';
    target = null;
  };
  const bytes = file === null ? null : zip.read(file);
  const text = bytes === null ? '' : decodeHtml(bytes).text.replace(/<!doctype[^>]*>/i, '');
  parseAllXml(Buffer.from(text.replace(/^(<\?xml[^>]*?) encoding=["'][^"']*["']/, '$1')), {
    open(name, { src, href, type }) {
      if (name === 'nav' && type !== undefined && type !== 'toc')
        level = -1_000; // landmarks, lists of pages
      else if (name === 'nav') level = 0;
      if (name === 'navPoint' || name === 'ol') level++;
      if (name === 'a' && href !== undefined && level > 0) target = resolve(file!, href);
      if (name === 'content' && src !== undefined) target = resolve(file!, src);
      isText = (name === 'a' && level > 0) || (isText && name !== 'navPoint') || name === 'text';
      if (name === 'content') add();
    },
    text: (piece) => void (isText && (title += piece)),
    close(name) {
      if (name === 'navPoint' || name === 'ol') level--;
      if (name === 'a') add();
      if (name === 'a' || name === 'text') isText = false;
    },
  });
  return entries;
}

/** Where a title stands in the parts of its chapter: at its first heading of these words, else at the start. */
function placeOf(title: string, made: readonly ExtractionEvent[], firstPart: number): { part: number; offset: number } {
  const wanted = title.replace(/\s+/g, '');
  for (const [index, event] of made.entries()) {
    if (event.type !== 'part') continue;
    const { text, blocks } = event.part;
    const heading = blocks.find(
      ({ kind, start, end }) => kind === 'heading' && text.slice(start, end).replace(/\s+/g, '').includes(wanted),
    );
    if (heading !== undefined) return { part: firstPart + index, offset: heading.start };
  }
  return { part: firstPart, offset: 0 };
}

function resolve(base: string, href: string): string {
  const path = href.replace(/#.*$/, '');
  let decoded = path;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    // as it stands
  }
  return decoded === '' ? base : posix.join(posix.dirname(base), decoded);
}
