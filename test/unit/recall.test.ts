import { describe, expect, it } from 'vitest';
import { Recall } from '../../main/engine/recall.ts';

describe('the sample of steps that are also read in full', () => {
  it('has every 64th block of a prompt, and of an answer the first token and every 64th behind it', () => {
    const recall = new Recall();
    const due = (step: 'block' | 'token') =>
      Array.from({ length: 130 }, (_, i) => (recall.isDue(step) ? i : -1)).filter((i) => i >= 0);
    expect(due('block')).toEqual([63, 127]);
    expect(due('token')).toEqual([0, 64, 128]);
  });

  it('states the mean of what layers kept, and nothing where nothing was checked', () => {
    const recall = new Recall();
    expect(recall.mean).toBeNull();
    recall.add([1, 0.8]);
    recall.add([0.7, 0.7]);
    expect(recall.mean).toBeCloseTo(0.8);
  });
});
