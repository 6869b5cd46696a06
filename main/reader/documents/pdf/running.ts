import { textOf, type Line } from './lines.ts';

/** A page whose running lines are looked for. */
export type PageLines = { lines: readonly Line[]; height: number; label: string };

/** Headers and footers stand in this share of the page's height at its edges, at most so many lines of them. */
const EDGE = 0.14;
const EDGE_LINES = 3;
/** Points by which a running line may stand higher or lower from page to page. */
const NEAR = 4;

/**
 * Lines at the edge of `page` that come again, but for their numbers, in the same place of one of its neighbours; left and
 * right pages may differ, so neighbours are the two pages on either side.
 */
export function runningLines(page: PageLines, neighbours: readonly PageLines[]): Set<Line> {
  const others = neighbours.flatMap((neighbour) =>
    edgesOf(neighbour).map((line) => ({ key: keyOf(line, neighbour), v: line.v })),
  );
  return new Set(
    edgesOf(page).filter((line) => {
      const key = keyOf(line, page);
      return others.some((other) => other.key === key && Math.abs(other.v - line.v) <= NEAR);
    }),
  );
}

function edgesOf({ lines, height }: PageLines): Line[] {
  const upright = lines.filter(({ words }) => words[0]!.direction === 0).sort((a, b) => a.v - b.v);
  const top = upright.slice(0, EDGE_LINES).filter(({ bottom }) => bottom < height * EDGE);
  const bottom = upright.slice(-EDGE_LINES).filter(({ top }) => top > height * (1 - EDGE));
  return [...top, ...bottom];
}

/** A line without what changes from page to page: its numbers; all words beside the page's own, which may name a section. */
function keyOf(line: Line, { label }: PageLines): string {
  const ends = [line.words[0]!.text, line.words.at(-1)!.text];
  return ends.includes(label) ? '#' : textOf(line).trim().replace(/\d+/g, '#');
}
