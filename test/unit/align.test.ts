import { describe, expect, it } from 'vitest';
import { align, type Comparable } from '../../main/services/ask/align.ts';

/** Paragraphs of words; each word is a term. */
const paragraphs = (texts: readonly string[]): Comparable[] =>
  texts.map((text) => ({ key: text, terms: new Set(text.split(' ')), characters: text.length }));
const aligned = (before: readonly string[], after: readonly string[]) => align(paragraphs(before), paragraphs(after));

/** What differs, in words: 'changed: old words -> new words'. */
async function differences(before: readonly string[], after: readonly string[]): Promise<string[]> {
  return (await aligned(before, after)).changes.map((change) => {
    const of = (texts: readonly string[], [start, end]: readonly [number, number]) =>
      texts.slice(start, end).join(' / ');
    return `${change.kind}: ${of(before, change.before)} -> ${of(after, change.after)}`;
  });
}

const [a, b, c, d, e] = [
  'alpha one two',
  'beta three four',
  'gamma five six',
  'delta seven eight',
  'epsilon nine ten',
] as const;

describe('two documents', () => {
  it('that say the same do not differ', async () => {
    expect(await aligned([a, b, c], [a, b, c])).toEqual({ changes: [], same: { before: 3, after: 3 }, shared: 1 });
  });

  it('differ in what was added, removed, and said in other words, in order', async () => {
    expect(await differences([a, b, c, d], [a, 'gamma five seven', e, d])).toEqual([
      `removed: ${b} -> `,
      `changed: ${c} -> gamma five seven`,
      `added:  -> ${e}`,
    ]);
  });

  it('do not differ in a paragraph that repeats in one of them', async () => {
    const repeated = 'one line that stands twice here';
    const [before, after] = [
      ['alpha one two', repeated, repeated, 'beta three four'],
      ['gamma five six', repeated, 'delta seven eight'],
    ];
    expect((await differences(before, after)).join('\n')).not.toContain(`${repeated} -> ${repeated}`);
    expect((await aligned(before, after)).same).toEqual({ before: 1, after: 1 });
  });

  it('differ in a stretch that took the place of another', async () => {
    expect(await differences([a, b, c], [a, d, e, c])).toEqual([`changed: ${b} -> ${d} / ${e}`]);
  });

  it('differ in the place of what was moved, which is neither added nor removed', async () => {
    const long = 'one paragraph that goes elsewhere';
    const next = 'another one that comes with it';
    expect(await differences([long, next, a, b, c], [a, b, long, next, c])).toEqual([
      `moved: ${long} / ${next} -> ${long} / ${next}`,
    ]);
  });

  it('differ in the place of what was moved with its heading', async () => {
    const long = 'one paragraph that goes elsewhere';
    expect(await differences([c, 'notes', long, a, b], [c, a, b, 'notes', long])).toEqual([
      `moved: notes / ${long} -> notes / ${long}`,
    ]);
  });

  it('are the same where only their paragraphs end elsewhere', async () => {
    const { changes, same } = await aligned(
      [a, 'the loan is', 'repaid in may', c],
      [a, 'the loan is repaid', 'in may', c],
    );
    expect([changes, same]).toEqual([[], { before: 4, after: 4 }]);
  });

  it('are told apart by what stands in them more than once', async () => {
    expect(await differences(['x', a, 'x', b, 'x'], ['x', a, 'x', 'x', b, 'x'])).toEqual(['added:  -> x']);
  });

  it('share of the shorter one what the longer one has', async () => {
    expect((await aligned([a, b], [c, d])).shared).toBe(0);
    expect((await aligned([a], [a, b, c, d])).shared).toBe(1);
    expect((await aligned([], [a])).shared).toBe(0);
  });

  it.each([1, 2, 3, 4, 5])('always add up, whatever is done to them (%i)', async (seed) => {
    let state = seed * 7919;
    const random = (below: number) => (state = (state * 48_271) % 2_147_483_647) % below;
    const before = Array.from({ length: 60 }, () => `p${random(40)} w${random(3)} v${random(3)}`);
    const after = before.filter(() => random(10) > 1).map((text) => (random(10) > 1 ? text : `${text} z${random(9)}`));
    for (let i = 0; i < 5; i++) after.splice(random(after.length), 0, `new${random(99)} n m`);
    const { changes, same } = await aligned(before, after);
    const lengths = (side: 'before' | 'after') =>
      changes.reduce((sum, { [side]: [start, end] }) => sum + end - start, 0) + same[side];
    expect([lengths('before'), lengths('after')]).toEqual([before.length, after.length]);
    const shown = changes.filter(({ kind }) => kind !== 'removed').map(({ after: [start] }) => start);
    expect(shown).toEqual(shown.toSorted((x, y) => x - y));
  });

  it('of thousands of rows that are nearly all the same are compared in a moment, each with the one in its place', async () => {
    const row = (i: number, price: number) => `group${i % 60} kind${i % 45} item${i % 50} pieces euros each ${price}`;
    const before = Array.from({ length: 3000 }, (_, i) => row(i, 3));
    const after = before.map((_, i) => row(i, 4));
    const began = performance.now();
    const { changes } = await aligned(before, ['one new row', ...after]);
    expect(performance.now() - began).toBeLessThan(5000);
    const inPlace = changes.filter(({ kind, before: [at], after: [to] }) => kind === 'changed' && to === at + 1);
    expect(inPlace.length).toBe(3000);
  });

  it('with thousands of equal rows elsewhere are compared in a moment', async () => {
    const equal = Array.from({ length: 20_000 }, () => 'the same four words everywhere');
    const began = performance.now();
    expect((await aligned([a, ...equal, b], [...equal, c, d, ...equal])).shared).toBeGreaterThan(0.99);
    expect(performance.now() - began).toBeLessThan(5000);
  });

  it('of thousands of paragraphs are compared in a moment', async () => {
    const before = Array.from({ length: 6000 }, (_, i) => `w${i} w${i + 1} w${i * 7} same words in all of them`);
    const after = before.map((text, i) => (i % 3 === 0 ? `${text} and more ${i}` : text));
    const began = performance.now();
    expect((await aligned(before, after)).changes).toHaveLength(2000);
    const others = before.map((_, i) => `v${i} v${i + 1} other`);
    expect((await aligned(before, others)).shared).toBe(0);
    expect(performance.now() - began).toBeLessThan(2000);
  });
});
