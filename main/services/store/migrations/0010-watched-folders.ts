import type { Migration } from './migration.ts';

// Folders that are followed, and the files that were found in them when they were looked at last: a file whose size and time
// are still these is not read again. `path` is below the folder, with '/' everywhere. A file gives one document, an archive
// those in it, and what is no document none; files that hold the same under one name share a document.
//
// `kept`: the user put the document on the shelf. One that only came with a folder goes when its file does, unless a
// conversation stands on it: as an attachment, or since a message has read it, which the triggers note.
export const watchedFolders: Migration = {
  version: 10,
  up: /* sql */ `
    ALTER TABLE documents ADD COLUMN kept INTEGER NOT NULL DEFAULT 1 CHECK (kept IN (0, 1));

    CREATE TABLE watched_folders (
      id       TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 36),
      path     TEXT    NOT NULL UNIQUE,
      added_ms INTEGER NOT NULL CHECK (added_ms >= 0)
    ) STRICT;

    CREATE TABLE watched_files (
      id          INTEGER PRIMARY KEY,
      folder_id   TEXT    NOT NULL REFERENCES watched_folders (id) ON DELETE CASCADE,
      path        TEXT    NOT NULL,
      size_bytes  INTEGER NOT NULL CHECK (size_bytes >= 0),
      modified_ms REAL    NOT NULL,
      UNIQUE (folder_id, path)
    ) STRICT;

    CREATE TABLE watched_documents (
      file_id     INTEGER NOT NULL REFERENCES watched_files (id) ON DELETE CASCADE,
      document_id TEXT    NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
      PRIMARY KEY (file_id, document_id)
    ) STRICT, WITHOUT ROWID;

    CREATE INDEX watched_documents_of ON watched_documents (document_id);

    CREATE TABLE attached_folders (
      conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
      folder_id       TEXT NOT NULL REFERENCES watched_folders (id) ON DELETE CASCADE,
      PRIMARY KEY (conversation_id, folder_id)
    ) STRICT, WITHOUT ROWID;

    CREATE INDEX attached_folders_of_folder ON attached_folders (folder_id);

    CREATE TABLE message_documents (
      message_id  TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
      document_id TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
      PRIMARY KEY (message_id, document_id)
    ) STRICT, WITHOUT ROWID;

    CREATE INDEX message_documents_of ON message_documents (document_id);

    INSERT OR IGNORE INTO message_documents (message_id, document_id)
    SELECT m.id, d.id FROM messages AS m, json_each(m.sources, '$.documents') AS s
    JOIN documents AS d ON d.id = s.value ->> 'id'
    WHERE m.sources IS NOT NULL;

    CREATE TRIGGER message_documents_after_insert AFTER INSERT ON messages WHEN new.sources IS NOT NULL BEGIN
      INSERT OR IGNORE INTO message_documents (message_id, document_id)
      SELECT new.id, d.id FROM json_each(new.sources, '$.documents') AS s JOIN documents AS d ON d.id = s.value ->> 'id';
    END;

    CREATE TRIGGER message_documents_after_update AFTER UPDATE OF sources ON messages WHEN new.sources IS NOT NULL BEGIN
      INSERT OR IGNORE INTO message_documents (message_id, document_id)
      SELECT new.id, d.id FROM json_each(new.sources, '$.documents') AS s JOIN documents AS d ON d.id = s.value ->> 'id';
    END;
  `,
};
