import type { Migration } from './migration.ts';

export const settings: Migration = {
  version: 3,
  up: /* sql */ `
    CREATE TABLE settings (
      key   TEXT NOT NULL PRIMARY KEY,
      value TEXT NOT NULL CHECK (json_valid(value))
    ) STRICT, WITHOUT ROWID;
  `,
};
