import type { PDFDocumentProxy, PDFPageProxy } from 'pdfjs-dist';
import type { ExtractionEvent, ExtractionNote, Part } from '../../contract/extraction.ts';
import { unreadable, type DocumentFile, type DocumentFormat, type ReadOptions } from './format.ts';
import { notesOf, type PageNote } from './pdf/annotations.ts';
import { textOfPage, type Habits, type LinePlace } from './pdf/blocks.ts';
import { glyphsOf } from './pdf/glyphs.ts';
import { linesOf, type Line } from './pdf/lines.ts';
import { openPdf, type OpenPdf } from './pdf/open.ts';
import { outlineOf } from './pdf/outline.ts';
import { PageRecogniser } from './pdf/recognise.ts';
import { runningLines, type PageLines } from './pdf/running.ts';
import { wordsOf } from './pdf/words.ts';

/** Pages on either side that tell running lines: a left page is like the next left one. */
const NEIGHBOURS = 2;

/** What a page shows, before it is known what comes again on others. */
type Draft = {
  number: number;
  label: string;
  lines: Line[];
  notes: PageNote[];
  size: { width: number; height: number };
  isDrawn: boolean;
  isDamaged: boolean;
};

/** PDF: words with their boxes, in reading order; headers, footers, annotations and fields of forms as notes. */
export const pdf: DocumentFormat = {
  id: 'pdf',
  matches: ({ bytes }) => Buffer.from(bytes.subarray(0, 1024)).includes('%PDF-'),

  async *read(file: DocumentFile, { limits, password, recognise }: ReadOptions): AsyncGenerator<ExtractionEvent, void> {
    const opened = await openPdf(file.bytes, password, { forText: true });
    const { pdf } = opened;
    const recogniser = new PageRecogniser(file.bytes, { password, pixels: limits.pixels });
    try {
      yield { type: 'about', format: 'pdf', title: await titleOf(pdf), parts: pdf.numPages };
      const labels = await pdf.getPageLabels().catch(() => null);
      const places: LinePlace[][] = [];
      const pictures: number[] = [];
      const damaged: number[] = [];
      const recognised: number[] = [];
      const last = Math.min(pdf.numPages, limits.parts);
      for await (const { draft, neighbours, habits } of withNeighbours(opened, labels, last)) {
        const running = runningLines(pageOf(draft), neighbours.map(pageOf));
        const { part, at } = partOf(draft, running, habits);
        places.push(at);
        if (draft.isDamaged) damaged.push(draft.number);
        const isPicture = part.text === '' && draft.isDrawn;
        const found = isPicture && recognise ? await recogniser.text(draft.number) : null;
        if (isPicture) (found?.text ? recognised : pictures).push(draft.number);
        yield { type: 'part', part: found === null ? part : { ...part, ...found, recognised: true } };
      }
      if (damaged.length === last) throw unreadable('none of its pages can be read');
      const notes: ExtractionNote[] = [];
      if (pictures.length > 0) notes.push({ code: 'no-text-layer', details: { pages: pictures } });
      if (recognised.length > 0) notes.push({ code: 'text-recognised', details: { pages: recognised } });
      if (damaged.length > 0) notes.push({ code: 'damaged-parts', details: { pages: damaged } });
      if (last < pdf.numPages) notes.push({ code: 'parts-left-out', details: { read: last, total: pdf.numPages } });
      yield { type: 'end', outline: await outlineOf(pdf, places), notes };
    } finally {
      await recogniser.close();
      await opened.close();
    }
  },
};

async function titleOf(pdf: PDFDocumentProxy): Promise<string | null> {
  const metadata = await pdf.getMetadata().catch(() => null);
  const title = (metadata?.info as { Title?: unknown } | undefined)?.Title;
  return typeof title === 'string' && title.trim() !== '' ? title.trim() : null;
}

/** Pages in order, each once those after it are read that may have the same header. */
async function* withNeighbours(
  opened: OpenPdf,
  labels: string[] | null,
  last: number,
): AsyncGenerator<{ draft: Draft; neighbours: Draft[]; habits: Habits }, void> {
  const habits = new HabitsOfPages();
  let window: Draft[] = [];
  for (let number = 1; number <= last + NEIGHBOURS; number++) {
    if (number <= last) {
      const draft = await draftOf(opened, number, labels?.[number - 1] || String(number));
      habits.learn(draft.lines);
      window.push(draft);
    }
    const draft = window.find((candidate) => candidate.number === number - NEIGHBOURS);
    if (draft === undefined) continue;
    yield { draft, neighbours: window.filter((other) => other !== draft), habits };
    window = window.filter((other) => other.number > draft.number - NEIGHBOURS);
  }
}

/** A page that cannot be read is an empty one. */
async function draftOf({ pdf, library }: OpenPdf, number: number, label: string): Promise<Draft> {
  const named = { number, label };
  let page: PDFPageProxy | null = null;
  try {
    page = await pdf.getPage(number);
    const { width, height } = page.getViewport({ scale: 1 });
    const { glyphs, isDrawn } = await glyphsOf(page, library);
    const isShown = ({ direction, u0, v }: (typeof glyphs)[number]) =>
      direction !== 0 || (u0 > -1 && u0 < width + 1 && v > -1 && v < height + 20);
    const lines = linesOf(wordsOf(glyphs.filter(isShown)));
    return { ...named, lines, notes: await notesOf(page), size: { width, height }, isDrawn, isDamaged: false };
  } catch {
    return { ...named, lines: [], notes: [], size: { width: 612, height: 792 }, isDrawn: false, isDamaged: true };
  } finally {
    page?.cleanup();
  }
}

function partOf(
  { lines, notes, size, label }: Draft,
  running: Set<Line>,
  habits: Habits,
): { part: Part; at: LinePlace[] } {
  const { text: body, blocks, boxes, places } = textOfPage(lines, (line) => running.has(line), habits);
  let text = body;
  for (const note of notes) {
    if (text !== '') text += '\n\n';
    const start = text.length;
    text += note.text;
    blocks.push({ kind: 'note', start, end: text.length, level: 0 });
    boxes.push(start, text.length, ...note.box);
  }
  return { part: { kind: 'page', label, text, blocks, size, boxes, recognised: false }, at: places };
}

function pageOf({ lines, size, label }: Draft): PageLines {
  return { lines, height: size.height, label };
}

class HabitsOfPages implements Habits {
  readonly hyphenated = new Set<string>();
  readonly #lettersOfSize = new Map<number, number>();

  get bodySize(): number {
    let best = { size: 0, letters: 0 };
    for (const [size, letters] of this.#lettersOfSize) if (letters > best.letters) best = { size, letters };
    return best.size;
  }

  learn(lines: readonly Line[]): void {
    for (const { words } of lines) {
      for (const { size, text } of words) {
        const rounded = Math.round(size * 4) / 4;
        this.#lettersOfSize.set(rounded, (this.#lettersOfSize.get(rounded) ?? 0) + text.length);
      }
    }
  }
}
