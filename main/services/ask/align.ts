import { setImmediate } from 'node:timers/promises';

/** A paragraph as far as comparing goes. */
export type Comparable = {
  /** What is the same has the same. */
  key: string;
  /** What it is about. */
  terms: ReadonlySet<string>;
  characters: number;
};

/** [start, end) of a list of paragraphs. */
export type Range = readonly [start: number, end: number];

/**
 * A stretch in which two documents differ. `changed`: it stands in both, in other words; `moved`: in the same words at
 * another place. Of what is only in one of them, the range in the other is empty and says where it would stand.
 */
export type Change = { kind: 'changed' | 'added' | 'removed' | 'moved'; before: Range; after: Range };

export type Alignment = {
  /** In the order of the second document. */
  changes: Change[];
  /** Of each document, how many paragraphs stand in the other as well. */
  same: { before: number; after: number };
  /** Of the characters of the shorter document, the share that the other one has, the same or in other words. */
  shared: number;
};

type Pair = { a: number; b: number };
type Gap = { a: Range; b: Range };

/** Share of their terms from which on two paragraphs are one in other words. */
const NEAR = 0.5;
/** A term that so many paragraphs have says nothing of which belong together. */
const COMMON = 200;
/** Rows of a table are all alike: so many places of its terms are looked at for one, and so many paragraphs held against it. */
const MOST_PLACES = 1000;
const MOST_LIKE = 8;
const AT_ONCE = 100;
/** Terms from which on the same words at another place are no chance. */
const MOVED_TERMS = 4;

/**
 * Where two documents say the same and where they differ. First what is the same word for word, anchored at paragraphs that
 * stand once in each (patience diff); between those, what shares most of its terms; then what was moved. @throws the reason of `signal`
 */
export async function align(
  before: readonly Comparable[],
  after: readonly Comparable[],
  signal?: AbortSignal,
): Promise<Alignment> {
  const same = samePairs(before, after, { a: [0, before.length], b: [0, after.length] });
  const gaps = gapsBetween(same, before.length, after.length);
  const recut = gaps.filter((gap) => isRecut(before, after, gap));
  const isSame = new Set(recut);
  const open = gaps.filter((gap) => !isSame.has(gap));
  const nearIn: Pair[][] = [];
  for (const gap of open) nearIn.push(await nearPairs(before, after, gap, signal));
  const near = nearIn.flat();
  const taken = { a: new Set(near.map(({ a }) => a)), b: new Set(near.map(({ b }) => b)) };
  const left = {
    a: open.flatMap(({ a }) => numbersIn(a)).filter((index) => !taken.a.has(index)),
    b: open.flatMap(({ b }) => numbersIn(b)).filter((index) => !taken.b.has(index)),
  };
  const moved = movedPairs(before, after, left);
  const from = new Map(moved.map(({ a, b }) => [b, a]));
  const gone = new Set(moved.map(({ a }) => a));
  // What repeats is no anchor, and may have found its equal only now.
  const isEqual = ({ a, b }: Pair) => before[a]?.key === after[b]?.key;
  const equals = near.filter(isEqual).length;
  const changes = open.flatMap((gap, index) => changesIn(gap, nearIn[index]!, { from, gone, isEqual }));
  const both = [...same, ...near, ...moved];
  const charactersOf = (list: readonly Comparable[], indexes: Iterable<number>) =>
    [...indexes].reduce((sum, index) => sum + list[index]!.characters, 0);
  const kept = {
    a: [...both.map(({ a }) => a), ...recut.flatMap(({ a }) => numbersIn(a))],
    b: [...both.map(({ b }) => b), ...recut.flatMap(({ b }) => numbersIn(b))],
  };
  const totals = [charactersOf(before, before.keys()), charactersOf(after, after.keys())] as const;
  const isFirstShorter = totals[0] <= totals[1];
  const shorter = isFirstShorter ? charactersOf(before, kept.a) : charactersOf(after, kept.b);
  const countOf = (side: 'a' | 'b') => same.length + equals + recut.reduce((sum, gap) => sum + lengthOf(gap[side]), 0);
  return {
    changes,
    same: { before: countOf('a'), after: countOf('b') },
    shared: Math.min(...totals) === 0 ? 0 : shorter / Math.min(...totals),
  };
}

