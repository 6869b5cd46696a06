import { constants, type Dirent, type Stats } from 'node:fs';
import { lstat, open, readdir, realpath, stat, type FileHandle } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { LonghandError } from '../../contract/errors.ts';
import { isPassedOver } from '../../contract/folder-rule.ts';
import { isBelow } from '../path-rule.ts';
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

/** A file was written to while it was read, or something else stands where it was. */
export class FileChanged extends Error {}

/** What is swapped for a link is not followed, and what is swapped for a pipe is not waited for. */
const WITHOUT_LINKS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
const NAMED = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** Why a folder is passed over. */
const UNREADABLE = ['EACCES', 'EPERM'];

/**
 * The files that paths stand for: themselves, and those in a folder and below. Hidden ones and libraries of programs are left out, and links in a folder
 * are not followed, since they may lead out of it. A folder in it that may not be read is passed over.
 * @throws LonghandError `not-found` | `invalid-input` for a folder within `except`, or `signal.reason`
 */
export async function* filesIn(paths: readonly string[], walk: Walk = {}): AsyncGenerator<FoundFile> {
  for (const path of paths) {
    const found = await stat(path).catch(() => null);
    if (found?.isDirectory() === true) {
      if (await isWithin(walk.except, path)) throw ours(path);
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
  const except = walk.except === undefined ? undefined : await asBelow(folder, walk.except);
  yield* walkFrom(folder, { ...walk, except }, isFirst);
}

async function* walkFrom(folder: string, walk: Walk, isFirst: boolean): AsyncGenerator<string> {
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
      yield* walkFrom(path, walk, false);
    }
  }
}

/** `path` as a walk from `folder` comes to it, however either is spelt: links below a folder are not followed. */
async function asBelow(folder: string, path: string): Promise<string> {
  const [root, real] = await Promise.all([whereIs(folder), whereIs(path)]);
  return isBelow(root, real) ? join(folder, relative(root, real)) : path;
}

/** Whether `path` is `folder` or lies below it, whatever links lead there. */
export async function isWithin(folder: string | undefined, path: string): Promise<boolean> {
  return folder !== undefined && isBelow(await whereIs(folder), await whereIs(path));
}

/** For a folder that holds what we keep ourselves. */
export function ours(path: string): LonghandError {
  const message = `${path} holds what Longhand keeps itself, so it is left alone.`;
  return new LonghandError('invalid-input', message, { path });
}

const whereIs = (path: string): Promise<string> => realpath(path).catch(() => path);

/**
 * Opens a file for reading. One that was found in a folder is opened only while it lies there: neither it nor a folder above it may have
 * been swapped for a link since.
 * @param look how it was seen, where that matters
 * @throws LonghandError `not-found`, FileChanged, or what else keeps it from being read
 */
export async function openFile(path: string, folder: string | null, look?: FileLook): Promise<FileHandle> {
  let file: FileHandle;
  try {
    file = await open(path, folder === null ? NAMED : WITHOUT_LINKS);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'ENOENT' || code === 'ENOTDIR') throw notThere(path);
    throw code === 'ELOOP' || code === 'EMLINK' ? new FileChanged(path) : error;
  }
  try {
    const opened = await file.stat();
    if (!opened.isFile()) throw notThere(path);
    if (folder !== null && !(await isWhere(opened, path, folder))) throw new FileChanged(path);
    if (look !== undefined && !isSameLook(lookOf(opened), look)) throw new FileChanged(path);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Whether the file that was opened at `path` is one that lies in `folder`. */
async function isWhere(opened: Stats, path: string, folder: string): Promise<boolean> {
  const [root, real] = await Promise.all([whereIs(folder), whereIs(path)]);
  const there = await lstat(real).catch(() => null);
  return isBelow(root, real) && there?.dev === opened.dev && there.ino === opened.ino;
}

const notThere = (path: string) => new LonghandError('not-found', `There is no file ${path}.`, { path });

/** What tells a file from what it was. Null where it is no file, or gone. @throws what else keeps it from being looked at */
export async function lookAt(path: string): Promise<FileLook | null> {
  try {
    const found = await lstat(path);
    return found.isFile() ? lookOf(found) : null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

export const lookOf = ({ size, mtimeMs }: Stats): FileLook => ({ sizeBytes: size, modifiedMs: mtimeMs });

export const isSameLook = (a: FileLook | null, b: FileLook | null): boolean =>
  a?.sizeBytes === b?.sizeBytes && a?.modifiedMs === b?.modifiedMs;
