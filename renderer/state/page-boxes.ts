import type { Range } from './source-pane.svelte.ts';

/** In points from the page's upper left corner. */
export type Box = { left: number; top: number; width: number; height: number };

const FIELDS = 6;
const GAP = 1.2; // of a line's height: words of one line are nearer to each other than columns are

/** Where the words of `ranges` stand on their page, words of one line together. `boxes` as the contract has them. */
export function boxesOf(boxes: readonly number[], ranges: readonly Range[]): Box[] {
  const found: Box[] = [];
  for (let at = 0; at + FIELDS <= boxes.length; at += FIELDS) {
    const [start, end, left, top, width, height] = boxes.slice(at, at + FIELDS) as [
      ...[number, number, number, number, number, number],
    ];
    if (!ranges.some(([from, to]) => start < to && end > from)) continue;
    const last = found.at(-1);
    if (last !== undefined && isBeside(last, { left, top, width, height })) join(last, { left, top, width, height });
    else found.push({ left, top, width, height });
  }
  return found;
}

function isBeside(last: Box, next: Box): boolean {
  const overlap = Math.min(last.top + last.height, next.top + next.height) - Math.max(last.top, next.top);
  const gap = next.left - (last.left + last.width);
  return overlap > 0.5 * Math.min(last.height, next.height) && gap >= -last.height && gap <= GAP * last.height;
}

function join(last: Box, next: Box): void {
  const right = Math.max(last.left + last.width, next.left + next.width);
  const bottom = Math.max(last.top + last.height, next.top + next.height);
  last.left = Math.min(last.left, next.left);
  last.top = Math.min(last.top, next.top);
  last.width = right - last.left;
  last.height = bottom - last.top;
}
