import { basename } from 'node:path';
import type { Collection } from '../../contract/collections.ts';
import type { ReadableDb } from './db.ts';
import { tagReader } from './tags.ts';
import { watchedFolderReader } from './watched-folders.ts';

export const SHELVED_DOCUMENTS = /* sql */ `
  SELECT id FROM documents
  WHERE kept = 1 OR EXISTS (SELECT 1 FROM watched_documents WHERE document_id = documents.id)
  ORDER BY added_ms, id`;

/** What folders, tags and the whole shelf hold at this moment. */
export function collectionReader(db: ReadableDb) {
  const folders = watchedFolderReader(db);
  const tags = tagReader(db);
  const listShelf = db.prepare<[], string>(SHELVED_DOCUMENTS).pluck();

  const documentsOf = ({ kind, id }: Collection): string[] => {
    if (kind === 'shelf') return listShelf.all();
    return kind === 'tag' ? tags.documentsOf(id) : folders.documentsOf(id);
  };

  return {
    documentsOf,

    /** The documents that lie in each of several. */
    documentsInAll: (collections: readonly Collection[]): string[] =>
      collections.map(documentsOf).reduce((all, some) => {
        const there = new Set(some);
        return all.filter((id) => there.has(id));
      }),

    /** As an answer tells where was searched: the name of a folder, `#tag`; '' of the shelf, which has none. */
    nameOf({ kind, id }: Collection): string {
      if (kind === 'shelf') return '';
      return kind === 'tag' ? `#${id}` : basename(folders.get(id)?.path ?? '');
    },
  };
}
