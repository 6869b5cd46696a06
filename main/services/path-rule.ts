import { isAbsolute, relative } from 'node:path';
import { LonghandError } from '../contract/errors.ts';

/** Lets a path that somebody names pass, or throws. */
export type PathRule = (path: string) => Promise<void>;

/** Whether a path lies in a folder or below, or is that folder; both whole, and as they are spelt. */
export function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return !way.startsWith('..') && !isAbsolute(way);
}

/** For the user's own command line. */
export const anyPath: PathRule = async () => {};

/**
 * For a page: what an answer or a file got it to do must not reach files that the user never gave it. The shell knows
 * which those are, as the dialog and the drop were its.
 * @throws LonghandError `path-not-chosen`
 */
export function chosenPath(isChosen: (path: string) => Promise<boolean>): PathRule {
  return async (path) => {
    if (await isChosen(path)) return;
    throw new LonghandError('path-not-chosen', `${path} was not chosen in the window, so it is left alone.`, { path });
  };
}
