import { LonghandError } from '../../contract/errors.ts';
import { foldTag, MOST_TAGS, tidyTag, unlikeTags } from '../../contract/tags.ts';
import { durably, type ReadableDb, type WritableDb } from './db.ts';

export const TAGGED_DOCUMENTS = /* sql */ `
  SELECT t.document_id FROM document_tags AS t JOIN documents AS d ON d.id = t.document_id
  WHERE t.tag = :tag AND (d.kept = 1 OR EXISTS (SELECT 1 FROM watched_documents WHERE document_id = d.id))
  ORDER BY d.added_ms, d.id`;

export function tagReader(db: ReadableDb) {
  const listTags = db.prepare<[], string>('SELECT DISTINCT tag FROM document_tags ORDER BY tag').pluck();
  const listOf = db
    .prepare<{ documentId: string }, string>(
      'SELECT tag FROM document_tags WHERE document_id = :documentId ORDER BY tag',
    )
    .pluck();
  const documentsOf = db.prepare<{ tag: string }, string>(TAGGED_DOCUMENTS).pluck();

  return {
    list: (): string[] => listTags.all(),

    of: (documentId: string): string[] => listOf.all({ documentId }),

    /** The documents that carry a tag, oldest first, without those that are no longer so in their folder. */
    documentsOf: (tag: string): string[] => documentsOf.all({ tag }),
  };
}

export function tagWriter(db: WritableDb) {
  const reader = tagReader(db);
  const isThere = db.prepare<{ documentId: string }, 1>('SELECT 1 FROM documents WHERE id = :documentId');
  const put = db.prepare('INSERT OR IGNORE INTO document_tags (tag, document_id) VALUES (:tag, :documentId)');
  const take = db.prepare('DELETE FROM document_tags WHERE tag = :tag AND document_id = :documentId');

  return {
    ...reader,

    /**
     * A document carries exactly these tags from now on, in the spelling in which they are there already.
     * @throws LonghandError `not-found` | `invalid-input` for too many
     */
    set: (documentId: string, tags: readonly string[]): void =>
      durably(db, () => {
        if (isThere.get({ documentId }) === undefined) {
          throw new LonghandError('not-found', `There is no document ${documentId}.`, { id: documentId });
        }
        const known = new Map(reader.list().map((tag) => [foldTag(tag), tag]));
        const wanted = unlikeTags(tags.map(tidyTag)).map((tag) => known.get(foldTag(tag)) ?? tag);
        if (wanted.length > MOST_TAGS) {
          const message = `A document carries at most ${MOST_TAGS} tags, not ${wanted.length}.`;
          throw new LonghandError('invalid-input', message, { tags: wanted.length, limit: MOST_TAGS });
        }
        for (const tag of wanted) put.run({ tag, documentId });
        for (const tag of reader.of(documentId)) if (!wanted.includes(tag)) take.run({ tag, documentId });
      }),
  };
}
