import type { Migration } from './migration.ts';

// What the model called while it wrote an answer, and what came of it: `ToolCall` of the contract.
export const messageCalls: Migration = {
  version: 9,
  up: /* sql */ `
    ALTER TABLE messages ADD COLUMN calls TEXT CHECK (calls IS NULL OR json_valid(calls));
  `,
};
