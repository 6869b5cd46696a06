import { LonghandError } from '../../contract/errors.ts';
import type { StoredConversation } from '../store/conversations.ts';
import type { Store } from '../store/open.ts';

/**
 * A conversation of its own that begins with copies of the messages from the root to `messageId`. The answers keep the
 * ids of their tokens, and its documents come along, so its prompt begins with those of the first one, which the engine's cache still holds.
 * @throws LonghandError `not-found`
 */
export function branch(
  messageId: string,
  { conversations, messages, attachments, durably }: Store,
): StoredConversation {
  const message = messages.get(messageId);
  const from = message === null ? null : conversations.get(message.conversationId);
  if (from === null || from.deletedMs !== null) {
    throw new LonghandError('not-found', `There is no message ${messageId}.`, { id: messageId });
  }
  return durably(() => {
    const { title, titleSource, systemPrompt, sampling, folderId } = from;
    const { id } = conversations.create({ title, titleSource, systemPrompt, sampling, folderId });
    const { documents, collections, way } = attachments.of(from.id);
    attachments.set(id, { documentIds: documents.map(({ documentId }) => documentId), collections }, way);
    return conversations.setLeaf(id, messages.copyPath(messageId, id));
  });
}
