import type { Migration } from './migration.ts';

// Jobs about a document end with it; those of some kinds that are not done with are found without reading all that ever were.
export const openJobs: Migration = {
  version: 12,
  up: /* sql */ `
    CREATE INDEX jobs_open ON jobs (kind) WHERE state NOT IN ('done', 'cancelled');
  `,
};
