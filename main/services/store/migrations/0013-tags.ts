import type { Migration } from './migration.ts';

// A tag is the documents that carry it: one that no document carries is gone, and conversations that had it let go of it.
// The whole shelf is attached to a conversation as its tags and folders are, but there is only one of it.
export const tags: Migration = {
  version: 13,
  up: /* sql */ `
    CREATE TABLE document_tags (
      tag         TEXT NOT NULL CHECK (length(tag) BETWEEN 1 AND 60),
      document_id TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
      PRIMARY KEY (tag, document_id)
    ) STRICT, WITHOUT ROWID;

    CREATE INDEX document_tags_of ON document_tags (document_id, tag);

    CREATE TABLE attached_tags (
      conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
      tag             TEXT NOT NULL,
      PRIMARY KEY (conversation_id, tag)
    ) STRICT, WITHOUT ROWID;

    CREATE INDEX attached_tags_of_tag ON attached_tags (tag);

    CREATE TRIGGER document_tags_after_delete AFTER DELETE ON document_tags
    WHEN NOT EXISTS (SELECT 1 FROM document_tags WHERE tag = old.tag) BEGIN
      DELETE FROM attached_tags WHERE tag = old.tag;
    END;

    ALTER TABLE conversations ADD COLUMN whole_shelf INTEGER NOT NULL DEFAULT 0 CHECK (whole_shelf IN (0, 1));
  `,
};
