import type { IncomingMessage } from 'node:http';
import { readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { json } from 'node:stream/consumers';
import { LonghandError } from '../../contract/errors.ts';
import { isPassedOver, SHOWN_FILES } from '../../contract/folder-rule.ts';
import { shownFolder, type ShownFolder } from '../../contract/folder.ts';
import { entriesIn, filesBelow, lookAt } from '../../services/documents/files-in.ts';

export const FOLDER_PATH = '/folder';

const MOST_BYTES = 1 << 20;
/** Where nobody says where a folder lies, it is looked for by its name so long, below the home folder. */
const SEARCH_MS = 3000;
const DEPTH = 8;

/**
 * Finds the folder that a page was given by its user. A browser hands over what is in a folder, never its path; but who has
 * been given a folder can tell the times and sizes of its files, and a page that was not can't. So a path is believed when the
 * page names each file there, and a file in each folder there: who was given one of them can't have the folder around it.
 * @param home where a folder is looked for whose path nobody says
 * @returns its path; null where no such folder is found
 * @throws LonghandError `invalid-input`
 */
export async function recogniseFolder(request: IncomingMessage, home = homedir()): Promise<string | null> {
  if (Number(request.headers['content-length'] ?? Infinity) > MOST_BYTES) {
    throw new LonghandError('invalid-input', 'More was sent than tells a folder.');
  }
  const { data: shown } = shownFolder.safeParse(await json(request).catch(() => null));
  if (shown === undefined) throw new LonghandError('invalid-input', 'It was not told what the folder holds.');
  const { name, path, files } = shown;
  if (files.length === 0) {
    throw new LonghandError('invalid-input', `The folder ${name} is empty, so it can't be told from others.`, { name });
  }
  if (path !== null) {
    const whole = resolve(path);
    return isAbsolute(path) && (await isSame(whole, files)) ? whole : null;
  }
  for await (const candidate of foldersNamed(name, home)) if (await isSame(candidate, files)) return candidate;
  return null;
}

async function isSame(folder: string, files: ShownFolder['files']): Promise<boolean> {
  const wanted = new Map(files.map(([path, ...look]) => [path.normalize(), look]));
  let seen = 0;
  try {
    for await (const path of firstFiles(folder)) {
      const look = await lookAt(path);
      if (look === null) continue;
      const below = relative(folder, path).split(sep).join('/').normalize();
      const [sizeBytes, modifiedMs] = wanted.get(below) ?? [];
      // Browsers tell whole milliseconds, rounded as they like.
      if (sizeBytes !== look.sizeBytes || Math.abs(modifiedMs! - look.modifiedMs) > 1) return false;
      if (++seen === SHOWN_FILES) break;
    }
  } catch {
    return false; // not there, or not to be read
  }
  return seen === wanted.size;
}

/** The files in a folder, and of each folder in it the first file below. */
async function* firstFiles(folder: string): AsyncGenerator<string> {
  for (const entry of await entriesIn(folder)) {
    const path = join(folder, entry.name);
    if (entry.isFile()) yield path;
    else if (entry.isDirectory()) {
      for await (const first of filesBelow(path, {}, false)) {
        yield first;
        break;
      }
    }
  }
}

/** The folders of a name below another, the nearest first. */
async function* foldersNamed(name: string, home: string): AsyncGenerator<string> {
  const endMs = performance.now() + SEARCH_MS;
  let level = [home];
  for (let depth = 0; depth < DEPTH && level.length > 0; depth++) {
    const next: string[] = [];
    for (const folder of level) {
      if (performance.now() > endMs) return;
      const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
      for (const entry of entries) {
        if (!entry.isDirectory() || isPassedOver(entry.name)) continue;
        const path = join(folder, entry.name);
        if (entry.name.normalize() === name.normalize()) yield path;
        next.push(path);
      }
    }
    level = next;
  }
}
