import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import { z } from 'zod';
import { LonghandError } from '../../contract/errors.ts';
import { flushFolder, writeWhole } from './flush.ts';

/** In a folder whose data are elsewhere now: whoever starts here goes there. */
export const MARKER = 'moved-to.json';
/** In a folder that data were moved to: from where, and the number of the move. */
export const ORIGIN = 'moved-from.json';
/** What a window keeps for itself, which is made anew in a new place. */
export const PROFILES: readonly string[] = ['browser', 'electron'];

const move = z.object({ id: z.string(), path: z.string() });
export type Move = z.infer<typeof move>;

export const partOf = (target: string) => `${target}.part`;

/**
 * The folder in which the data of `folder` lie now. The copy beside the target (`.part`) is whole before `moved-to.json`
 * comes to be; what was left undone after that, by a kill or a power cut, is done here.
 * @throws LonghandError `data-folder-away` where the data were moved to a place that is not there
 */
export function followMoves(folder: string): string {
  const seen = new Set<string>();
  for (let here = folder; ;) {
    const moved = readMove(join(here, MARKER));
    if (moved === null) return here;
    settle(moved);
    const isThere = [MARKER, ORIGIN].some((name) => readMove(join(moved.path, name)) !== null);
    if (!isThere || seen.has(moved.path)) {
      const message = `The data were moved to ${moved.path}, which is not there. Connect its disk and start again.`;
      throw new LonghandError('data-folder-away', message, { path: moved.path, from: here });
    }
    seen.add(moved.path);
    here = moved.path;
  }
}

/** Gives a whole copy its name: from here on the data are in the new place. Done twice, it changes nothing. */
export function settle({ id, path }: Move): void {
  const part = partOf(path);
  if (readMove(join(part, ORIGIN))?.id !== id) return;
  // A folder that the data once left holds nothing but where they went.
  if (existsSync(path) && isFree(path)) rmSync(path, { recursive: true });
  try {
    renameSync(part, path);
  } catch (error) {
    if (existsSync(part)) throw error; // else another process has just done it
  }
  flushFolder(dirname(path));
}

/** From this moment on the copy is what counts. */
export function commitMove(from: string, to: Move): void {
  writeWhole(join(from, MARKER), `${JSON.stringify(to)}\n`);
}

export function readMove(file: string): Move | null {
  try {
    return move.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return null;
  }
}

/** True for an empty folder, and for one that an earlier move has left. */
export function isFree(folder: string): boolean {
  const names = readdirSync(folder).filter((name) => name !== '.DS_Store');
  return names.every((name) => names.includes(MARKER) && (name === MARKER || PROFILES.includes(name)));
}

/** Where a file of ours lies now that was noted before the last move. */
export function whereNow(dataDir: string, path: string): string {
  const origin = readMove(join(dataDir, ORIGIN));
  return origin !== null && path.startsWith(`${origin.path}${sep}`) ? join(dataDir, relative(origin.path, path)) : path;
}

/** At a start, when no window of before can be open: what the windows kept in the place that was left. */
export function removeOldProfiles(dataDir: string): void {
  const origin = readMove(join(dataDir, ORIGIN));
  if (origin === null || readMove(join(origin.path, MARKER))?.id !== origin.id) return;
  for (const name of PROFILES) rmSync(join(origin.path, name), { recursive: true, force: true });
}

/** Where the data would come to lie: in `path`, or in a folder of our name in it where it is in use or a disk itself. */
export function targetIn(path: string): string {
  if (!existsSync(path) || basename(path) === 'Longhand') return path;
  const found = statSync(path);
  if (!found.isDirectory()) return path;
  const isDisk = found.dev !== statSync(dirname(path)).dev; // a folder cannot be renamed onto one
  return isDisk || !isFree(path) ? join(path, 'Longhand') : path;
}
