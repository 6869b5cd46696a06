-- A database as version 13 of the schema left it, killed in the middle of an answer. Never edited: see the migrations.

CREATE TABLE conversations (
  id            TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  title         TEXT    NOT NULL,
  title_source  TEXT    NOT NULL CHECK (title_source IN ('auto', 'user')),
  system_prompt TEXT,
  leaf_id       TEXT,
  created_ms    INTEGER NOT NULL CHECK (created_ms >= 0),
  updated_ms    INTEGER NOT NULL CHECK (updated_ms >= 0),
  deleted_ms    INTEGER CHECK (deleted_ms >= 0),
  FOREIGN KEY (id, leaf_id) REFERENCES messages (conversation_id, id) DEFERRABLE INITIALLY DEFERRED
) STRICT;

CREATE INDEX conversations_by_update ON conversations (updated_ms, id) WHERE deleted_ms IS NULL;
CREATE INDEX conversations_in_bin ON conversations (updated_ms, id) WHERE deleted_ms IS NOT NULL;

CREATE TABLE messages (
  id              TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  conversation_id TEXT    NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
  parent_id       TEXT,
  role            TEXT    NOT NULL CHECK (role IN ('system', 'user', 'assistant', 'tool')),
  state           TEXT    NOT NULL
                  CHECK (state IN ('complete', 'waiting', 'streaming', 'stopped', 'interrupted', 'failed')),
  created_ms      INTEGER NOT NULL CHECK (created_ms >= 0),
  updated_ms      INTEGER NOT NULL CHECK (updated_ms >= 0),
  model           TEXT,
  finish_reason   TEXT,
  metrics         TEXT    CHECK (json_valid(metrics)),
  sampling        TEXT    CHECK (json_valid(sampling)),
  error           TEXT    CHECK (json_valid(error)),
  text            TEXT    NOT NULL,
  tokens          BLOB    CHECK (length(tokens) % 4 = 0),
  UNIQUE (conversation_id, id),
  FOREIGN KEY (conversation_id, parent_id) REFERENCES messages (conversation_id, id)
) STRICT;

CREATE INDEX messages_by_parent ON messages (conversation_id, parent_id, id);
CREATE INDEX messages_unfinished ON messages (id) WHERE state IN ('waiting', 'streaming');

