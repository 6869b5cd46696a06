import { z } from 'zod';
import { LonghandError, toStoredError } from '../../contract/errors.ts';
import type { ExtractionEvent, ExtractionInput, UnpackEvent, UnpackInput } from '../../contract/extraction.ts';
import { defineJob, type JobContext } from '../jobs/job-kind.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { Store } from '../store/open.ts';
import type { Library } from './library.ts';
import { PassageCutter } from './passages.ts';

export const READING = 'document';

/** The part of the reader process that turns a file into text. */
export type Extractor = {
  extract(input: ExtractionInput, options: { signal: AbortSignal }): AsyncGenerator<ExtractionEvent, void>;
  unpack(input: UnpackInput, options: { signal: AbortSignal }): AsyncGenerator<UnpackEvent, void>;
};

export type ReadingOptions = {
  store: Store;
  jobs: Jobs;
  reader: Extractor;
  library: Library;
  /** Of an encrypted file. Kept in memory only. */
  passwordOf(hash: string): string | undefined;
  /** More of a content is stored, or its state has changed. */
  changed(contentId: number): void;
  /** All of a content is stored. */
  read(contentId: number): void;
};

type Params = { hash: string };

/** Deaths of the reader one after the other, with no part stored between them, before the file is given up. */
const MOST_LOSSES = 1;

/**
 * Registers the work of reading a file into parts and passages. Each part is stored as it comes, so that the first page can be
 * found at once, and a run after a pause, a death or a restart goes on behind the last one.
 */
export function registerReading(options: ReadingOptions): void {
  const { store, jobs } = options;
  const nameOf = ({ hash }: Params) => {
    const contentId = store.documents.contentOf(hash);
    return contentId === null ? null : (store.documents.ofContent(contentId)[0]?.name ?? null);
  };
  jobs.register(
    defineJob<Params>({
      kind: READING,
      params: z.object({ hash: z.string() }),
      title: () => 'Read a document', // its name would stay here when the document is removed
      subject: nameOf,
      resumable: true,
      run: (context) => read(options, context),
      async discard({ params }) {
        const contentId = store.documents.contentOf(params.hash);
        if (contentId === null) return;
        const error = toStoredError(new LonghandError('cancelled', 'Reading it was stopped.'));
        store.documents.setState(contentId, 'failed', error);
        options.changed(contentId);
      },
    }),
  );
}

async function read(options: ReadingOptions, { params, signal, progress }: JobContext<Params>) {
  const { store, changed } = options;
  const contentId = store.documents.contentOf(params.hash);
  const document = contentId === null ? undefined : store.documents.ofContent(contentId)[0];
  if (contentId === null || document === undefined) return { parts: 0 }; // removed meanwhile
  store.documents.setState(contentId, 'parsing');
  changed(contentId);
  let stored = document.parts;
  for (let losses = 0; ;) {
    const before = stored;
    try {
      stored = await extract(options, { contentId, name: document.name, stored, hash: params.hash }, signal, (step) => {
        stored = step.done;
        progress({ stage: 'parse', unit: 'parts', ...step });
      });
      break;
    } catch (error) {
      signal.throwIfAborted();
      losses = stored > before ? 0 : losses + 1;
      const isLoss = error instanceof LonghandError && error.code === 'reader-stopped';
      if (isLoss && losses <= MOST_LOSSES) continue;
      store.documents.setState(contentId, 'failed', toStoredError(error));
      changed(contentId);
      throw error;
    }
  }
  changed(contentId);
  options.read(contentId);
  return { parts: stored };
}

type Task = { contentId: number; hash: string; name: string; stored: number };

/** @returns how many parts are stored */
async function extract(
  { store, reader, library, passwordOf, changed }: ReadingOptions,
  { contentId, hash, name, stored }: Task,
  signal: AbortSignal,
  onStored: (step: { done: number; total: number | null }) => void,
): Promise<number> {
  const cutter = new PassageCutter();
  const password = passwordOf(hash);
  const input = { path: library.pathOf(hash), name, ...(password === undefined ? {} : { password }) };
  let number = 0;
  let total: number | null = null;
  for await (const event of reader.extract(input, { signal })) {
    signal.throwIfAborted();
    switch (event.type) {
      case 'about':
        total = event.parts;
        store.documents.setAbout(contentId, event);
        break;
      case 'part': {
        const passages = cutter.cut(event.part); // of those that are stored too: their headings head what follows
        if (number >= stored) {
          store.documents.addPart(contentId, number, event.part, passages);
          onStored({ done: number + 1, total });
          changed(contentId);
        }
        number++;
        break;
      }
      case 'rows':
        store.documents.addRows(contentId, event.rows);
        break;
      case 'end':
        store.documents.finish(contentId, event);
        return number;
    }
  }
  throw new LonghandError('internal', 'The reader ended before the end of the file.');
}
