import { expect, it } from 'vitest';
import { chosenFolder, droppedFiles, MOST_FILES } from '../../renderer/app/dropped.ts';

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
  droppedFiles({
    files: [],
    items: entries.map((entry) => ({ webkitGetAsEntry: () => entry, getAsFile: () => null })),
  } as never);

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

it('a dropped folder is shown by its files and the first of each folder in it, but those that are no documents', async () => {
  const inner = folderEntry('b', [fileEntry('z.txt'), fileEntry('a.txt')]);
  const library = folderEntry('node_modules', [fileEntry('c.txt')]);
  const { folders } = await drop(
    folderEntry('Deeds', [fileEntry('c.txt'), inner, library, fileEntry('.hidden')]),
    fileEntry('d.txt'),
  );
  const [shown] = await Promise.all(folders.map(({ show }) => show()));
  expect(folders).toHaveLength(1);
  expect(shown).toMatchObject({ name: 'Deeds', path: null });
  expect(shown!.files.map(([path]) => path)).toEqual(['b/a.txt', 'c.txt']);
  const many = folderEntry(
    'Many',
    Array.from({ length: 90 }, (_, index) => fileEntry(`${1000 + index}`)),
  );
  expect((await (await drop(many)).folders[0]!.show()).files.at(-1)?.[0]).toBe('1089');
});

it('a chosen folder is shown in the same way', async () => {
  const paths = ['Deeds/c.txt', 'Deeds/b/z.txt', 'Deeds/.git/d', 'Deeds/b/a.txt', 'Deeds/node_modules/e/f'];
  const shown = await chosenFolder(
    paths.map((path) => Object.defineProperty(new File(['x'], 'x'), 'webkitRelativePath', { value: path })),
  )?.show();
  expect(shown?.name).toBe('Deeds');
  expect(shown?.files.map(([path]) => path)).toEqual(['b/a.txt', 'c.txt']);
  expect(chosenFolder([])).toBeNull();
});
