/** The files that were dropped; of a folder, those that lie in it, and nothing below them. */
export async function droppedFiles(data: DataTransfer): Promise<File[]> {
  // Both are empty as soon as the event has been handled.
  const files = [...data.files];
  const entries = [...data.items].map((item) => item.webkitGetAsEntry());
  const folders = entries.filter((entry) => entry !== null && isFolder(entry));
  if (folders.length === 0) return files;
  return (await Promise.all(folders.map(filesIn))).flat();
}

async function filesIn(folder: FileSystemDirectoryEntry): Promise<File[]> {
  const reader = folder.createReader();
  const found: File[] = [];
  // A reader hands out its entries in portions, the last of which is empty.
  for (;;) {
    const portion = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (portion.length === 0) return found;
    for (const entry of portion) {
      if (isFile(entry)) found.push(await new Promise<File>((resolve, reject) => entry.file(resolve, reject)));
    }
  }
}

// Chromium knows no constructors of these names.
const isFolder = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;
const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;
