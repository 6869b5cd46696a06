import type { Migration } from './migration.ts';

// Every long work is a job: download, compile, parse, index. `checkpoint` is what it needs to go on after a restart.
export const jobs: Migration = {
  version: 2,
  up: /* sql */ `
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
  `,
};
