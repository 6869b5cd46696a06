import { expect, it } from 'vitest';
import { droppedFiles, MOST_FILES } from '../../renderer/app/dropped.ts';

const fileEntry = (name: string) => ({
  name,
  isFile: true,
  isDirectory: false,
  file: (resolve: (file: File) => void) => resolve(new File([], name)),
});
function folderEntry(name: string, entries: readonly object[]) {
  const portions = () => [entries, []][Symbol.iterator]();
  const createReader = () => {
    const left = portions();
    return { readEntries: (resolve: (entries: readonly object[]) => void) => resolve(left.next().value ?? []) };
  };
  return { name, isFile: false, isDirectory: true, createReader };
}
const drop = (...entries: object[]) =>
  droppedFiles({ files: [], items: entries.map((entry) => ({ webkitGetAsEntry: () => entry })) } as never);

it('all that lies below a dropped folder is taken, but hidden folders', async () => {
  const inner = folderEntry('in', [fileEntry('b.txt')]);
  const hidden = folderEntry('.git', [fileEntry('c.txt')]);
  const { near, all } = await drop(folderEntry('top', [fileEntry('a.txt'), inner, hidden]), fileEntry('d.txt'));
  expect(near.map(({ name }) => name)).toEqual(['a.txt']);
  expect((await all()).map(({ name }) => name)).toEqual(['a.txt', 'b.txt', 'd.txt']);
});

it('no more files are taken than say that it is too many, however many folders hold them', async () => {
  const folders = Array.from({ length: 20 }, (_, index) =>
    folderEntry(
      `folder ${index}`,
      Array.from({ length: 150 }, () => fileEntry('a.txt')),
    ),
  );
  const { all } = await drop(folderEntry('home', folders));
  expect(await all()).toHaveLength(MOST_FILES + 1);
});
