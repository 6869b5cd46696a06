import type { Citation, Sources } from '../../contract/citations.ts';
import { toJson, type WritableDb } from './db.ts';

/** Messages that are looked at in one call: a moment's work. */
const AT_ONCE = 200;

type Row = { id: string; conversation_id: string; sources: string | null };

export const LIST_SOURCES = /* sql */ `
  SELECT id, conversation_id, sources FROM messages WHERE id > :after ORDER BY id LIMIT :limit`;

export function citationWriter(db: WritableDb) {
  const list = db.prepare<{ after: string; limit: number }, Row>(LIST_SOURCES);
  const update = db.prepare('UPDATE messages SET sources = :sources WHERE id = :id');

  const forget = ({ id, sources }: Row, documentId: string): void => {
    const known = JSON.parse(sources ?? 'null') as Sources;
    const isOf = ({ span, quote }: Citation) => span?.documentId === documentId && quote !== '';
    const citations = known.citations.map((one) => (isOf(one) ? { ...one, quote: '' } : one));
    const tables = known.tables?.filter((table) => table.documentId !== documentId);
    if (!known.citations.some(isOf) && tables?.length === known.tables?.length) return;
    update.run({ id, sources: toJson({ ...known, citations, tables } satisfies Sources) });
  };

  return {
    /**
     * Takes the words of a document out of the sources of some messages, those behind `after`; what was cited stays marked.
     * @returns the conversations among them that have read the document, and where to go on; null: that was all
     */
    forgetWords(documentId: string, after: string): { conversationIds: string[]; next: string | null } {
      return db.transaction(() => {
        const rows = list.all({ after, limit: AT_ONCE });
        const having = rows.filter(({ sources }) => sources?.includes(documentId) === true);
        for (const row of having) forget(row, documentId);
        const conversationIds = [...new Set(having.map((row) => row.conversation_id))];
        return { conversationIds, next: rows.length < AT_ONCE ? null : rows.at(-1)!.id };
      })();
    },
  };
}
