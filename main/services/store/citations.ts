import type { Citation, Sources } from '../../contract/citations.ts';
import type { ToolCall } from '../../contract/tools.ts';
import { fromJson, toJson, type WritableDb } from './db.ts';

/** Messages that are looked at in one call: a moment's work. */
const AT_ONCE = 200;

type Row = { id: string; conversation_id: string; sources: string | null; calls: string | null };

/** All of the conversations that have read a document: a query may read what an earlier message was told of. */
export const LIST_SOURCES = /* sql */ `
  SELECT m.id, m.conversation_id, m.sources, m.calls
  FROM (SELECT DISTINCT conversation_id FROM message_documents AS r JOIN messages ON messages.id = r.message_id
        WHERE r.document_id = :documentId) AS readers
  CROSS JOIN messages AS m ON m.conversation_id = readers.conversation_id
  WHERE m.id > :after AND (m.sources IS NOT NULL OR m.calls IS NOT NULL)
  ORDER BY m.id LIMIT :limit`;

export function citationWriter(db: WritableDb) {
  const list = db.prepare<{ documentId: string; after: string; limit: number }, Row>(LIST_SOURCES);
  const update = db.prepare('UPDATE messages SET sources = :sources, calls = :calls WHERE id = :id');

  return {
    /**
     * Takes the words of a document out of some messages, those behind `after`: out of what they cite, what they were told of
     * its tables, and the rows that queries made of it. What was cited stays marked, and what the model wrote stays.
     * @returns the conversations among them that have read the document, and where to go on; null: that was all
     */
    forgetWords(documentId: string, after: string): { conversationIds: string[]; next: string | null } {
      return db.transaction(() => {
        const rows = list.all({ documentId, after, limit: AT_ONCE });
        const has = (json: string | null) => json?.includes(documentId) === true;
        const having = rows.filter(({ sources, calls }) => has(sources) || has(calls));
        for (const { id, sources: told, calls: made } of having) {
          const calls = withoutRows(JSON.parse(made ?? 'null') as ToolCall[] | null, documentId);
          const sources = withoutWords(fromJson(told) as Sources | null, documentId, has(made));
          update.run({ id, sources: toJson(sources), calls: toJson(calls) });
        }
        const conversationIds = [...new Set(having.map((row) => row.conversation_id))];
        return { conversationIds, next: rows.length < AT_ONCE ? null : rows.at(-1)!.id };
      })();
    },
  };
}

const withoutRows = (calls: ToolCall[] | null, documentId: string) =>
  calls?.map((call) =>
    call.documentIds.includes(documentId) && call.response !== null ? { ...call, response: '', table: null } : call,
  );

/** `wasQueried`: rows that were computed may be of the document; of which query each is was not kept. */
function withoutWords(sources: Sources | null, documentId: string, wasQueried: boolean): Sources | null {
  if (sources === null) return null;
  const isOf = ({ span, state }: Citation) =>
    span === null ? wasQueried && state === 'computed' : span.documentId === documentId;
  const citations = sources.citations.map((one) => (isOf(one) ? { ...one, quote: '' } : one));
  const tables = sources.tables?.filter((table) => table.documentId !== documentId);
  return { ...sources, citations, ...(tables ? { tables } : {}) };
}
