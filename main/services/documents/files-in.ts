import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { LonghandError } from '../../contract/errors.ts';
import { isPassedOver } from '../../contract/folder-rule.ts';
import type { FileLook } from '../store/watched-folders.ts';

/** A file to add. `origin`: the folder that it was found in; null for one that was named itself. */
export type FoundFile = { path: string; name: string; origin: string | null };

export type Walk = {
  signal?: AbortSignal | undefined;
  /** A folder that is never gone into, such as that of our own data. */
  except?: string | undefined;
  /** Called before a folder is read. */
  onFolder?(path: string): void;
  /** Called with a folder below the first one that may not be read. */
  onUnreadable?(path: string): void;
};

/** A file was written to while it was read. */
export class FileChanged extends Error {}

/** Why a folder is passed over. */
const UNREADABLE = ['EACCES', 'EPERM'];

/**
 * The files that paths stand for: themselves, and those in a folder and below. Hidden ones and libraries of programs are left out, and links in a folder
 * are not followed, since they may lead out of it. A folder in it that may not be read is passed over.
 * @throws LonghandError `not-found`, or `signal.reason`
 */
export async function* filesIn(paths: readonly string[], walk: Walk = {}): AsyncGenerator<FoundFile> {
  for (const path of paths) {
    const found = await stat(path).catch(() => null);
    if (found?.isDirectory() === true) {
      for await (const file of filesBelow(path, walk)) yield { path: file, name: basename(file), origin: path };
    } else if (found?.isFile() === true) yield { path, name: basename(path), origin: null };
    else throw new LonghandError('not-found', `There is no file or folder ${path}.`, { path });
  }
}

/** What is in a folder, by name, without what is passed over. @throws what reading it throws */
export async function entriesIn(folder: string): Promise<Dirent[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.filter(({ name }) => !isPassedOver(name)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** The paths of all files in a folder and below. @throws what reading `folder` itself throws, or `signal.reason` */
export async function* filesBelow(folder: string, walk: Walk = {}, isFirst = true): AsyncGenerator<string> {
  walk.signal?.throwIfAborted();
  walk.onFolder?.(folder);
  let entries: Dirent[];
  try {
    entries = await entriesIn(folder);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (isFirst || !(UNREADABLE.includes(code) || code === 'ENOENT')) throw error;
    if (UNREADABLE.includes(code)) walk.onUnreadable?.(folder);
    return;
  }
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isFile()) yield path;
    else if (entry.isDirectory() && path !== walk.except) {
      yield* filesBelow(path, walk, false);
    }
  }
}

/** What tells a file from what it was. Null where it is no file, or gone. @throws what else keeps it from being looked at */
export async function lookAt(path: string): Promise<FileLook | null> {
  try {
    const found = await stat(path);
    return found.isFile() ? { sizeBytes: found.size, modifiedMs: found.mtimeMs } : null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

export const isSameLook = (a: FileLook | null, b: FileLook | null): boolean =>
  a?.sizeBytes === b?.sizeBytes && a?.modifiedMs === b?.modifiedMs;
