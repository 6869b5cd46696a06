import type { Sources } from '../../contract/citations.ts';
import { toJson, type WritableDb } from './db.ts';

/** Messages that are looked at in one call: a moment's work. */
const AT_ONCE = 200;

type Row = { id: string; conversation_id: string; sources: string | null };

export const LIST_SOURCES = /* sql */ `
  SELECT id, conversation_id, sources FROM messages WHERE id > :after ORDER BY id LIMIT :limit`;

export function citationWriter(db: WritableDb) {
  const list = db.prepare<{ after: string; limit: number }, Row>(LIST_SOURCES);
  const update = db.prepare('UPDATE messages SET sources = :sources WHERE id = :id');

  return {
    /**
     * Takes the words of a document out of the sources of some messages, those behind `after`; what was cited stays marked.
     * @returns the conversations among them that have read the document, and where to go on; null: that was all
     */
    forgetWords: db.transaction(
      (documentId: string, after = ''): { conversationIds: string[]; next: string | null } => {
        const rows = list.all({ after, limit: AT_ONCE });
        const conversationIds = new Set<string>();
        for (const { id, conversation_id: conversationId, sources } of rows) {
          if (sources?.includes(documentId) !== true) continue;
          conversationIds.add(conversationId);
          const known = JSON.parse(sources) as Sources;
          const isOf = ({ span, quote }: Sources['citations'][number]) =>
            span?.documentId === documentId && quote !== '';
          if (!known.citations.some(isOf)) continue;
          const citations = known.citations.map((one) => (isOf(one) ? { ...one, quote: '' } : one));
          update.run({ id, sources: toJson({ ...known, citations } satisfies Sources) });
        }
        const next = rows.length < AT_ONCE ? null : rows.at(-1)!.id;
        return { conversationIds: [...conversationIds], next };
      },
    ),
  };
}