/** Pairs of the same key, in the order of both. */
function samePairs(before: readonly Comparable[], after: readonly Comparable[], { a, b }: Gap): Pair[] {
  let [a0, a1] = a;
  let [b0, b1] = b;
  const head: Pair[] = [];
  const tail: Pair[] = [];
  while (a0 < a1 && b0 < b1 && before[a0]!.key === after[b0]!.key) head.push({ a: a0++, b: b0++ });
  while (a0 < a1 && b0 < b1 && before[a1 - 1]!.key === after[b1 - 1]!.key) tail.push({ a: --a1, b: --b1 });
  const anchors = a0 < a1 && b0 < b1 ? rising(sameOnce(before, after, { a: [a0, a1], b: [b0, b1] })) : [];
  const between = anchors.flatMap((anchor, index) => {
    const [nextA, nextB] = [anchors[index + 1]?.a ?? a1, anchors[index + 1]?.b ?? b1];
    return [anchor, ...samePairs(before, after, { a: [anchor.a + 1, nextA], b: [anchor.b + 1, nextB] })];
  });
  const first = anchors[0];
  const above = first === undefined ? [] : samePairs(before, after, { a: [a0, first.a], b: [b0, first.b] });
  return [...head, ...above, ...between, ...tail.reverse()];
}

/** What stands once in each, in the order of the first. */
function sameOnce(before: readonly Comparable[], after: readonly Comparable[], { a, b }: Gap): Pair[] {
  const placesIn = (list: readonly Comparable[], range: Range) => {
    const places = new Map<string, number | null>();
    for (const index of numbersIn(range)) places.set(list[index]!.key, places.has(list[index]!.key) ? null : index);
    return places;
  };
  const second = placesIn(after, b);
  return [...placesIn(before, a)].flatMap(([key, index]) => {
    const other = second.get(key) ?? null;
    return index === null || other === null ? [] : [{ a: index, b: other }];
  });
}

/** The longest run of pairs, given in the order of the first, that rises in the second too. */
function rising(pairs: readonly Pair[]): Pair[] {
  const ends: number[] = []; // of the best run of each length, the pair that it ends with
  const previous: (number | undefined)[] = [];
  for (const [index, { b }] of pairs.entries()) {
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (pairs[ends[middle]!]!.b < b) low = middle + 1;
      else high = middle;
    }
    previous[index] = ends[low - 1];
    ends[low] = index;
  }
  const run: Pair[] = [];
  for (let at = ends.at(-1); at !== undefined; at = previous[at]) run.push(pairs[at]!);
  return run.reverse();
}

/** What lies between pairs that are in order, where there is anything. */
function gapsBetween(pairs: readonly Pair[], beforeLength: number, afterLength: number): Gap[] {
  const gaps: Gap[] = [];
  let [a, b] = [0, 0];
  for (const pair of [...pairs, { a: beforeLength, b: afterLength }]) {
    if (pair.a > a || pair.b > b) gaps.push({ a: [a, pair.a], b: [b, pair.b] });
    [a, b] = [pair.a + 1, pair.b + 1];
  }
  return gaps;
}

/** Whether it is the same text, cut into paragraphs otherwise: pages that break elsewhere do that. */
function isRecut(before: readonly Comparable[], after: readonly Comparable[], { a, b }: Gap): boolean {
  const joined = (list: readonly Comparable[], [start, end]: Range) =>
    list
      .slice(start, end)
      .map(({ key }) => key)
      .join('')
      .replaceAll(' ', '');
  return lengthOf(a) > 0 && lengthOf(b) > 0 && joined(before, a) === joined(after, b);
}

/** Pairs in a gap that share most of their terms, the nearest first, none across another; in order. */
async function nearPairs(
  before: readonly Comparable[],
  after: readonly Comparable[],
  { a, b }: Gap,
  signal: AbortSignal | undefined,
): Promise<Pair[]> {
  const having = new Map<string, number[]>();
  for (const index of numbersIn(b)) {
    for (const term of after[index]!.terms) {
      const places = having.get(term);
      if (places === undefined) having.set(term, [index]);
      else places.push(index);
    }
  }
  const candidates: (Pair & { share: number; distance: number })[] = [];
  for (const index of numbersIn(a)) {
    if (index % AT_ONCE === 0) await setImmediate(); // tokens and calls pass between
    signal?.throwIfAborted();
    const expected = b[0] + ((index - a[0]) * lengthOf(b)) / lengthOf(a);
    for (const found of mostLike(before[index]!, after, having, expected)) candidates.push({ a: index, ...found });
  }
  const chosen: Pair[] = []; // in the order of both
  for (const { a: first, b: second } of candidates.sort((x, y) => y.share - x.share || x.distance - y.distance)) {
    const at = placeOf(first, chosen);
    const isFree =
      (chosen[at - 1]?.b ?? -1) < second && second < (chosen[at]?.b ?? Infinity) && chosen[at]?.a !== first;
    if (isFree) chosen.splice(at, 0, { a: first, b: second });
  }
  return chosen;
}

