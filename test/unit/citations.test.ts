import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cite, type Passage } from '../../main/services/ask/cite.ts';
import { claimsOf } from '../../main/services/ask/claims.ts';
import { fold, unfold } from '../../main/services/ask/fold.ts';
import { sentencesOf } from '../../main/services/ask/sentences.ts';

const lines = [
  'The lease begins on 1 March 2024 and ends after five years. Rent is 1,250 euros a month.',
  'Either party may not terminate the lease before the third year. Notice must be given in writ-\ning to Anna Keller.',
  'Die Kaution beträgt drei Monatsmieten.',
  '租约自2024年3月1日起生效，为期五年。每月租金为一千二百五十欧元，押金为三个月租金。',
  'Pets are allowed in the garden, the kitchen and the cellar, as long as neighbours agree.',
];
const passages: Passage[] = lines.map((text, at) => ({
  mark: at + 1,
  text,
  part: { kind: 'page', label: 'iv' },
  span: { documentId: 'd', part: 0, start: at * 1000, end: at * 1000 + text.length },
}));
const told = async (answer: string) => (await cite(answer, passages)).map(({ state, quote }) => ({ state, quote }));

describe('a citation', () => {
  it.each([
    ['Rent is 1,250 euros a month [1].', 'exact', 'Rent is 1,250 euros a month.'],
    ['The document says "Notice must be given in writing to Anna Keller" [2].', 'exact', undefined],
    ['The document says: Rent is 1,250 euros a month.', 'exact', 'Rent is 1,250 euros a month.'],
    ['根据以上文件，租约自2024年3月1日起生效。', 'exact', undefined],
    ['The monthly rent comes to 1,250 euros [1].', 'close', 'Rent is 1,250 euros a month.'],
    ['租约自2024年3月1日起生效。[4]', 'exact', undefined],
    ['每月租金是一千二百五十欧元 [4]。', 'close', undefined],
  ])('of %j is %s', async (answer, state, quote) => {
    const [found, ...others] = await told(answer);
    expect(others).toEqual([]);
    expect(found!.state).toBe(state);
    if (quote !== undefined) expect(found!.quote).toBe(quote);
  });

  it('is found without a mark, and with one that names another paragraph', async () => {
    expect(await told('Pets are allowed in the garden if the neighbours agree.')).toMatchObject([{ state: 'close' }]);
    const [moved] = await cite('Pets are allowed in the garden, the kitchen and the cellar [1].', passages);
    expect(moved).toMatchObject({ span: { start: 4000 }, part: { kind: 'page', label: 'iv' } });
  });

  it('is missing where nothing like it was read, also when it names a paragraph', async () => {
    const answer = 'The landlord pays for electric heating and water [1]. Smoking costs 300 dollars [9].';
    expect(await told(answer)).toEqual([
      { state: 'missing', quote: '' },
      { state: 'missing', quote: '' },
    ]);
  });

  it('never calls words a quotation that are not there', async () => {
    const [found] = await cite('It says "Rent is 1,250 euros a week" [1].', passages);
    expect(found!.state).not.toBe('exact');
  });

  it.each([
    ['Rent is 1,350 euros a month [1].', { kind: 'number', text: '1350' }],
    ['Notice must be given in writing to Peter Keller [2].', { kind: 'name', text: 'Peter' }],
    ['Either party may terminate the lease before the third year [2].', { kind: 'negation', text: 'not' }],
    ['Pets are not allowed in the garden, the kitchen and the cellar [5].', { kind: 'negation', text: 'not' }],
    ['押金不为三个月租金 [4]。', { kind: 'negation', text: '不' }],
  ])('of %j is doubted', async (answer, doubt) => {
    const [found] = await cite(answer, passages);
    expect(found!.state).not.toBe('missing');
    expect(found!.doubts).toContainEqual(doubt);
  });

  it.each([
    ['It says "possible to leave early" of it.', 'It is impossible to leave early.'],
    ['The text says "legal use of the garden".', 'Forbidden is any illegal use of the garden.'],
    ['The annual fee of membership is 5.', 'The annual fee of membership is 500 euros. There are 5 members.'],
    ['So it says "............" at last, and more.', 'At last it says so, and more of it.'],
  ])('of part of a word, or of nothing, is not exact: %s', async (answer, text) => {
    const found = await cite(answer, [
      {
        mark: 1,
        text,
        part: { kind: 'text', label: '1' },
        span: { documentId: 'd', part: 0, start: 0, end: text.length },
      },
    ]);
    for (const one of found) {
      expect(one.state).not.toBe('exact');
      if (one.span !== null) expect(text.slice(one.span.start, one.span.end)).toBe(one.quote);
    }
  });

  it('has no doubt about what stands in its own sentence alone, nor takes a row of numbers for one', async () => {
    const text = 'Smoking is allowed in the garden. Dogs are not allowed there. Revenue 2024 300 120';
    const span = { documentId: 'd', part: 0, start: 0, end: text.length };
    const part = { kind: 'text' as const, label: '1' };
    const of = async (answer: string) => (await cite(answer, [{ mark: 1, text, span, part }]))[0];
    expect(await of('Smoking is allowed in the garden.')).toMatchObject({ state: 'exact', doubts: [] });
    expect((await of('Revenue was 300 in 2024 [1].'))!.doubts).toEqual([]);
  });

  it('has no doubt where numbers are only written otherwise', async () => {
    const [found] = await cite('Rent is 1250 euros a month [1].', passages);
    expect(found!.doubts).toEqual([]);
  });

  it('always names the very words of the stored text', async () => {
    const sentences = [...lines, 'Rent is due.', 'No claim here at all, 77 times.', 'A "quoted part of" it [3][4].'];
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...sentences), { maxLength: 6 }), fc.nat(9), async (parts, mark) => {
        const answer = parts.join(` [${mark}] `);
        for (const { start, end, span, quote, state } of await cite(answer, passages)) {
          expect(answer.slice(start, end).trim()).not.toBe('');
          if (span === null) expect({ state, quote }).toEqual({ state: 'missing', quote: '' });
          else expect(lines[Math.floor(span.start / 1000)]!.slice(span.start % 1000, span.end % 1000)).toBe(quote);
        }
      }),
      { numRuns: 200, seed: 4 },
    );
  });
});

