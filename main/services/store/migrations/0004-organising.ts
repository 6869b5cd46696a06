import type { Migration } from './migration.ts';

// Folders and pins order the list. `left_out` is the user's choice that the model does not read a message, `omitted` what
// an answer was made without. `tokenizer` tells whose ids `tokens` are: a name can be given to another model, while the
// digest of a vocabulary stays true; null where that is not known, and then the text counts.
//
// `messages_measured` finds how fast a model has been here lately.
//
// The bin is read in the order of deletion, which also finds what has been there for too long.
export const organising: Migration = {
  version: 4,
  up: /* sql */ `
    CREATE TABLE folders (
      id         TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 36),
      name       TEXT    NOT NULL,
      created_ms INTEGER NOT NULL CHECK (created_ms >= 0)
    ) STRICT;

    ALTER TABLE conversations ADD COLUMN sampling TEXT CHECK (json_valid(sampling));
    ALTER TABLE conversations ADD COLUMN folder_id TEXT REFERENCES folders (id) ON DELETE SET NULL;
    ALTER TABLE conversations ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1));

    DROP INDEX conversations_in_bin;
    CREATE INDEX conversations_in_bin ON conversations (deleted_ms, id) WHERE deleted_ms IS NOT NULL;
    CREATE INDEX conversations_in_folder ON conversations (folder_id, updated_ms, id) WHERE deleted_ms IS NULL;
    CREATE INDEX conversations_pinned ON conversations (pinned, updated_ms, id) WHERE deleted_ms IS NULL AND pinned = 1;
    CREATE INDEX conversations_of_folder ON conversations (folder_id);

    ALTER TABLE messages ADD COLUMN left_out INTEGER NOT NULL DEFAULT 0 CHECK (left_out IN (0, 1));
    ALTER TABLE messages ADD COLUMN omitted INTEGER NOT NULL DEFAULT 0 CHECK (omitted >= 0);
    ALTER TABLE messages ADD COLUMN tokenizer TEXT;
    CREATE INDEX messages_measured ON messages (model, id) WHERE metrics IS NOT NULL;
  `,
};
