/** One step of the schema. A released one is never edited: a change is a new file. */
export type Migration = {
  /** The `user_version` that the database has afterwards: 1, 2, 3, ... without gaps. */
  version: number;
  /** Statements run inside the migration's transaction, with foreign keys checked at its end. */
  up: string;
};
