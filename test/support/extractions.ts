import { basename, join } from 'node:path';
import type {
  ExtractionEvent,
  ExtractionInput,
  ExtractionNote,
  OutlineEntry,
  Part,
  TableRows,
} from '../../main/contract/extraction.ts';
import { extractInThread } from '../../main/reader/documents/thread.ts';

export const documentFixtures = 'test/golden/data/documents';

export type Extraction = {
  format: string;
  title: string | null;
  parts: Part[];
  rows: TableRows[];
  outline: OutlineEntry[];
  notes: ExtractionNote[];
  text: string;
};

/** All of a document at once, read as the reader process does. */
export async function extractAll(path: string, input: Partial<ExtractionInput> = {}): Promise<Extraction> {
  const found: Extraction = { format: '', title: null, parts: [], rows: [], outline: [], notes: [], text: '' };
  const { signal } = new AbortController();
  for await (const event of extractInThread({ path, name: basename(path), ...input }, { signal })) apply(found, event);
  found.text = found.parts.map(({ text }) => text).join('\n');
  return found;
}

function apply(found: Extraction, event: ExtractionEvent): void {
  if (event.type === 'about') Object.assign(found, { format: event.format, title: event.title });
  else if (event.type === 'part') found.parts.push(event.part);
  else if (event.type === 'rows') found.rows.push(event.rows);
  else Object.assign(found, { outline: event.outline, notes: event.notes });
}

export function fixture(name: string): string {
  return join(documentFixtures, name);
}

/** Words of a text, or the characters where it is Chinese or Japanese, without their order. */
export function wordsOf(text: string): string[] {
  return (
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(
        /\p{Script=Han}|[\p{Script=Hiragana}\p{Script=Katakana}]|[^\P{L}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]+|\p{N}+/gu,
      ) ?? []
  );
}

/** Of the words of `reference`, how many `found` has too (recall), and the reverse (precision), each as often as it stands. */
export function compareWords(found: string, reference: string): { recall: number; precision: number; words: number } {
  const left = new Map<string, number>();
  const expected = wordsOf(reference);
  for (const word of expected) left.set(word, (left.get(word) ?? 0) + 1);
  let common = 0;
  const actual = wordsOf(found);
  for (const word of actual) {
    const count = left.get(word) ?? 0;
    if (count === 0) continue;
    common += 1;
    left.set(word, count - 1);
  }
  return {
    recall: common / Math.max(1, expected.length),
    precision: common / Math.max(1, actual.length),
    words: expected.length,
  };
}

/** `count` of the items, the same ones each time. */
export function sample<T>(items: readonly T[], count: number): T[] {
  let state = 12_345;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return items[state % items.length]!;
  });
}
