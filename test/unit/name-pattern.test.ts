import { describe, expect, it } from 'vitest';
import { namePattern, NamePatternError } from '../../native-models/checkpoint/name-pattern.ts';
import { mulberry32 } from '../support/tiny-checkpoint.ts';

describe('a pattern of names', () => {
  it.each([
    ['layers\\.(1[2-9]|2[0-9])\\..*q_proj', 'layers.13.self_attn.q_proj', true],
    ['layers\\.(1[2-9]|2[0-9])\\..*q_proj', 'layers.30.self_attn.q_proj', false],
    ['.*\\.(gate|up)_proj', 'model.layers.0.mlp.up_proj', true],
    ['layers.\\d{1,2}.mlp', 'layers.7.mlp', true],
    ['layers.\\d{1,2}.mlp', 'layers.777.mlp', false],
    ['^lm_head$', 'lm_head', true],
    ['a^b', 'ab', false],
    ['[^q]_proj', 'k_proj', true],
    ['(?:a|b)+?c', 'abac', true],
    ['', '', true],
  ])('%s on %s: %s', (pattern, name, expected) => {
    expect(namePattern(pattern)(name)).toBe(expected);
  });

  it("matches what JavaScript's own engine matches, on 20,000 random patterns", () => {
    const random = mulberry32(5);
    const pick = (from: readonly string[]) => from[Math.floor(random() * from.length)]!;
    const pattern = (depth: number): string => {
      const atom = () =>
        depth > 0 && random() < 0.3
          ? `(${pattern(depth - 1)})`
          : pick(['a', 'b', '1', '\\.', '.', '\\d', '\\w', '[a-b]', '[^a]', '[1.]', '\\D', '^', '$']);
      const parts = Array.from({ length: Math.floor(random() * 4) }, () => {
        const one = atom();
        return one === '^' || one === '$' ? one : one + pick(['', '', '', '*', '+', '?', '{2}', '{1,3}', '{2,}', '*?']);
      });
      return random() < 0.2 ? `${parts.join('')}|${pattern(depth && depth - 1)}` : parts.join('');
    };
    const outcomes = { true: 0, false: 0 };
    for (let i = 0; i < 20_000; i++) {
      const source = pattern(2);
      const name = Array.from({ length: Math.floor(random() * 7) }, () => pick(['a', 'b', '1', '.'])).join('');
      const expected = new RegExp(`^(?:${source})$`).test(name);
      expect(namePattern(source)(name), `${source} on ${name}`).toBe(expected);
      outcomes[`${expected}`]++;
    }
    expect(outcomes.true).toBeGreaterThan(1000);
    expect(outcomes.false).toBeGreaterThan(1000);
  });

  it.each(['(?=a)', '(?P<n>a)', 'a**', 'a{2}{3}', '\\1', '\\bq', '[a', '(a', 'a)', 'a{101}', '[]', 'x'.repeat(600)])(
    'is refused with the reason where it has more than that: %s',
    (source) => {
      expect(() => namePattern(source)).toThrow(NamePatternError);
    },
  );

  it.each(['(a*)*b', '(a|a)*b', '(a|aa)+$', '(.*)*(.*)*(.*)*x'])('takes no longer for being made to: %s', (source) => {
    const started = performance.now();
    expect(namePattern(source)('a'.repeat(300))).toBe(source.endsWith('$'));
    expect(performance.now() - started).toBeLessThan(500);
  });

  it('is given up where it takes too long all the same', () => {
    const empty = `${'('.repeat(5)}${'){100}'.repeat(5)}`;
    expect(() => namePattern(empty)('')).toThrow('takes too long');
  });
});
