import { z } from 'zod';

/** What lies in a folder and is no document of it: hidden files and folders, and the libraries of programs. */
export const isPassedOver = (name: string): boolean => name.startsWith('.') || name === 'node_modules';

/** So many entries of a folder are looked at to tell whether two are the same. */
export const SHOWN_FILES = 1000;

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
