import type { Collection } from '../../main/contract/collections.ts';
import type { DocumentInfo, WatchedFolder } from '../../main/contract/documents.ts';
import type { PartKind } from '../../main/contract/extraction.ts';
import { formatBytes, formatCount } from './format.ts';
import { t } from './i18n/index.svelte.ts';

/** Where the work on a document stands, in words; nothing where it is ready, and its file as it was. */
export function whereItStands(document: DocumentInfo): string {
  const { documents: words } = t();
  const { state, parts, partsTotal, partKind, passages, embedded, jobId, isGone } = document;
  if (state === 'ready') return isGone ? t().watch.goneShort : '';
  if (state === 'failed') return words.states.failed;
  if (jobId === null) return words.resting;
  if (state === 'indexing' && passages > 0) return words.indexing(formatCount(embedded), formatCount(passages));
  if (state !== 'parsing' || partKind === null) return words.states[state];
  // The one that is being read is the next after those that are stored.
  const at = partsTotal === null ? parts + 1 : Math.min(parts + 1, partsTotal);
  return words.parsing[partKind](formatCount(at), partsTotal === null ? null : formatCount(partsTotal));
}

/** "PDF · 2.3 MB · 80 pages · 412 passages", as much of it as is known. */
export function aboutDocument(document: DocumentInfo): string {
  const { format, sizeBytes, parts, partKind, passages, origin, folder } = document;
  const { documents: words } = t();
  const about = [format === null ? '' : (words.formats[format] ?? format.toUpperCase()), formatBytes(sizeBytes)];
  if (partKind !== null && partKind !== 'text' && parts > 0) about.push(words.parts[partKind](formatCount(parts)));
  if (passages > 0) about.push(words.passages(formatCount(passages)));
  if (folder === null) about.push(origin === null ? '' : words.from(origin));
  else if (folder.path.includes('/')) about.push(folder.path);
  return about.filter((part) => part !== '').join(' · ');
}

/** "The whole shelf", "Deeds", "#lease". */
export function collectionName({ kind, id }: Collection, folders: readonly WatchedFolder[]): string {
  if (kind === 'shelf') return t().tags.wholeShelf;
  return kind === 'tag' ? `#${id}` : (folders.find((one) => one.id === id)?.name ?? '');
}

/** "Page 12", "Sheet Costs"; of a text that is all in one, nothing but its kind. */
export const partName = (kind: PartKind, label: string): string => t().pane.part[kind](label);