describe('claims', () => {
  it('are statements, with the marks behind them', () => {
    const answer =
      'Here it is:\n\n- Rent is due monthly. [1][2]\n- Who pays? \n\n```js\nconst rent = 1250; // paid monthly\n```\nThe deposit is three rents 【3】.';
    expect(claimsOf(answer).map(({ text, marks }) => [text.trim(), marks])).toEqual([
      ['Rent is due monthly.', [1, 2]],
      ['The deposit is three rents .', [3]],
    ]);
  });

  it('know ranges and lists of marks', () => {
    expect(claimsOf('Rent rises with prices [2-4, 7].')[0]!.marks).toEqual([2, 3, 4, 7]);
    expect(claimsOf('Rent rises with prices [1-999999].')[0]!.marks).toHaveLength(20);
  });

  it.each(['The documents do not say who pays.', 'This is not mentioned in the text.', '文档中没有提到租金。'])(
    'are none in a refusal: %s',
    (answer) => {
      expect(claimsOf(answer)).toEqual([]);
    },
  );
});

it.each([
  'The product does not contain nuts.',
  'Warranty is not provided for used items.',
  'The company did not answer the complaint.',
  '该产品没有包含坚果成分。',
])('a denial about the world is a claim: %s', (answer) => {
  expect(claimsOf(answer)).toHaveLength(1);
});

describe('folding', () => {
  it('forgets white space, width, dashes, quotes, invisible characters and hyphens at line ends', () => {
    expect(fold('Ａ　“co\u00adop-\n  erate”—now').text).toBe('a "cooperate"-now');
    expect(fold('租约 自\n二月').text).toBe('租约自二月');
    expect(fold('well-known\nthing, Co-\nOp').text).toBe('well-known thing, co- op');
  });

  it('leads back to the characters it came from', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
        const folded = fold(text);
        expect(folded.origins).toHaveLength(folded.text.length + 1);
        for (let i = 0; i < folded.text.length; i++) {
          const [start, end] = unfold(folded, i, i + 1, text);
          expect(end).toBeGreaterThan(start);
          expect(end).toBeLessThanOrEqual(text.length);
        }
      }),
    );
  });
});

describe('sentences', () => {
  it('end at line breaks and full stops, not at those of abbreviations', () => {
    const text = 'Dr. Keller came at 3.30 p.m. on Monday. She left.\nNo. 4 is here。这是一句。那也是。';
    expect(sentencesOf(text).map(({ start, end }) => text.slice(start, end))).toEqual([
      'Dr. Keller came at 3.30 p.m. on Monday.',
      'She left.',
      'No. 4 is here。',
      '这是一句。',
      '那也是。',
    ]);
  });
});
