import { readFile } from 'node:fs/promises';

/** From the sources; and from a bundle, or a part of it, beside which the build lays it. */
const PLACES = ['../../../../resources/alice.txt', './alice.txt', '../alice.txt'];

/** The first half of Alice's Adventures in Wonderland (Lewis Carroll, 1865), some 25,000 tokens. */
export async function readBook(): Promise<string> {
  for (const place of PLACES) {
    const text = await readFile(new URL(place, import.meta.url), 'utf8').catch(() => null);
    if (text !== null) return text;
  }
  throw new Error('The book of the self-test is not here.');
}

/** Stretches end at 1,024 tokens and at powers of two times that. */
const FIRST_STRETCH = 1024;

/** Where the stretch ends in which a token stands. */
export function stretchOf(position: number): number {
  let end = FIRST_STRETCH;
  while (position >= end) end *= 2;
  return end;
}
