-- A database as version 7 of the schema left it, killed in the middle of an answer. Never edited: see the migrations.

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

PRAGMA application_id = 1281912420;
PRAGMA user_version = 7;
