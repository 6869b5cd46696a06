import type { Migration } from './migration.ts';

// A message has also read the documents whose tables it told the model of: until now one that only queries had read went
// with its file. `sources.tables` has those, and `calls.documentIds` tells whose tables a query read, so that its rows go
// with them. Of calls that were made before that is not known: they may rest on any table that their conversation was told of.
export const readTables: Migration = {
  version: 11,
  up: /* sql */ `
    DROP TRIGGER message_documents_after_insert;
    DROP TRIGGER message_documents_after_update;

    CREATE TRIGGER message_documents_after_insert AFTER INSERT ON messages WHEN new.sources IS NOT NULL BEGIN
      INSERT OR IGNORE INTO message_documents (message_id, document_id)
      SELECT new.id, d.id FROM json_each(new.sources, '$.documents') AS s JOIN documents AS d ON d.id = s.value ->> 'id'
      UNION
      SELECT new.id, d.id FROM json_each(new.sources, '$.tables') AS s JOIN documents AS d ON d.id = s.value ->> 'documentId';
    END;

    CREATE TRIGGER message_documents_after_update AFTER UPDATE OF sources ON messages WHEN new.sources IS NOT NULL BEGIN
      INSERT OR IGNORE INTO message_documents (message_id, document_id)
      SELECT new.id, d.id FROM json_each(new.sources, '$.documents') AS s JOIN documents AS d ON d.id = s.value ->> 'id'
      UNION
      SELECT new.id, d.id FROM json_each(new.sources, '$.tables') AS s JOIN documents AS d ON d.id = s.value ->> 'documentId';
    END;

    INSERT OR IGNORE INTO message_documents (message_id, document_id)
    SELECT m.id, d.id FROM messages AS m, json_each(m.sources, '$.tables') AS s
    JOIN documents AS d ON d.id = s.value ->> 'documentId'
    WHERE m.sources IS NOT NULL;

    UPDATE messages SET calls = (
      SELECT json_group_array(json_set(c.value, '$.documentIds', json(told.ids)) ORDER BY c.key)
      FROM json_each(messages.calls) AS c,
           (SELECT json_group_array(DISTINCT s.value ->> 'documentId') AS ids
            FROM messages AS m, json_each(m.sources, '$.tables') AS s
            WHERE m.conversation_id = messages.conversation_id AND m.sources IS NOT NULL) AS told
    )
    WHERE calls IS NOT NULL;
  `,
};
