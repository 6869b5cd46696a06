import { describe, expect, it } from 'vitest';
import { coverage, isClose } from '../../main/services/store/closeness.ts';

describe('how close passages come to a question', () => {
  const counted = [
    { term: 'common', count: 99 },
    { term: 'rare', count: 0 },
  ];
  const holding = (...held: string[]) =>
    coverage({ counted, passages: 99, ids: [1], has: (term) => held.includes(term) });

  it('is the share of its terms that one passage has, the rare ones weighing more', () => {
    expect(holding('common', 'rare')).toBe(1);
    expect(holding('rare')).toBeGreaterThan(0.8);
    expect(holding('common')).toBeLessThan(0.2);
  });

  it('is not nothing where there is one passage, which has most of the question', () => {
    const few = ['a', 'b', 'c', 'd'].map((term) => ({ term, count: term === 'd' ? 0 : 1 }));
    expect(coverage({ counted: few, passages: 1, ids: [1], has: (term) => term !== 'd' })).toBeGreaterThan(0.5);
  });

  it('is that of the best passage, and of none where nothing was found', () => {
    const has = (term: string, id: number) => term === 'rare' && id === 2;
    expect(coverage({ counted, passages: 99, ids: [1, 2], has })).toBeGreaterThan(0.8);
    expect(coverage({ counted, passages: 99, ids: [], has })).toBe(0);
  });

  it('is whole for a question without terms, of which nothing can be said', () => {
    expect(coverage({ counted: [], passages: 99, ids: [], has: () => false })).toBe(1);
  });

  it('is never denied on the word of a model whose bound nobody has measured', () => {
    expect(isClose({ covered: 0, similarity: 0.1 }, null)).toBe(true);
  });

  it('is judged by meaning where that was looked for, by words where it was not', () => {
    expect(isClose({ covered: 0.2, similarity: 0.5 }, 0.35)).toBe(true);
    expect(isClose({ covered: 0.4, similarity: 0.2 }, 0.35)).toBe(false);
    expect(isClose({ covered: 0.4, similarity: null }, 0.35)).toBe(true);
    expect(isClose({ covered: 0.2, similarity: null }, 0.35)).toBe(false);
    expect(isClose({ covered: 0.6, similarity: 0 }, 0.35)).toBe(true);
  });
});