CREATE TABLE message_chunks (
  message_id TEXT    NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
  seq        INTEGER NOT NULL CHECK (seq >= 0),
  created_ms INTEGER NOT NULL CHECK (created_ms >= 0),
  text       TEXT    NOT NULL,
  tokens     BLOB    NOT NULL CHECK (length(tokens) % 4 = 0),
  PRIMARY KEY (message_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE search_entries (
  id              INTEGER PRIMARY KEY,
  conversation_id TEXT UNIQUE REFERENCES conversations (id) ON DELETE CASCADE,
  message_id      TEXT UNIQUE REFERENCES messages (id) ON DELETE CASCADE,
  CHECK ((conversation_id IS NULL) <> (message_id IS NULL))
) STRICT;

CREATE VIRTUAL TABLE search_fts USING fts5 (
  words, grams, tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2'
);
INSERT INTO search_fts (search_fts, rank) VALUES ('secure-delete', 1);

CREATE TRIGGER search_entries_after_delete AFTER DELETE ON search_entries BEGIN
  DELETE FROM search_fts WHERE rowid = old.id;
END;

CREATE TABLE jobs (
  id         TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  kind       TEXT    NOT NULL,
  title      TEXT    NOT NULL,
  state      TEXT    NOT NULL
             CHECK (state IN ('queued', 'running', 'paused', 'done', 'failed', 'cancelled', 'interrupted')),
  stage      TEXT,
  done       REAL    NOT NULL CHECK (done >= 0),
  total      REAL    CHECK (total >= 0),
  unit       TEXT    NOT NULL,
  params     TEXT    NOT NULL CHECK (json_valid(params)),
  checkpoint TEXT    CHECK (json_valid(checkpoint)),
  result     TEXT    CHECK (json_valid(result)),
  error      TEXT    CHECK (json_valid(error)),
  created_ms INTEGER NOT NULL CHECK (created_ms >= 0),
  updated_ms INTEGER NOT NULL CHECK (updated_ms >= 0)
) STRICT;

CREATE INDEX jobs_by_creation ON jobs (created_ms, id);
CREATE INDEX jobs_unfinished ON jobs (created_ms, id)
  WHERE state IN ('queued', 'running', 'paused', 'interrupted');

CREATE TABLE settings (
  key   TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL CHECK (json_valid(value))
) STRICT, WITHOUT ROWID;

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

INSERT INTO conversations (id, title, title_source, system_prompt, leaf_id, created_ms, updated_ms, deleted_ms) VALUES
  ('01920000-0000-7000-8000-000000000001', 'Rivers', 'user', 'Answer in one line.', NULL, 1000, 5000, NULL),
  ('01920000-0000-7000-8000-000000000002', '隐私', 'auto', NULL, NULL, 2000, 2500, 3000);

INSERT INTO messages (id, conversation_id, parent_id, role, state, created_ms, updated_ms, model, finish_reason,
                      metrics, sampling, error, text, tokens) VALUES
  ('01920000-0000-7000-8000-00000000000a', '01920000-0000-7000-8000-000000000001', NULL, 'user', 'complete', 1000, 1000, NULL, NULL,
   NULL, NULL, NULL, 'Which river runs through Vienna?', NULL),
  ('01920000-0000-7000-8000-00000000000b', '01920000-0000-7000-8000-000000000001', '01920000-0000-7000-8000-00000000000a', 'assistant', 'complete', 2000, 2000, 'tiny', 'stop',
   NULL, '{"temperature":0}', NULL, 'The Danube.', x'010000000200000003000000'),
  ('01920000-0000-7000-8000-00000000000c', '01920000-0000-7000-8000-000000000001', '01920000-0000-7000-8000-00000000000a', 'assistant', 'streaming', 4000, 4000, 'tiny', NULL,
   NULL, NULL, NULL, '', NULL),
  ('01920000-0000-7000-8000-00000000000d', '01920000-0000-7000-8000-000000000002', NULL, 'user', 'complete', 2000, 2000, NULL, NULL,
   NULL, NULL, NULL, '隐私数据不会离开电脑', NULL);

UPDATE conversations SET leaf_id = '01920000-0000-7000-8000-00000000000c' WHERE id = '01920000-0000-7000-8000-000000000001';

INSERT INTO message_chunks (message_id, seq, created_ms, text, tokens) VALUES
  ('01920000-0000-7000-8000-00000000000c', 0, 4100, 'The ', x'04000000'),
  ('01920000-0000-7000-8000-00000000000c', 1, 4200, 'Danube', x'0500000006000000');

INSERT INTO search_entries (id, conversation_id, message_id) VALUES
  (1, '01920000-0000-7000-8000-000000000001', NULL), (2, NULL, '01920000-0000-7000-8000-00000000000a'), (3, NULL, '01920000-0000-7000-8000-00000000000b');
INSERT INTO search_fts (rowid, words, grams) VALUES
  (1, 'Rivers', ''), (2, 'Which river runs through Vienna?', ''), (3, 'The Danube.', '');

INSERT INTO jobs (id, kind, title, state, stage, done, total, unit, params, checkpoint, created_ms, updated_ms) VALUES
  ('01920000-0000-7000-8000-00000000000e', 'download', 'tiny', 'running', 'download', 512, 1024, 'bytes', '{"url":"x"}', '{"offset":512}', 100, 200);

INSERT INTO settings (key, value) VALUES ('theme', '"dark"'), ('threads', '4');

INSERT INTO folders (id, name, created_ms) VALUES ('01920000-0000-7000-8000-00000000000f', 'Geography', 500);
UPDATE conversations SET folder_id = '01920000-0000-7000-8000-00000000000f', pinned = 1, sampling = '{"temperature":0.2}'
  WHERE id = '01920000-0000-7000-8000-000000000001';
UPDATE messages SET left_out = 1 WHERE id = '01920000-0000-7000-8000-00000000000a';
UPDATE messages SET omitted = 1, tokenizer = 'digest' WHERE id = '01920000-0000-7000-8000-00000000000b';

CREATE TABLE verifications (
  conditions TEXT    NOT NULL CHECK (json_valid(conditions)),
  task       TEXT    NOT NULL,
  tokens     INTEGER NOT NULL CHECK (tokens > 0),
  depth      REAL    NOT NULL CHECK (depth >= 0 AND depth <= 1),
  model      TEXT    NOT NULL,
  found      INTEGER NOT NULL CHECK (found >= 0 AND found <= asked),
  asked      INTEGER NOT NULL CHECK (asked > 0),
  created_ms INTEGER NOT NULL CHECK (created_ms >= 0),
  PRIMARY KEY (conditions, task, tokens, depth)
) STRICT, WITHOUT ROWID;

CREATE INDEX verifications_of_model ON verifications (model, created_ms);

INSERT INTO verifications VALUES ('{"kvType":"int8"}', 'passkey', 1024, 0.5, 'tiny', 2, 2, 1790000000000);

CREATE TABLE perplexities (
  conditions TEXT    NOT NULL CHECK (json_valid(conditions)),
  tokens     INTEGER NOT NULL CHECK (tokens > 0),
  model      TEXT    NOT NULL,
  surprise   REAL    NOT NULL,
  count      INTEGER NOT NULL CHECK (count > 0),
  created_ms INTEGER NOT NULL CHECK (created_ms >= 0),
  PRIMARY KEY (conditions, tokens)
) STRICT, WITHOUT ROWID;

INSERT INTO perplexities VALUES ('{"kvType":"int8"}', 1024, 'tiny', 2.5, 1023, 1790000000000);

ALTER TABLE messages ADD COLUMN sources TEXT CHECK (sources IS NULL OR json_valid(sources));

UPDATE messages SET sources = '{"way":"whole","documents":[],"passages":[],"firstMark":1,"citations":[]}'
WHERE id = '01920000-0000-7000-8000-00000000000b';

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

INSERT INTO embedders VALUES (1, 'words-of-four');
INSERT INTO contents (id, hash, size_bytes, state, format, title, part_kind, parts, parts_total, characters, passages, embedded, embedder_id) VALUES
  (1, '000000000000000000000000000000000000000000000000000000000000cafe', 42, 'parsed', 'plain', NULL, 'text', 1, 1, 18, 1, 1, 1);
INSERT INTO documents VALUES ('01920000-0000-7000-8000-000000000010', 1, 'rivers.txt', NULL, 600);
INSERT INTO parts (id, content_id, number, kind, label, text, blocks, width, height, boxes, recognised) VALUES
  (1, 1, 0, 'text', '', 'The Rhine is long.', '[[1,0,18]]', NULL, NULL, x'', 0);
INSERT INTO passages (id, content_id, part, start_at, end_at, context, words_hash) VALUES
  (1, 1, 0, 0, 18, '', x'000102030405060708090a0b0c0d0e0f');
INSERT INTO passages_fts (rowid, words, grams) VALUES (1, 'The Rhine is long.', '');
INSERT INTO vectors (id, embedder_id, words_hash, bits, codes) VALUES
  (1, 1, x'000102030405060708090a0b0c0d0e0f', x'0f', x'7f817f81');
INSERT INTO document_tables VALUES (1, 0, 0, 'rivers', '["name","km"]');
INSERT INTO table_pieces (id, content_id, number, first_row, cells) VALUES (1, 1, 0, 2, '[["Rhine",1233]]');
INSERT INTO attachments VALUES
  ('01920000-0000-7000-8000-000000000001', '01920000-0000-7000-8000-000000000010', '01920000-0000-7000-8000-00000000000a', 0);
UPDATE conversations SET reading_way = 'whole' WHERE id = '01920000-0000-7000-8000-000000000001';

PRAGMA application_id = 1281912420;
ALTER TABLE messages ADD COLUMN calls TEXT CHECK (calls IS NULL OR json_valid(calls));

UPDATE messages SET calls = '[{"name":"query_tables","input":{"sql":"SELECT 1 AS one"},"written":"{}","at":0,"tokens":2,"response":"one\n1","error":null,"table":{"columns":["one"],"rows":[[1]],"truncated":false},"documentIds":["01920000-0000-7000-8000-000000000010"]}]'
WHERE id = '01920000-0000-7000-8000-00000000000b';

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

INSERT INTO watched_folders VALUES ('01920000-0000-7000-8000-000000000011', '/home/ada/Rivers', 700);
INSERT INTO watched_files VALUES (1, '01920000-0000-7000-8000-000000000011', 'east/rivers.txt', 18, 1234.5);
INSERT INTO watched_documents VALUES (1, '01920000-0000-7000-8000-000000000010');
INSERT INTO attached_folders VALUES
  ('01920000-0000-7000-8000-000000000001', '01920000-0000-7000-8000-000000000011');
INSERT INTO message_documents VALUES
  ('01920000-0000-7000-8000-00000000000b', '01920000-0000-7000-8000-000000000010');

CREATE INDEX jobs_open ON jobs (kind) WHERE state NOT IN ('done', 'cancelled');

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

INSERT INTO document_tags VALUES ('Water', '01920000-0000-7000-8000-000000000010');
INSERT INTO attached_tags VALUES ('01920000-0000-7000-8000-000000000001', 'Water');
UPDATE conversations SET whole_shelf = 1 WHERE id = '01920000-0000-7000-8000-000000000001';

PRAGMA user_version = 13;
