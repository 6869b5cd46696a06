import type { PDFDocumentProxy } from 'pdfjs-dist';
import type { OutlineEntry } from '../../../contract/extraction.ts';
import { normalise } from '../part.ts';
import type { LinePlace } from './blocks.ts';

type Item = { title: string; dest: string | unknown[] | null; items?: Item[] };
/** What an outline points at: a page and, for the kinds that say so, how high on it. */
type Target = { page: number; y: number | null };

const MOST_ENTRIES = 10_000;
const DEEPEST = 8;

/** The outline of the document itself; empty where it has none. `places` are those of the lines of each page read. */
export async function outlineOf(pdf: PDFDocumentProxy, places: readonly LinePlace[][]): Promise<OutlineEntry[]> {
  const entries: OutlineEntry[] = [];
  const add = async (items: readonly Item[], level: number) => {
    for (const { title, dest, items: below = [] } of items) {
      if (entries.length >= MOST_ENTRIES) return;
      const target = await targetOf(pdf, dest).catch(() => null);
      if (target !== null && target.page < places.length) {
        const offset = await offsetOf(pdf, target, places[target.page]!);
        entries.push({ title: normalise(title).trim(), level, part: target.page, offset });
      }
      if (level < DEEPEST) await add(below, level + 1);
    }
  };
  await add((await pdf.getOutline().catch(() => null)) ?? [], 1);
  return entries;
}

async function targetOf(pdf: PDFDocumentProxy, dest: Item['dest']): Promise<Target | null> {
  const explicit = typeof dest === 'string' ? await pdf.getDestination(dest) : dest;
  if (!Array.isArray(explicit)) return null;
  const [page, kind, ...numbers] = explicit as [unknown, { name?: string } | undefined, ...(number | null)[]];
  const index = typeof page === 'number' ? page : await pdf.getPageIndex(page as never);
  const y = kind?.name === 'XYZ' ? numbers[1] : kind?.name === 'FitH' || kind?.name === 'FitBH' ? numbers[0] : null;
  return { page: index, y: y ?? null };
}

async function offsetOf(pdf: PDFDocumentProxy, { page, y }: Target, places: readonly LinePlace[]): Promise<number> {
  if (y === null) return 0;
  const viewport = (await pdf.getPage(page + 1)).getViewport({ scale: 1 });
  const top = (viewport.convertToViewportPoint(0, y) as number[])[1]!;
  const below = places.filter((place) => place.top >= top - 6).sort((a, b) => a.top - b.top);
  return below[0]?.offset ?? 0;
}
