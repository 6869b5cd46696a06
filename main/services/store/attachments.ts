import { wholeShelf, type Collection } from '../../contract/collections.ts';
import type { ReadingWay } from '../../contract/documents.ts';
import { LonghandError } from '../../contract/errors.ts';
import { durably, type ReadableDb, type WritableDb } from './db.ts';

/** A document of a conversation. `messageId` is the message that it was added with; null until there is one. */
export type Attachment = { documentId: string; messageId: string | null };
/** `collections`: all of their documents belong to it, as they are at each question. */
export type Attachments = { documents: Attachment[]; collections: Collection[]; way: ReadingWay | null };

export const LIST_ATTACHMENTS = /* sql */ `
  SELECT document_id AS documentId, message_id AS messageId FROM attachments
  WHERE conversation_id = :conversationId ORDER BY position, document_id`;

export function attachmentReader(db: ReadableDb) {
  const list = db.prepare<{ conversationId: string }, Attachment>(LIST_ATTACHMENTS);
  const getReading = db.prepare<{ conversationId: string }, { reading_way: ReadingWay | null; whole_shelf: 0 | 1 }>(
    'SELECT reading_way, whole_shelf FROM conversations WHERE id = :conversationId',
  );
  const using = db
    .prepare<{ documentId: string }, string>(
      /* sql */ `
      SELECT conversation_id FROM attachments WHERE document_id = :documentId
      UNION SELECT m.conversation_id FROM message_documents AS r JOIN messages AS m ON m.id = r.message_id
      WHERE r.document_id = :documentId ORDER BY conversation_id`,
    )
    .pluck();
  const listFolders = db
    .prepare<{ conversationId: string }, string>(
      /* sql */ `
      SELECT a.folder_id FROM attached_folders AS a JOIN watched_folders AS f ON f.id = a.folder_id
      WHERE a.conversation_id = :conversationId ORDER BY f.added_ms, f.id`,
    )
    .pluck();
  const listTags = db
    .prepare<{ conversationId: string }, string>(
      'SELECT tag FROM attached_tags WHERE conversation_id = :conversationId ORDER BY tag',
    )
    .pluck();

  const collectionsOf = (conversationId: string, hasShelf: boolean): Collection[] => [
    ...(hasShelf ? [wholeShelf] : []),
    ...listFolders.all({ conversationId }).map((id): Collection => ({ kind: 'folder', id })),
    ...listTags.all({ conversationId }).map((id): Collection => ({ kind: 'tag', id })),
  ];

  return {
    /** In the order in which they were added, and how they are read; `way` null: as the app proposes. */
    of(conversationId: string): Attachments {
      const reading = getReading.get({ conversationId });
      return {
        documents: list.all({ conversationId }),
        collections: collectionsOf(conversationId, reading?.whole_shelf === 1),
        way: reading?.reading_way ?? null,
      };
    },

    /** The conversations that read a document, or have read it. */
    conversationsOf: (documentId: string): string[] => using.all({ documentId }),
  };
}

export function attachmentWriter(db: WritableDb) {
  const reader = attachmentReader(db);
  const exists = db.prepare<{ conversationId: string }, 1>('SELECT 1 FROM conversations WHERE id = :conversationId');
  const isThere = db.prepare<{ documentId: string }, 1>('SELECT 1 FROM documents WHERE id = :documentId');
  const setReading = db.prepare(/* sql */ `
    UPDATE conversations SET reading_way = :way, whole_shelf = :wholeShelf WHERE id = :conversationId`);
  const put = db.prepare(/* sql */ `
    INSERT INTO attachments (conversation_id, document_id, position)
    VALUES (:conversationId, :documentId,
            (SELECT coalesce(max(position) + 1, 0) FROM attachments WHERE conversation_id = :conversationId))
    ON CONFLICT (conversation_id, document_id) DO NOTHING`);
  const remove = db.prepare(
    'DELETE FROM attachments WHERE conversation_id = :conversationId AND document_id = :documentId',
  );
  const isFolder = db.prepare<{ folderId: string }, 1>('SELECT 1 FROM watched_folders WHERE id = :folderId');
  const leaveFolders = db.prepare('DELETE FROM attached_folders WHERE conversation_id = :conversationId');
  const putFolder = db.prepare(
    'INSERT OR IGNORE INTO attached_folders (conversation_id, folder_id) VALUES (:conversationId, :folderId)',
  );
  const isTag = db.prepare<{ tag: string }, 1>('SELECT 1 FROM document_tags WHERE tag = :tag LIMIT 1');
  const leaveTags = db.prepare('DELETE FROM attached_tags WHERE conversation_id = :conversationId');
  const putTag = db.prepare(
    'INSERT OR IGNORE INTO attached_tags (conversation_id, tag) VALUES (:conversationId, :tag)',
  );
  const settle = db.prepare(/* sql */ `
    UPDATE attachments SET message_id = :messageId WHERE conversation_id = :conversationId AND message_id IS NULL`);

  return {
    ...reader,

    /**
     * From its next message on the conversation has exactly these documents and collections; documents that it had already stay at
     * the message that they were added with. @throws LonghandError `not-found` for a conversation or a document
     */
    set: (
      conversationId: string,
      { documentIds, collections = [] }: { documentIds: readonly string[]; collections?: readonly Collection[] },
      way: ReadingWay | null,
    ): Attachments =>
      durably(db, () => {
        if (exists.get({ conversationId }) === undefined) {
          throw new LonghandError('not-found', `There is no conversation ${conversationId}.`, { id: conversationId });
        }
        for (const { documentId } of reader.of(conversationId).documents) {
          if (!documentIds.includes(documentId)) remove.run({ conversationId, documentId });
        }
        for (const documentId of documentIds) {
          if (isThere.get({ documentId }) === undefined) {
            throw new LonghandError('not-found', `There is no document ${documentId}.`, { id: documentId });
          }
          put.run({ conversationId, documentId });
        }
        leaveFolders.run({ conversationId });
        leaveTags.run({ conversationId });
        for (const { kind, id } of collections) {
          // One that is there no more is simply left out: who asks may not have heard of it yet.
          if (kind === 'folder' && isFolder.get({ folderId: id })) putFolder.run({ conversationId, folderId: id });
          if (kind === 'tag' && isTag.get({ tag: id })) putTag.run({ conversationId, tag: id });
        }
        const hasShelf = collections.some(({ kind }) => kind === 'shelf');
        setReading.run({ conversationId, way, wholeShelf: hasShelf ? 1 : 0 });
        return reader.of(conversationId);
      }),

    /** Documents that wait for a message of the conversation belong to this one from now on. */
    settle: (conversationId: string, messageId: string): void =>
      durably(db, () => void settle.run({ conversationId, messageId })),
  };
}
