import { isPassedOver, SHOWN_FILES } from '../../main/contract/folder-rule.ts';
import type { ShownFolder } from '../../main/contract/folder.ts';

/** A folder that was dropped or chosen. `file` is how a shell that knows paths tells this one's; null where it was chosen. */
export type GivenFolder = { file: File | null; show: () => Promise<ShownFolder> };

/**
 * What was dropped: the files themselves and those that lie in the folders beside them, all that lie anywhere below, and the
 * folders themselves.
 */
export type Dropped = { near: File[]; all: () => Promise<File[]>; folders: GivenFolder[] };

/** More than this at once is a mistake, such as a home folder. */
export const MOST_FILES = 2000;

/** Files that are still taken of a drop, however its folders hold them: one too many, so that it is told from all. */
type Room = { left: number };
const newRoom = (): Room => ({ left: MOST_FILES + 1 });

/** Reads what was dropped; has to be called while the event is handled. */
export async function droppedFiles(data: DataTransfer): Promise<Dropped> {
  // Both are empty as soon as the event has been handled.
  const files = [...data.files];
  const entries: FileSystemEntry[] = [];
  const folders: GivenFolder[] = [];
  for (const item of data.items) {
    const entry = item.webkitGetAsEntry();
    if (entry === null) continue;
    entries.push(entry);
    // Of a folder alone: the page waits for each, which of many files is a quarter of the time that this takes.
    if (isFolder(entry)) folders.push({ file: item.getAsFile(), show: () => showFolder(entry) });
  }
  if (folders.length === 0) return { near: files, all: () => Promise.resolve(files), folders: [] };
  const near = newRoom();
  return {
    near: (await Promise.all(entries.filter(isFolder).map((folder) => filesIn(folder, 0, near)))).flat(),
    all: async () => {
      const room = newRoom();
      return (await Promise.all(entries.map((entry) => filesOf(entry, Infinity, room)))).flat();
    },
    folders,
  };
}

/** The folder whose files were chosen with an input for folders. */
export function chosenFolder(files: readonly File[]): GivenFolder | null {
  const name = files[0]?.webkitRelativePath.split('/')[0];
  if (!name) return null;
  const found = files
    .map((file) => ({ file, path: file.webkitRelativePath.split('/').slice(1) }))
    .filter(({ path }) => !path.some(isPassedOver))
    .toSorted((a, b) => inOrder(a.path, b.path));
  const shown = found
    .filter(({ path }, index) => path[0] !== found[index - 1]?.path[0]) // of a folder the first
    .slice(0, SHOWN_FILES)
    .map(({ file, path }) => lookOf(file, path.join('/')));
  return { file: null, show: () => Promise.resolve({ name, path: null, files: shown }) };
}

async function showFolder(entry: FileSystemDirectoryEntry): Promise<ShownFolder> {
  const files: ShownFolder['files'] = [];
  for (const one of await shownEntries(entry)) {
    if (files.length === SHOWN_FILES) break;
    const first = await firstFile(one, '');
    if (first !== null) files.push(first);
  }
  return { name: entry.name, path: null, files };
}

/** The entry, or the first file below it; null where there is none. */
async function firstFile(entry: FileSystemEntry, path: string): Promise<ShownFolder['files'][number] | null> {
  if (isFile(entry)) return lookOf(await fileOf(entry), path + entry.name);
  if (!isFolder(entry)) return null;
  for (const one of await shownEntries(entry)) {
    const first = await firstFile(one, `${path}${entry.name}/`);
    if (first !== null) return first;
  }
  return null;
}

async function shownEntries(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const entries = (await entriesOf(folder)).filter(({ name }) => !isPassedOver(name));
  return entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

const lookOf = ({ size, lastModified }: File, path: string): ShownFolder['files'][number] => [path, size, lastModified];

/** As folders are gone through: by the names of one level after the other. */
function inOrder(a: readonly string[], b: readonly string[]): number {
  const at = a.findIndex((name, level) => name !== b[level]);
  return (a[at] ?? '') < (b[at] ?? '') ? -1 : 1;
}

/** Whether a file is part of a model: then all that came with it is. */
export const isModelFile = ({ name }: File) => /\.(gguf|safetensors|safetensors\.index\.json)$/i.test(name);

async function filesOf(entry: FileSystemEntry, depth: number, room: Room): Promise<File[]> {
  if (isFolder(entry)) return filesIn(entry, depth, room);
  if (!isFile(entry) || room.left-- <= 0) return [];
  return [await fileOf(entry)];
}

const fileOf = (entry: FileSystemFileEntry) => new Promise<File>((resolve, reject) => entry.file(resolve, reject));

async function filesIn(folder: FileSystemDirectoryEntry, depth: number, room: Room): Promise<File[]> {
  const found: File[] = [];
  for await (const entry of portionsOf(folder)) {
    if (room.left <= 0) return found;
    if (isFile(entry) || (depth > 0 && !isPassedOver(entry.name)))
      found.push(...(await filesOf(entry, depth - 1, room)));
  }
  return found;
}

async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const entries: FileSystemEntry[] = [];
  for await (const entry of portionsOf(folder)) entries.push(entry);
  return entries;
}

async function* portionsOf(folder: FileSystemDirectoryEntry): AsyncGenerator<FileSystemEntry> {
  const reader = folder.createReader();
  // A reader hands out its entries in portions, the last of which is empty.
  for (;;) {
    const portion = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (portion.length === 0) return;
    yield* portion;
  }
}

// Chromium knows no constructors of these names.
const isFolder = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;
const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;
