import { queryTables } from './query-tables.ts';
import type { Tool } from './tool.ts';

/** All that the model can call. */
export const tools: readonly Tool[] = [queryTables];
