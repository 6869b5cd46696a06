import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CallReader, type AnswerPart } from '../../main/services/tools/call-reader.ts';
import { keyOf, parseCall } from '../../main/services/tools/run-call.ts';

const CALL = '<tool_call>\n{"name": "query_tables", "arguments": {"sql": "SELECT 1"}}\n</tool_call>';
const WRITTEN = '{"name": "query_tables", "arguments": {"sql": "SELECT 1"}}';

/** What comes of an answer whose tokens are these texts: words as they are, calls in ‹›. */
function read(...texts: string[]): string[] {
  const reader = new CallReader();
  const parts: AnswerPart[] = [];
  for (const [index, text] of texts.entries())
    if (!reader.isDone) parts.push(...reader.push({ text, tokens: [index] }));
  if (!reader.isDone) parts.push(...reader.finish());
  return parts.flatMap((part) => (part.type === 'text' ? [part.text] : [part.text, `‹${part.written}›`]));
}
const together = (parts: string[]) => parts.join('');

describe('a call in an answer', () => {
  it('is found however its text is cut into tokens, and nothing of it is shown', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 40, maxLength: 40 }), (lengths) => {
        const whole = `Let me see.\n${CALL}`;
        const texts: string[] = [];
        for (let at = 0, next = 0; at < whole.length; next++) texts.push(whole.slice(at, (at += lengths[next % 40]!)));
        expect(together(read(...texts))).toBe(`Let me see.\n‹${WRITTEN}›`);
      }),
    );
  });

  it('keeps each token once, those of the call with it', () => {
    const reader = new CallReader();
    const parts = ['So', '.<tool', '_call>', '{}', '</tool_call>\n'].flatMap((text, id) =>
      reader.push({ text, tokens: [id] }),
    );
    expect(parts).toEqual([
      { type: 'text', text: 'So', tokens: [0] },
      { type: 'call', text: '.', written: '{}', tokens: [1, 2, 3, 4] },
    ]);
    expect(reader.isDone).toBe(true);
  });

  it('is one without its end too, where the model has ended its turn', () => {
    expect(read('<tool_call>', '\n{"name": "x"')).toEqual(['', '‹{"name": "x"›']);
  });

  it('that never ends is not waited for', () => {
    const parts = read('<tool_call>', ...Array.from({ length: 30 }, () => 'x'.repeat(1000)));
    expect(parts[1]!.length).toBeLessThan(20_000);
  });

  it('keeps what may only be the beginning of one until that is known', () => {
    const reader = new CallReader();
    const push = (text: string) => together(reader.push({ text, tokens: [] }).map((part) => part.text));
    expect(['a <', 'tool', 'ing> b', ' <'].map(push)).toEqual(['', '', 'a <tooling> b', '']);
    expect(together(reader.finish().map((part) => part.text))).toBe(' <');
  });
});

describe('an answer that goes on', () => {
  const goesOn = (said: string, ...texts: string[]) => {
    const reader = new CallReader(said);
    return texts.flatMap((text) => reader.push({ text, tokens: [] })).map(({ type }) => type);
  };

  it('inside of code calls nothing that stands there', () => {
    expect(goesOn('Write:\n```xml\n<a>\n', CALL)).toEqual(['text']);
    expect(goesOn('Models write `', '<tool_call>', '` so.')).toEqual(['text', 'text']);
  });

  it('behind code that has ended may call', () => {
    expect(goesOn('Write:\n```xml\n<a>\n```\n', CALL)).toEqual(['call']);
  });
});

describe('the marks of a call are text', () => {
  it.each([
    ['in a block of code', `Models write:\n\n\`\`\`xml\n${CALL}\n\`\`\`\nSo.`],
    ['in a block of code that is not closed', `~~~~\n~~~\n${CALL}`],
    ['in a line of code', 'It begins with `<tool_call>` and ends with `</tool_call>`.'],
    ['in quotation marks', 'The word "<tool_call>" and “<tool_call>” and 「<tool_call>」.'],
    ['in a quoted line', `> ${CALL.replaceAll('\n', '\n> ')}`],
  ])('%s', (_, text) => {
    expect(together(read(...text.split(/(?<=[ \n>])/u)))).toBe(text);
  });

  it('but not behind code that has ended', () => {
    expect(read('```\ncode\n```\nand `x`: ', CALL).at(-1)).toBe(`‹${WRITTEN}›`);
  });
});

describe('what a call says', () => {
  it.each([
    [WRITTEN, 'query_tables', { sql: 'SELECT 1' }],
    ['{"name":"a","arguments":"{\\"b\\":[1]}"}', 'a', { b: [1] }],
    ['{"name":"a","parameters":{}}', 'a', {}],
    ['{"name":"a"}', null, null],
    ['{"name":1,"arguments":{}}', null, null],
    ['{"name":"a","arguments":[]}', null, null],
    ['<function=a>', null, null],
    ['', null, null],
  ])('is read from %s', (written, name, input) => {
    expect(parseCall(written)).toEqual({ written, name, input });
  });

  it('makes two calls the same, whatever white space it has; and all that can be read as none', () => {
    expect(keyOf(parseCall('{"name": "a", "arguments": {}}'))).toBe(keyOf(parseCall('{"name":"a","arguments":{}}')));
    expect(keyOf(parseCall('x'))).toBe(keyOf(parseCall('y')));
  });
});
