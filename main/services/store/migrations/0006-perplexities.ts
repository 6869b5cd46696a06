import type { Migration } from './migration.ts';

// How well a model foretells a book, by position: a row for each stretch of it, named by where it ends. `surprise` is the mean
// of the negative logarithms of the probabilities of its tokens; conditions are those of `verifications`.
export const perplexities: Migration = {
  version: 6,
  up: /* sql */ `
    CREATE TABLE perplexities (
      conditions TEXT    NOT NULL CHECK (json_valid(conditions)),
      tokens     INTEGER NOT NULL CHECK (tokens > 0),
      model      TEXT    NOT NULL,
      surprise   REAL    NOT NULL,
      count      INTEGER NOT NULL CHECK (count > 0),
      created_ms INTEGER NOT NULL CHECK (created_ms >= 0),
      PRIMARY KEY (conditions, tokens)
    ) STRICT, WITHOUT ROWID;
  `,
};
