import type { ReadingWay } from '../../contract/documents.ts';
import { LonghandError } from '../../contract/errors.ts';
import { durably, type ReadableDb, type WritableDb } from './db.ts';

/** A document of a conversation. `messageId` is the message that it was added with; null until there is one. */
export type Attachment = { documentId: string; messageId: string | null };
export type Attachments = { documents: Attachment[]; way: ReadingWay | null };

export const LIST_ATTACHMENTS = /* sql */ `
  SELECT document_id AS documentId, message_id AS messageId FROM attachments
  WHERE conversation_id = :conversationId ORDER BY position, document_id`;

export function attachmentReader(db: ReadableDb) {
  const list = db.prepare<{ conversationId: string }, Attachment>(LIST_ATTACHMENTS);
  const getWay = db
    .prepare<{ conversationId: string }, ReadingWay | null>(
      'SELECT reading_way FROM conversations WHERE id = :conversationId',
    )
    .pluck();
  const using = db
    .prepare<{ documentId: string }, string>(
      'SELECT conversation_id FROM attachments WHERE document_id = :documentId ORDER BY conversation_id',
    )
    .pluck();

  return {
    /** In the order in which they were added, and how they are read; `way` null: as the app proposes. */
    of: (conversationId: string): Attachments => ({
      documents: list.all({ conversationId }),
      way: getWay.get({ conversationId }) ?? null,
    }),

    /** The conversations that read a document. */
    conversationsOf: (documentId: string): string[] => using.all({ documentId }),
  };
}

export function attachmentWriter(db: WritableDb) {
  const reader = attachmentReader(db);
  const exists = db.prepare<{ conversationId: string }, 1>('SELECT 1 FROM conversations WHERE id = :conversationId');
  const isThere = db.prepare<{ documentId: string }, 1>('SELECT 1 FROM documents WHERE id = :documentId');
  const setWay = db.prepare('UPDATE conversations SET reading_way = :way WHERE id = :conversationId');
  const put = db.prepare(/* sql */ `
    INSERT INTO attachments (conversation_id, document_id, position)
    VALUES (:conversationId, :documentId,
            (SELECT coalesce(max(position) + 1, 0) FROM attachments WHERE conversation_id = :conversationId))
    ON CONFLICT (conversation_id, document_id) DO NOTHING`);
  const remove = db.prepare(
    'DELETE FROM attachments WHERE conversation_id = :conversationId AND document_id = :documentId',
  );
  const settle = db.prepare(/* sql */ `
    UPDATE attachments SET message_id = :messageId WHERE conversation_id = :conversationId AND message_id IS NULL`);

  return {
    ...reader,

    /**
     * From its next message on the conversation has exactly these documents; those that it had already stay at the
     * message that they were added with. @throws LonghandError `not-found` for a conversation or a document
     */
    set: (conversationId: string, documentIds: readonly string[], way: ReadingWay | null): Attachments =>
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
        setWay.run({ conversationId, way });
        return reader.of(conversationId);
      }),

    /** Documents that wait for a message of the conversation belong to this one from now on. */
    settle: (conversationId: string, messageId: string): void =>
      durably(db, () => void settle.run({ conversationId, messageId })),
  };
}
