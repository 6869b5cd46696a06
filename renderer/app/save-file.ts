const TYPES: Record<string, string> = { json: 'application/json', txt: 'text/plain' };

/** Gives the user `text` as a file of their own, through the browser's way of saving. */
export function saveFile(fileName: string, text: string): void {
  const type = TYPES[/[^.]*$/.exec(fileName)![0]] ?? 'text/markdown';
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = document.createElement('a');
  link.href = url;
  link.download = fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000); // the browser has begun to read it by then
}
