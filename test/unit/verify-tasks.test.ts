import { describe, expect, it } from 'vitest';
import type { VerifiedCell } from '../../main/contract/models.ts';
import { passes } from '../../main/contract/passes.ts';
import { verifiedTokens } from '../../main/services/models/verify/conditions.ts';
import { depths, isOpen, isRight, lengthsTo, makeProbe, taskNames } from '../../main/services/models/verify/tasks.ts';

describe('a question of the self-test', () => {
  it.each(taskNames)('of %s is the same for the same seed, and holds its answer once', (task) => {
    const make = (seed: number) => makeProbe({ task, depth: 0.5, sentences: 100, seed });
    expect(make(7)).toEqual(make(7));
    expect(make(8).expected).not.toBe(make(7).expected);
    expect(make(7).question.split(make(7).expected)).toHaveLength(2);
  });

  it.each(taskNames)('of %s has its answer as deep in the text as it says', (task) => {
    const places = depths.map((depth) => {
      const { question, expected } = makeProbe({ task, depth, sentences: 200, seed: 3 });
      return question.indexOf(expected) / question.length;
    });
    for (const [index, depth] of depths.entries()) expect(Math.abs(places[index]! - depth)).toBeLessThan(0.06);
  });

  it('of two steps tells the second step behind the first', () => {
    for (const depth of depths) {
      const { question, expected } = makeProbe({ task: 'tracking', depth, sentences: 50, seed: 1 });
      expect(question.indexOf('holds the same number')).toBeGreaterThan(question.indexOf(expected));
    }
  });
});

describe('an answer of the self-test', () => {
  it('is right where the number stands in it by itself', () => {
    for (const right of ['12345', 'It is 12345.', 'The pass key is 12,345!'])
      expect(isRight(right, '12345')).toBe(true);
    for (const wrong of ['', '1234', '123456', '9 12346', '12345 6'.replace(' ', '')])
      expect(isRight(wrong, '12345')).toBe(false);
  });
});

describe('the length that a model is verified to', () => {
  const row = (tokens: number, found = 2): VerifiedCell[] =>
    taskNames.flatMap((task) => depths.map((depth) => ({ task, tokens, depth, found, asked: 2 })));

  it('is the longest up to which nothing was missed', () => {
    expect(verifiedTokens([])).toBeNull();
    expect(verifiedTokens([...row(1024), ...row(2048)])).toBe(2048);
    expect(verifiedTokens([...row(4096), ...row(1024), ...row(2048, 1)])).toBe(1024);
    expect(verifiedTokens(row(1024, 0))).toBeNull();
  });

  it('does not count a length that was not tried whole', () => {
    expect(verifiedTokens([...row(1024), ...row(2048).slice(1)])).toBe(1024);
  });

  it('grows by doubling up to the limit', () => {
    expect(lengthsTo(8192)).toEqual([1024, 2048, 4096, 8192]);
    expect(lengthsTo(5000)).toEqual([1024, 2048, 4096, 5000]);
    expect(lengthsTo(600)).toEqual([600]);
  });
});

describe('a cell', () => {
  it('passes with all found, or three of four, and not with less', () => {
    const found = [
      [2, 2],
      [3, 4],
      [4, 4],
    ] as const;
    const missed = [
      [1, 2],
      [2, 3],
      [1, 3],
      [2, 4],
      [0, 2],
    ] as const;
    expect(found.every(([found, asked]) => passes({ found, asked }))).toBe(true);
    expect(missed.some(([found, asked]) => passes({ found, asked }))).toBe(false);
  });

  it('is open while questions are missing, or one was missed and the next ones can still make up for it', () => {
    const open = [
      [0, 0],
      [1, 1],
      [1, 2],
      [2, 3],
      [0, 1],
    ] as const;
    const closed = [
      [2, 2],
      [0, 2],
      [1, 3],
      [3, 4],
      [2, 4],
    ] as const;
    expect(open.every(([found, asked]) => isOpen({ found, asked }))).toBe(true);
    expect(closed.some(([found, asked]) => isOpen({ found, asked }))).toBe(false);
  });
});
