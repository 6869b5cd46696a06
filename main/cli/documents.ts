import { resolve } from 'node:path';
import type { Citation, Sources } from '../contract/citations.ts';
import type { DocumentInfo, ReadingWay, WatchedFolder } from '../contract/documents.ts';
import { LonghandError } from '../contract/errors.ts';
import type { PartKind } from '../contract/extraction.ts';
import type { ToolCall } from '../contract/tools.ts';
import { oneLine } from '../contract/one-line.ts';
import type { Connection } from '../shell/connection.ts';
import type { ProgressLine } from '../shell/progress.ts';
import { finishJob } from './model.ts';

/** Puts a file, or the files of a folder, on the shelf, and waits until they are read, or are known not to be readable. */
export async function addDocuments(
  connection: Connection,
  path: string,
  progress: ProgressLine,
  password?: string,
): Promise<DocumentInfo[]> {
  const { documents } = await connection.run((client) => client.documents.add({ paths: [resolve(path)], password }));
  const read: DocumentInfo[] = [];
  for (const { id } of documents) {
    const { jobId, state } = await connection.run((client) => client.documents.get({ id }));
    if (jobId !== null && (state === 'queued' || state === 'parsing')) {
      const job = (await connection.run((client) => client.jobs.list())).find((one) => one.id === jobId);
      if (job !== undefined) await finishJob(connection, job, progress).catch(() => null); // the document says why
    }
    read.push(await connection.run((client) => client.documents.get({ id })));
  }
  return read;
}

/** The same, where all of them are needed. @throws LonghandError why one can't be read */
export async function readDocuments(
  connection: Connection,
  path: string,
  progress: ProgressLine,
): Promise<DocumentInfo[]> {
  const documents = await addDocuments(connection, path, progress);
  const failure = documents.find(({ error }) => error !== null)?.error;
  if (failure) throw new LonghandError(failure.code, failure.message, failure.details);
  return documents;
}

/** Waits until the files of a watched folder are taken in and read, or it is known why they can't be. */
export async function followFolder(connection: Connection, id: string, progress: ProgressLine): Promise<void> {
  try {
    await connection.run(async (client) => {
      const reading = new Set<string>();
      let folder: WatchedFolder | undefined;
      for await (const event of await client.documents.watch()) {
        if (event.type === 'folders') folder = event.folders.find((one) => one.id === id);
        else if (event.type === 'folder' && event.folder.id === id) folder = event.folder;
        else if (event.type === 'documents') for (const one of event.documents) note(reading, one, id);
        else if (event.type === 'document') note(reading, event.document, id);
        else if (event.type === 'removed') reading.delete(event.id);
        else if (event.type === 'folder-removed' && event.id === id) return;
        if (folder === undefined) continue;
        progress.update(`${folder.name}: ${folder.waiting} changes to take over, ${reading.size} to read`, 'watch');
        const isThrough = folder.waiting === 0 && reading.size === 0;
        if (folder.error !== null) return;
        if (folder.state !== 'looking' && (isThrough || folder.state !== 'watched')) return;
      }
    });
  } finally {
    progress.clear();
  }
}

function note(reading: Set<string>, { id, folder, state }: DocumentInfo, folderId: string): void {
  if (folder?.id === folderId && (state === 'queued' || state === 'parsing')) reading.add(id);
  else reading.delete(id);
}

const FOLDER_STATES: Record<WatchedFolder['state'], string> = {
  looking: 'looked at',
  watched: 'watched while Longhand runs',
  missing: 'not there; its documents stay',
  unreadable: 'may not be read; its documents stay',
  empty: 'empty all at once; its documents stay',
  'too-large': 'too many files; its documents stay as they are',
};

export function describeFolder({ path, state, files, passedOver, waiting, unreadable, error }: WatchedFolder): string {
  const parts = [`${files} files`];
  if (passedOver > 0) parts.push(`${passedOver} passed over`);
  if (waiting > 0) parts.push(`${waiting} waiting`);
  if (unreadable > 0) parts.push(`${unreadable} not to be read`);
  return `${path}: ${FOLDER_STATES[state]} (${parts.join(', ')})${error === null ? '' : `: ${error.message}`}`;
}

/** Gives a conversation these documents. @returns how it reads them */
export async function attachDocuments(
  connection: Connection,
  conversationId: string,
  documents: readonly DocumentInfo[],
  way: ReadingWay | null,
): Promise<ReadingWay | null> {
  const documentIds = documents.map(({ id }) => id);
  const plan = await connection.run((client) => client.documents.attach({ conversationId, documentIds, way }));
  return plan?.way ?? null;
}

/** What of an answer its documents bear out: how many statements, and each with its place and words. */
export function describeSources({ citations, documents, nothingClose }: Sources, answer: string): string[] {
  const count = (...states: Citation['state'][]) => citations.filter(({ state }) => states.includes(state)).length;
  const computed = count('computed');
  const counts = [
    `${citations.length} statements`,
    `${count('exact', 'close')} found in the documents`,
    ...(computed > 0 ? [`${computed} computed by a query`] : []),
    `${count('missing')} not found.`,
  ];
  const lines = [
    ...(nothingClose ? ['A search of the documents found nothing close to the question.'] : []),
    counts.join(', '),
  ];
  for (const { state, span, part, quote, doubts, start, end } of citations) {
    if (state === 'computed') {
      const from = quote === '' ? 'the document was removed' : oneLine(quote);
      lines.push(`computed   ${oneLine(answer.slice(start, end))}  (${from})`);
      for (const { kind, text } of doubts) lines.push(`           in doubt: the ${kind} ${text}`);
      continue;
    }
    if (span === null) {
      lines.push(`not found  ${oneLine(answer.slice(start, end))}`);
      continue;
    }
    const name = documents.find(({ id }) => id === span.documentId)?.name ?? '';
    const words = quote === '' ? 'the document was removed' : `"${oneLine(quote)}"`;
    lines.push(`${state.padEnd(9)}  ${placeIn(name, part)}: ${words}`);
    for (const { kind, text } of doubts) lines.push(`           in doubt: the ${kind} ${text}`);
  }
  return lines;
}

/** What the model asked while it answered, and what came of it. */
export function describeCall({ name, input, written, error, table }: ToolCall): string {
  if (name === null) return `The model wrote a call that cannot be read: ${oneLine(written)}`;
  const query = typeof input?.['sql'] === 'string' ? input['sql'] : written;
  const count = table?.rows.length ?? 0;
  const rows =
    table === null ? '' : ` (${table.truncated ? 'more than ' : ''}${count} ${count === 1 ? 'row' : 'rows'})`;
  return `Asked the tables: ${oneLine(query)}${error === null ? rows : `\n  ${error.message}`}`;
}

/** A document, and which of its parts where it has some: 'lease.pdf, page iv'. */
export const placeIn = (name: string, part: { kind: PartKind; label: string } | null): string =>
  part === null || part.kind === 'text' ? name : `${name}, ${part.kind} ${part.label}`;
