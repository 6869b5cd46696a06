import { z } from 'zod';
import { SHOWN_FILES } from './folder-rule.ts';

/**
 * A folder as a browser shows it, which names no path: the files in it, and of each folder in it the first file below, in the
 * order of their names, as [path in it with '/', bytes, time of the last change in ms].
 */
export const shownFolder = z.object({
  name: z.string().min(1).max(255),
  /** Where the user says that it lies; null: he was not asked. */
  path: z.string().max(32_768).nullable(),
  files: z.array(z.tuple([z.string().min(1), z.number(), z.number()])).max(SHOWN_FILES),
});
export type ShownFolder = z.infer<typeof shownFolder>;
