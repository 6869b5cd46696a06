const TYPES: Record<string, string> = { json: 'application/json', txt: 'text/plain', csv: 'text/csv' };
/** Without it, Excel reads a CSV in the old encoding of its system. Plain ASCII is the same in all of them. */
const BYTE_ORDER_MARK = '\ufeff';

/** Gives the user `text` as a file of their own, through the browser's way of saving. */
export function saveFile(fileName: string, text: string): void {
  const type = TYPES[/[^.]*$/.exec(fileName)![0]] ?? 'text/markdown';
  const isMarked = type === 'text/csv' && /[^\0-\x7f]/.test(text);
  const parts = isMarked ? [BYTE_ORDER_MARK, text] : [text];
  const url = URL.createObjectURL(new Blob(parts, { type: `${type};charset=utf-8` }));
  const link = document.createElement('a');
  link.href = url;
  link.download = fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000); // the browser has begun to read it by then
}
