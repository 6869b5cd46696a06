import { expect, it } from 'vitest';
import { readWhole } from '../../renderer/pdf/read-whole.ts';

const file = Uint8Array.from({ length: 25 }, (_, index) => index);
const read = (from: number, to: number) => Promise.resolve(file.slice(from, Math.min(to, from + 4)));

it('a range of a PDF is whole also where it comes in several answers', async () => {
  expect(await readWhole(read, 3, 20)).toEqual(file.slice(3, 20));
});

it('a range beyond the end of the file fails', async () => {
  await expect(readWhole(read, 20, 30)).rejects.toThrow('nothing at byte 25');
});
