import type { Migration } from './migration.ts';

// A content is what a file holds, named by the SHA-256 of its bytes; documents are the names it was added under. All that is
// made of it hangs on the content, so that adding it again costs nothing. Parts are written once, in order: how many there
// are is where reading goes on. `boxes` is packed, see packed-part.ts. The counters stand for sums over parts and passages,
// which a list of documents could not wait for; `embedded` counts the passages that have a vector of `embedder_id`.
//
// Passages are cut from parts at blocks and sentences, [start_at, end_at) in the part's text, without gaps. `context` is the
// heading they stand under. The FTS table keeps its own copy of what it indexed, as that of messages does, and for the same
// reason. It has no index of prefixes: questions are whole words.
//
// A vector belongs to words and a model, not to a passage: what was computed for one version of a file serves the next.
// `bits` are the signs of its components, for a first look at all of them; `codes` are int8 of a common scale. Neither ids of
// passages nor of vectors are ever used again, since threads keep them.
//
// `jobs_queued` finds the next job of a kind among thousands of files that wait.
export const documents: Migration = {
  version: 8,
  up: /* sql */ `
    CREATE TABLE embedders (
      id  INTEGER PRIMARY KEY,
      key TEXT NOT NULL UNIQUE
    ) STRICT;

    CREATE TABLE contents (
      id          INTEGER PRIMARY KEY AUTOINCREMENT,
      hash        TEXT    NOT NULL UNIQUE CHECK (length(hash) = 64),
      size_bytes  INTEGER NOT NULL CHECK (size_bytes >= 0),
      state       TEXT    NOT NULL CHECK (state IN ('queued', 'parsing', 'parsed', 'failed')),
      format      TEXT,
      title       TEXT,
      part_kind   TEXT,
      parts       INTEGER NOT NULL DEFAULT 0 CHECK (parts >= 0),
      parts_total INTEGER CHECK (parts_total >= 0),
      characters  INTEGER NOT NULL DEFAULT 0 CHECK (characters >= 0),
      passages    INTEGER NOT NULL DEFAULT 0 CHECK (passages >= 0),
      embedded    INTEGER NOT NULL DEFAULT 0 CHECK (embedded >= 0),
      embedder_id INTEGER REFERENCES embedders (id),
      outline     TEXT    NOT NULL DEFAULT '[]' CHECK (json_valid(outline)),
      notes       TEXT    NOT NULL DEFAULT '[]' CHECK (json_valid(notes)),
      error       TEXT    CHECK (json_valid(error))
    ) STRICT;

    CREATE TABLE documents (
      id         TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 36),
      content_id INTEGER NOT NULL REFERENCES contents (id),
      name       TEXT    NOT NULL,
      origin     TEXT,
      added_ms   INTEGER NOT NULL CHECK (added_ms >= 0),
      UNIQUE (content_id, name)
    ) STRICT;

    CREATE INDEX documents_by_addition ON documents (added_ms, id);

    CREATE TABLE parts (
      id         INTEGER PRIMARY KEY,
      content_id INTEGER NOT NULL REFERENCES contents (id) ON DELETE CASCADE,
      number     INTEGER NOT NULL CHECK (number >= 0),
      kind       TEXT    NOT NULL,
      label      TEXT    NOT NULL,
      text       TEXT    NOT NULL,
      blocks     TEXT    NOT NULL CHECK (json_valid(blocks)),
      width      REAL,
      height     REAL,
      boxes      BLOB    NOT NULL,
      recognised INTEGER NOT NULL CHECK (recognised IN (0, 1)),
      UNIQUE (content_id, number)
    ) STRICT;

    CREATE TABLE passages (
      id         INTEGER PRIMARY KEY AUTOINCREMENT,
      content_id INTEGER NOT NULL,
      part       INTEGER NOT NULL,
      start_at   INTEGER NOT NULL CHECK (start_at >= 0),
      end_at     INTEGER NOT NULL CHECK (end_at > start_at),
      context    TEXT    NOT NULL,
      words_hash BLOB    NOT NULL CHECK (length(words_hash) = 16),
      FOREIGN KEY (content_id, part) REFERENCES parts (content_id, number) ON DELETE CASCADE
    ) STRICT;

    CREATE INDEX passages_of_part ON passages (content_id, part, start_at);
    CREATE INDEX passages_by_words ON passages (words_hash);

    CREATE VIRTUAL TABLE passages_fts USING fts5 (
      words, grams, tokenize = 'porter unicode61 remove_diacritics 2'
    );
    INSERT INTO passages_fts (passages_fts, rank) VALUES ('secure-delete', 1);

    CREATE TRIGGER passages_after_delete AFTER DELETE ON passages BEGIN
      DELETE FROM passages_fts WHERE rowid = old.id;
    END;

    CREATE TABLE vectors (
      id          INTEGER PRIMARY KEY AUTOINCREMENT,
      embedder_id INTEGER NOT NULL REFERENCES embedders (id) ON DELETE CASCADE,
      words_hash  BLOB    NOT NULL CHECK (length(words_hash) = 16),
      bits        BLOB    NOT NULL,
      codes       BLOB    NOT NULL,
      UNIQUE (words_hash, embedder_id)
    ) STRICT;

    CREATE TABLE document_tables (
      content_id INTEGER NOT NULL REFERENCES contents (id) ON DELETE CASCADE,
      number     INTEGER NOT NULL CHECK (number >= 0),
      part       INTEGER NOT NULL CHECK (part >= 0),
      name       TEXT    NOT NULL,
      columns    TEXT    NOT NULL CHECK (json_valid(columns)),
      PRIMARY KEY (content_id, number)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE table_pieces (
      id         INTEGER PRIMARY KEY,
      content_id INTEGER NOT NULL,
      number     INTEGER NOT NULL,
      first_row  INTEGER NOT NULL,
      cells      TEXT    NOT NULL CHECK (json_valid(cells)),
      UNIQUE (content_id, number, first_row),
      FOREIGN KEY (content_id, number) REFERENCES document_tables (content_id, number) ON DELETE CASCADE
    ) STRICT;

    CREATE TABLE attachments (
      conversation_id TEXT    NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
      document_id     TEXT    NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
      message_id      TEXT    REFERENCES messages (id) ON DELETE CASCADE,
      position        INTEGER NOT NULL CHECK (position >= 0),
      PRIMARY KEY (conversation_id, document_id)
    ) STRICT, WITHOUT ROWID;

    CREATE INDEX attachments_of_document ON attachments (document_id);
    CREATE INDEX attachments_of_message ON attachments (message_id) WHERE message_id IS NOT NULL;

    ALTER TABLE conversations ADD COLUMN reading_way TEXT CHECK (reading_way IN ('whole', 'search'));

    CREATE INDEX jobs_queued ON jobs (kind, created_ms, id) WHERE state = 'queued';
  `,
};
