import type { Message, SearchHit } from '../../contract/chat.ts';
import type { ReadableDb, WritableDb } from './db.ts';
import { indexText, parseQuery, termPattern } from './search-text.ts';
import { snippetOf } from './snippet.ts';

/** Kept by the modules that change what is searched, inside their transactions. */
export type SearchIndex = ReturnType<typeof searchIndex>;

type HitRow = { conversation_id: string; message_id: string | null; title: string; text: string; updated_ms: number };

// Entries are numbered as they are made, so of equally good ones the newest comes first. Only the newest 5,000 matches
// are ranked: where there are more, the words tell little, and ranking 33,000 of them took up to 130 ms.
export const FIND_ENTRIES = /* sql */ `
  SELECT id FROM (
    SELECT rowid AS id, rank AS score FROM search_fts WHERE search_fts MATCH :match ORDER BY rowid DESC LIMIT :ranked
  )
  ORDER BY score, id DESC LIMIT :limit`;
const RANKED = 5000;

export const COUNT_ENTRIES = /* sql */ `
  SELECT count(*) FROM (SELECT rowid FROM search_fts WHERE search_fts MATCH :match LIMIT :limit)`;

export const GET_HIT = /* sql */ `
  SELECT c.id AS conversation_id, m.id AS message_id, c.title, coalesce(m.text, c.title) AS text,
         coalesce(m.updated_ms, c.updated_ms) AS updated_ms
  FROM search_entries AS e
  LEFT JOIN messages AS m ON m.id = e.message_id
  JOIN conversations AS c ON c.id = coalesce(m.conversation_id, e.conversation_id)
  WHERE e.id = :id AND c.deleted_ms IS NULL`;

export function searchReader(db: ReadableDb) {
  const findEntries = db.prepare<{ match: string; ranked: number; limit: number }, number>(FIND_ENTRIES).pluck();
  const countEntries = db.prepare<{ match: string; limit: number }, number>(COUNT_ENTRIES).pluck();
  const getHit = db.prepare<{ id: number }, HitRow>(GET_HIT);

  return {
    /**
     * Messages and titles that contain every word of `query`, best first (BM25), newest first among equals.
     * The query is plain text; its last word may be unfinished. Conversations in the bin are left out.
     */
    find(query: string, { limit = 50 }: { limit?: number } = {}): SearchHit[] {
      const { match: unfinished, whole, terms } = parseQuery(query);
      if (unfinished === null) return [];
      // A word that stands as it is in more places than are ranked is not looked for in longer ones: the lists of all
      // words that begin with "the" took 140 ms to merge in 1,000,000 messages, that of "the" 22 ms.
      const isCommon = whole !== null && countEntries.get({ match: whole, limit: RANKED }) === RANKED;
      const match = isCommon ? whole : unfinished;
      const pattern = termPattern(terms);
      // The bin is only known after the lookup, so a page that came out short is asked for again, larger.
      for (let candidates = limit * 2; ; candidates *= 8) {
        const ids = findEntries.all({ match, limit: candidates, ranked: Math.max(candidates, RANKED) });
        const hits: SearchHit[] = [];
        for (const id of ids) {
          const row = getHit.get({ id });
          if (row !== undefined) hits.push(toHit(row, pattern));
          if (hits.length === limit) break;
        }
        if (hits.length === limit || ids.length < candidates) return hits;
      }
    },
  };
}

export function searchIndex(db: WritableDb) {
  const titleEntry = db.prepare('SELECT id FROM search_entries WHERE conversation_id = :owner').pluck();
  const messageEntry = db.prepare('SELECT id FROM search_entries WHERE message_id = :owner').pluck();
  const insertTitle = db.prepare('INSERT INTO search_entries (conversation_id) VALUES (:owner)');
  const insertMessage = db.prepare('INSERT INTO search_entries (message_id) VALUES (:owner)');
  const deleteEntry = db.prepare('DELETE FROM search_entries WHERE id = :id');
  const insertText = db.prepare('INSERT INTO search_fts (rowid, words, grams) VALUES (:id, :words, :grams)');

  // A changed text gets a new entry: its number says how recent it is.
  const put = (find: typeof titleEntry, insert: typeof insertTitle, owner: string, text: string): void => {
    const old = find.get({ owner });
    if (old !== undefined) deleteEntry.run({ id: old });
    if (text.trim() === '') return;
    const id = insert.run({ owner }).lastInsertRowid;
    insertText.run({ id, ...indexText(text) });
  };

  return {
    putTitle: (conversationId: string, title: string): void => put(titleEntry, insertTitle, conversationId, title),

    /** Only what people wrote and read: system prompts and tool output would drown it. */
    putMessage(id: string, role: Message['role'], text: string): void {
      if (role === 'user' || role === 'assistant') put(messageEntry, insertMessage, id, text);
    },
  };
}

function toHit(row: HitRow, pattern: RegExp): SearchHit {
  const { text: snippet, marks } = snippetOf(row.text, pattern);
  return {
    conversationId: row.conversation_id,
    messageId: row.message_id,
    title: row.title,
    snippet,
    marks,
    updatedMs: row.updated_ms,
  };
}