/** What shares most of its terms with a paragraph, and of rows that are all alike those where it would stand. */
function mostLike(
  { terms }: Comparable,
  others: readonly Comparable[],
  having: ReadonlyMap<string, readonly number[]>,
  expected: number,
): { b: number; share: number; distance: number }[] {
  const places = [...terms]
    .map((term) => having.get(term) ?? [])
    .filter(({ length }) => length > 0 && length <= COMMON);
  const counts = new Map<number, number>();
  let looked = 0;
  for (const ofTerm of places.sort((x, y) => x.length - y.length)) {
    if ((looked += ofTerm.length) > MOST_PLACES) break;
    for (const place of ofTerm) counts.set(place, (counts.get(place) ?? 0) + 1);
  }
  return [...counts]
    .map(([b, count]) => ({ b, count, distance: Math.abs(b - expected) }))
    .sort((x, y) => y.count - x.count || x.distance - y.distance)
    .slice(0, MOST_LIKE)
    .map(({ b, distance }) => {
      const { terms: other } = others[b]!;
      return { b, distance, share: (2 * terms.intersection(other).size) / (terms.size + other.size) };
    })
    .filter(({ share }) => share >= NEAR);
}

/** Before which of the pairs one of this paragraph would stand. */
function placeOf(first: number, pairs: readonly Pair[]): number {
  let [low, high] = [0, pairs.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (pairs[middle]!.a < first) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What is left of both in the same words, and what stands around it: a heading alone would be a chance. */
function movedPairs(
  before: readonly Comparable[],
  after: readonly Comparable[],
  left: { a: readonly number[]; b: readonly number[] },
): Pair[] {
  const open = { a: new Set(left.a), b: new Set(left.b) };
  const pairs: Pair[] = [];
  const take = (a: number, b: number) => {
    if (before[a]?.key !== after[b]?.key || !open.a.delete(a)) return false;
    if (open.b.delete(b)) return pairs.push({ a, b }) > 0;
    open.a.add(a);
    return false;
  };
  const byKey = Map.groupBy(left.b.toReversed(), (index) => after[index]!.key);
  for (const a of left.a) {
    const { key, terms } = before[a]!;
    const places = terms.size < MOVED_TERMS ? [] : (byKey.get(key) ?? []);
    while (places.length > 0 && !open.b.has(places.at(-1)!)) places.pop();
    const b = places.at(-1);
    if (b === undefined || !take(a, b)) continue;
    for (let by = 1; take(a - by, b - by); by++);
    for (let by = 1; take(a + by, b + by); by++);
  }
  return pairs;
}

/**
 * Of each paragraph that was moved to its place, by its number, where it came from; and those that are gone from theirs.
 * `isEqual`: whether a pair that is near is no change at all.
 */
type Moved = { from: ReadonlyMap<number, number>; gone: ReadonlySet<number>; isEqual(pair: Pair): boolean };

/** What differs in a gap, in the order of the second document; what was moved stands where it came to. */
function changesIn(gap: Gap, near: readonly Pair[], { from, gone, isEqual }: Moved): Change[] {
  const changes: Change[] = [];
  let [a, b] = [gap.a[0], gap.b[0]];
  for (const pair of [...near, { a: gap.a[1], b: gap.b[1] }]) {
    const removed = runsOf(numbersIn([a, pair.a]).filter((index) => !gone.has(index)));
    const added = runsOf(numbersIn([b, pair.b]).filter((index) => !from.has(index)));
    if (removed.length === 1 && added.length === 1) {
      changes.push({ kind: 'changed', before: removed[0]!, after: added[0]! });
    } else {
      for (const before of removed) changes.push({ kind: 'removed', before, after: [b, b] });
      for (const after of added) changes.push({ kind: 'added', before: [a, a], after });
    }
    for (const index of numbersIn([b, pair.b])) {
      const origin = from.get(index);
      if (origin === undefined) continue;
      const last = changes.at(-1);
      const goesOn = last?.kind === 'moved' && last.after[1] === index && last.before[1] === origin;
      if (goesOn) changes.pop();
      const [start, to] = goesOn ? [last.before[0], last.after[0]] : [origin, index];
      changes.push({ kind: 'moved', before: [start, origin + 1], after: [to, index + 1] });
    }
    const isPair = pair.a < gap.a[1] || pair.b < gap.b[1];
    if (isPair && !isEqual(pair))
      changes.push({ kind: 'changed', before: [pair.a, pair.a + 1], after: [pair.b, pair.b + 1] });
    [a, b] = [pair.a + 1, pair.b + 1];
  }
  return changes;
}

/** Neighbouring numbers as ranges. */
function runsOf(numbers: readonly number[]): Range[] {
  const runs: Range[] = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last?.[1] === number) runs[runs.length - 1] = [last[0], number + 1];
    else runs.push([number, number + 1]);
  }
  return runs;
}

const lengthOf = ([start, end]: Range) => end - start;
const numbersIn = ([start, end]: Range): number[] => Array.from({ length: end - start }, (_, index) => start + index);
