import type { Migration } from './migration.ts';

// What the self-test of a model found, a row for each task, length and depth. `conditions` is what a result holds for:
// weights, compiler, form of the cache, way of reading, machine. Where one of them changes, it holds no longer.
export const verifications: Migration = {
  version: 5,
  up: /* sql */ `
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
  `,
};
