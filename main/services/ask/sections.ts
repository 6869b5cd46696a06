import type { Engine } from '../../engine/client.ts';
import { PROBE } from '../chat/scales.ts';
import { sentencesOf } from './sentences.ts';

/** Texts that are counted in one call. */
const AT_ONCE = 500;

/** Texts in their order, put together up to `limit` tokens; one that is longer alone is cut between its sentences. */
export async function packInto(
  limit: number,
  texts: readonly string[],
  engine: Pick<Engine, 'countEach'>,
): Promise<string[][]> {
  const groups: string[][] = [[]];
  let tokens = 0;
  // Each is counted as a message of its own, which takes words of the template besides.
  const around = (await engine.countEach([PROBE]))[0]! - 1;
  for (let at = 0; at < texts.length; at += AT_ONCE) {
    const some = texts.slice(at, at + AT_ONCE);
    const counts = (await engine.countEach(some)).map((count) => count - around);
    for (const [index, text] of some.entries()) {
      const pieces = counts[index]! > limit ? cutInto(text, Math.ceil((2 * counts[index]!) / limit)) : [text];
      for (const piece of pieces) {
        const size = Math.ceil(counts[index]! / pieces.length);
        if (tokens + size > limit && groups.at(-1)!.length > 0) {
          groups.push([]);
          tokens = 0;
        }
        groups.at(-1)!.push(piece);
        tokens += size;
      }
    }
  }
  return groups;
}

/** About equal pieces that end with sentences. */
function cutInto(text: string, pieces: number): string[] {
  const size = Math.ceil(text.length / pieces);
  const cut: string[] = [];
  let from = 0;
  for (const { end } of sentencesOf(text)) {
    if (end - from < size) continue;
    cut.push(text.slice(from, end));
    from = end;
  }
  const rest = text.slice(from).trim();
  // What has no sentences is cut anywhere.
  return (rest === '' ? cut : [...cut, rest]).flatMap((piece) =>
    piece.length <= 2 * size ? [piece] : (piece.match(new RegExp(`[^]{1,${size}}`, 'gu')) ?? []),
  );
}
