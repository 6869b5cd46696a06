import { describe, expect, it } from 'vitest';
import type { VerifiedCell } from '../../main/contract/models.ts';
import { verifiedTokens } from '../../main/services/models/verify/conditions.ts';
import { depths, isRight, lengthsTo, makeProbe, taskNames } from '../../main/services/models/verify/tasks.ts';

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
