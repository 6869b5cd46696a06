import { readFile, stat } from 'node:fs/promises';
import { LonghandError } from '../../contract/errors.ts';
import type { ExtractionEvent, ExtractionInput, ExtractionNote, OutlineEntry } from '../../contract/extraction.ts';
import { fileTooLarge, MOST_FILE_BYTES } from '../../contract/file-kind.ts';
import { DEFAULT_LIMITS, endingOf, unreadable, type DocumentFile, type ReadOptions } from './format.ts';
import { formatOf } from './index.ts';
import { isZip, openZip, UnpackBudget } from './zip.ts';

/**
 * What the file at `path` holds. Parts beyond the limits are left out, and a note says so.
 * @throws unsupported-document | document-unreadable | document-encrypted | document-too-large | not-found
 */
export async function* extract(input: ExtractionInput): AsyncGenerator<ExtractionEvent, void> {
  const { path, name, password, recognise = true } = input;
  const limits = { ...DEFAULT_LIMITS, ...withoutUndefined(input.limits ?? {}) };
  const file = await openFile(path, name, new UnpackBudget(limits.unpackedBytes));
  try {
    yield* within(formatOf(file).read(file, { limits, password, recognise }), limits);
  } catch (error) {
    // A parser that stumbles over what a file says differs from one that finds fault with it in the words only.
    throw error instanceof LonghandError
      ? error
      : unreadable(error instanceof Error ? error.message : 'it is damaged', error);
  }
}

/** Reads the file whole: what it may cost is known before. */
export async function openFile(path: string, name: string, budget: UnpackBudget): Promise<DocumentFile> {
  const { size } = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new LonghandError('not-found', `${path} is not there.`, { path }) : error;
  });
  if (size > MOST_FILE_BYTES) throw fileTooLarge();
  const bytes = await readFile(path);
  return { bytes, name, ending: endingOf(name), zip: isZip(bytes) ? openZip(bytes, budget) : null };
}

/** Holds what a format yields to the limits of parts and characters, and makes an outline where it has none of its own. */
async function* within(
  events: AsyncGenerator<ExtractionEvent, void>,
  limits: ReadOptions['limits'],
): AsyncGenerator<ExtractionEvent, void> {
  const headings: OutlineEntry[] = [];
  let parts = 0;
  let characters = 0;
  let total: number | null = null;
  for await (const event of events) {
    if (event.type === 'about') total = event.parts;
    if (event.type === 'end') {
      const holdsOthers = event.notes.some(({ code }) => code === 'attachments');
      if (parts === 0 && !holdsOthers) throw unreadable('nothing of it could be read');
      yield event.outline.length > 0 ? event : { ...event, outline: headings };
      return;
    }
    if (event.type === 'part') {
      characters += event.part.text.length;
      if (parts >= limits.parts || characters > limits.characters) {
        const note: ExtractionNote = { code: 'parts-left-out', details: { read: parts, total } };
        yield { type: 'end', outline: headings, notes: [note] };
        return;
      }
      for (const { kind, start, end, level } of event.part.blocks) {
        if (kind !== 'heading') continue;
        const title = titleOf(event.part.text.slice(start, end));
        headings.push({ title, level, part: parts, offset: start });
      }
      parts += 1;
    }
    yield event;
  }
}

/** A heading's words, without the marks that Markdown has before or below them. */
function titleOf(heading: string): string {
  return heading
    .replace(/^#+\s*|\n[=-]+\s*$/g, '')
    .replace(/\s+/g, ' ')
    .trim();
}

function withoutUndefined<T extends object>(values: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}
