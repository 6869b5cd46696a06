import { resolve } from 'node:path';
import type { Citation, Sources } from '../contract/citations.ts';
import type { Collection } from '../contract/collections.ts';
import type { DocumentInfo, ReadingWay, WatchedFolder } from '../contract/documents.ts';
import { LonghandError } from '../contract/errors.ts';
import type { PartKind } from '../contract/extraction.ts';
import { foldTag, tidyTag } from '../contract/tags.ts';
import type { ToolCall } from '../contract/tools.ts';
import { oneLine } from '../contract/one-line.ts';
import type { Connection } from '../shell/connection.ts';
import { formatBytes, type ProgressLine } from '../shell/progress.ts';
import { finishJob } from './model.ts';

/** Puts a file, or the files of a folder, on the shelf, and waits until they are read, or are known not to be readable. */
export async function addDocuments(
  connection: Connection,
  path: string,
  progress: ProgressLine,
  password?: string,
): Promise<DocumentInfo[]> {
  const { documents } = await connection.run((client) => client.documents.add({ paths: [resolve(path)], password }));
  return readAll(connection, documents, progress);
}

/** Waits until documents are read, or are known not to be readable. */
async function readAll(
  connection: Connection,
  documents: readonly DocumentInfo[],
  progress: ProgressLine,
): Promise<DocumentInfo[]> {
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

/**
 * Puts the document at an address on the shelf, and waits until it is read. A host is asked only where `--allow` or a setting says so.
 * @throws LonghandError `host-not-allowed` with what to do about it, or why it was not fetched
 */
export async function addAddress(
  connection: Connection,
  address: string,
  allow: string[],
  progress: ProgressLine,
): Promise<DocumentInfo[]> {
  const added: DocumentInfo[] = [];
  try {
    await connection.run(async (client) => {
      for await (const event of await client.documents.addAddress({ address, allow })) {
        if (event.type === 'added') added.push(...event.documents);
        else progress.update(`Fetching ${address}: ${formatBytes(event.done)}`, 'address');
      }
    });
  } catch (error) {
    if (!(error instanceof LonghandError) || error.code !== 'host-not-allowed') throw error;
    const host = String(error.details.host);
    const message = `${host} is not asked without your yes. It would learn the address ${String(error.details.address)}, your network address, and that Longhand asks. To agree: --allow ${[...allow, host].join(',')}`;
    throw new LonghandError(error.code, message, error.details);
  } finally {
    progress.clear();
  }
  return readAll(connection, added, progress);
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

/** Documents named one by one, and folders, tags or the shelf. */
export type Scope = { documentIds: string[]; collections: Collection[] };

/** Gives a conversation these documents. @returns how it reads them */
export async function attachDocuments(
  connection: Connection,
  conversationId: string,
  scope: Scope,
  way: ReadingWay | null,
): Promise<ReadingWay | null> {
  const plan = await connection.run((client) => client.documents.attach({ conversationId, ...scope, way }));
  return plan?.way ?? null;
}

/** What `--in` and `--tag` name, of what is on the shelf. @throws LonghandError `not-found` */
export async function scopeOf(
  connection: Connection,
  { in: place, tag }: { in?: string | undefined; tag?: string | undefined },
): Promise<Scope> {
  const collections: Collection[] = tag === undefined ? [] : [{ kind: 'tag', id: await knownTag(connection, tag) }];
  if (place === undefined) return { documentIds: [], collections };
  const folders = await connection.run((client) => client.documents.folders());
  const folder = folders.find(({ id, path, name }) => id === place || path === resolve(place) || name === place);
  if (folder !== undefined)
    return { documentIds: [], collections: [...collections, { kind: 'folder', id: folder.id }] };
  return { documentIds: await idsOf(connection, [place]), collections };
}

async function knownTag(connection: Connection, wanted: string): Promise<string> {
  const documents = await connection.run((client) => client.documents.list());
  const fold = foldTag(tidyTag(wanted));
  const tag = documents.flatMap(({ tags }) => tags).find((one) => foldTag(one) === fold);
  if (tag === undefined)
    throw new LonghandError('not-found', `No document carries the tag ${wanted}.`, { tag: wanted });
  return tag;
}

/** By id, or by the name that the shelf shows. @throws LonghandError `not-found` */
export async function idsOf(connection: Connection, names: readonly string[]): Promise<string[]> {
  const documents = await connection.run((client) => client.documents.list());
  return names.flatMap((name) => {
    const found = documents.filter((one) => one.id === name || one.name === name);
    if (found.length === 0) throw new LonghandError('not-found', `There is no document ${name}.`, { name });
    return found.map(({ id }) => id);
  });
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
