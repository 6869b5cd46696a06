import type { Migration } from './migration.ts';

// What of documents stands before a question, and what its answer rests on: `Sources` of the contract.
export const messageSources: Migration = {
  version: 7,
  up: /* sql */ `
    ALTER TABLE messages ADD COLUMN sources TEXT CHECK (sources IS NULL OR json_valid(sources));
  `,
};
