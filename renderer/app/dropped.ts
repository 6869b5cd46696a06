/** What was dropped: the files themselves and those that lie in the folders beside them, and all that lie anywhere below. */
export type Dropped = { near: File[]; all: () => Promise<File[]> };

/** More than this at once is a mistake, such as a home folder. */
export const MOST_FILES = 2000;

/** Files that are still taken of a drop, however its folders hold them: one too many, so that it is told from all. */
type Room = { left: number };
const newRoom = (): Room => ({ left: MOST_FILES + 1 });

/** Reads what was dropped; has to be called while the event is handled. */
export async function droppedFiles(data: DataTransfer): Promise<Dropped> {
  // Both are empty as soon as the event has been handled.
  const files = [...data.files];
  const entries = [...data.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (!entries.some(isFolder)) return { near: files, all: () => Promise.resolve(files) };
  const near = newRoom();
  return {
    near: (await Promise.all(entries.filter(isFolder).map((folder) => filesIn(folder, 0, near)))).flat(),
    all: async () => {
      const room = newRoom();
      return (await Promise.all(entries.map((entry) => filesOf(entry, Infinity, room)))).flat();
    },
  };
}

/** Whether a file is part of a model: then all that came with it is. */
export const isModelFile = ({ name }: File) => /\.(gguf|safetensors|safetensors\.index\.json)$/i.test(name);

async function filesOf(entry: FileSystemEntry, depth: number, room: Room): Promise<File[]> {
  if (isFolder(entry)) return filesIn(entry, depth, room);
  if (!isFile(entry) || room.left-- <= 0) return [];
  return [await new Promise<File>((resolve, reject) => entry.file(resolve, reject))];
}

async function filesIn(folder: FileSystemDirectoryEntry, depth: number, room: Room): Promise<File[]> {
  const reader = folder.createReader();
  const found: File[] = [];
  // A reader hands out its entries in portions, the last of which is empty.
  for (;;) {
    const portion = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (portion.length === 0) return found;
    for (const entry of portion) {
      if (room.left <= 0) return found;
      const isHidden = entry.name.startsWith('.');
      if (isFile(entry) || (depth > 0 && !isHidden)) found.push(...(await filesOf(entry, depth - 1, room)));
    }
  }
}

// Chromium knows no constructors of these names.
const isFolder = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;
const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;
