import { conversations } from './0001-conversations.ts';
import { jobs } from './0002-jobs.ts';
import { settings } from './0003-settings.ts';
import { organising } from './0004-organising.ts';
import { verifications } from './0005-verifications.ts';
import { perplexities } from './0006-perplexities.ts';
import { messageSources } from './0007-message-sources.ts';
import { documents } from './0008-documents.ts';
import { messageCalls } from './0009-message-calls.ts';
import { watchedFolders } from './0010-watched-folders.ts';
import { readTables } from './0011-read-tables.ts';
import { openJobs } from './0012-open-jobs.ts';
import { tags } from './0013-tags.ts';
import type { Migration } from './migration.ts';

/** In the order they run. */
export const migrations: readonly Migration[] = [
  conversations,
  jobs,
  settings,
  organising,
  verifications,
  perplexities,
  messageSources,
  documents,
  messageCalls,
  watchedFolders,
  readTables,
  openJobs,
  tags,
];
