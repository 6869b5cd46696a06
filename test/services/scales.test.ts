import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Prompt } from '../../main/contract/engine.ts';
import type { AnsweringModel } from '../../main/services/models/models.ts';
import { Scales } from '../../main/services/chat/scales.ts';
import { renderChat } from '../../native-models/text/chat-template.ts';
import { Tokenizer } from '../../native-models/text/tokenizer.ts';
import { qwen25, smollm2 } from '../support/golden-tokenizers.ts';

const TRIMMING = `{% for message in messages %}<|im_start|>{{ message.role }}
{{ message.content | trim }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}`;

const place = { key: 'a conversation', endId: 'the answer' };
const model = { tokenizer: 'this one' } as AnsweringModel;
const messages = [
  { role: 'system' as const, content: 'Be brief.' },
  { role: 'user' as const, content: 'What is a river?\n\n' },
  { role: 'assistant' as const, content: ' Water that goes somewhere!' },
];
const promptOf = (text: string): Prompt => ({
  messages: [...messages, { role: 'user', content: text }],
  continueFinal: false,
});

const promptWith = async (text: string) => promptOf(text);

/** An engine that counts with a real tokenizer and template, and scales over it. */
function realScales(golden: ReturnType<typeof smollm2>, template: string) {
  const tokenizer = Tokenizer.fromSource(golden.source);
  const sizes: number[] = [];
  const size = (prompt: Prompt) => {
    const pieces = renderChat(template, prompt.messages, { addGenerationPrompt: true, eosToken: golden.eosToken });
    return tokenizer.encodePieces(pieces).length;
  };
  const count = async (prompt: Prompt) => {
    sizes.push(prompt.messages.length);
    return { promptTokens: size(prompt), contextTokens: 4096, cachedTokens: 7 };
  };
  const texts: string[] = [];
  const countEach = async (some: string[]) => {
    texts.push(...some);
    return some.map((content) => size({ messages: [{ role: 'user', content }], continueFinal: false }));
  };
  return { scales: new Scales({ count, countEach }), size, sizes, texts };
}

const goldens = { 'Qwen2.5': qwen25(), SmolLM2: smollm2() };
const cases = Object.entries(goldens).flatMap(([name, golden]) => [
  [name, golden, golden.chatTemplate] as const,
  [`${name}, trimming`, golden, TRIMMING] as const,
]);

describe.each(cases)('what is typed below a conversation (%s)', (_, golden, template) => {
  it('is counted to the token as the whole prompt would be', async () => {
    const { scales, size } = realScales(golden, template);
    const text = fc.oneof(
      fc.constantFrom(
        '',
        ' ',
        '\n',
        '\n\nx',
        'x\n',
        '  two  ',
        '!',
        "'s",
        '<|im_end|>',
        'user',
        '你好，世界',
        '1234',
        '\ttab',
      ),
      fc.string({ unit: 'grapheme', maxLength: 40 }),
    );
    await fc.assert(
      fc.asyncProperty(text, async (typed) => {
        const { promptTokens } = await scales.count(place, typed, promptWith, model);
        expect(promptTokens).toBe(size(promptOf(typed)));
      }),
      { numRuns: 200 },
    );
  });

  it('sends the conversation once', async () => {
    const { scales, sizes } = realScales(golden, template);
    for (const typed of ['o', 'on', 'one']) await scales.count(place, typed, promptWith, model);
    expect(sizes.filter((length) => length > 1)).toEqual([4]);
    scales.forget();
    await scales.count(place, 'one', promptWith, model);
    expect(sizes.filter((length) => length > 1)).toEqual([4, 4]);
  });

  it('is counted once while it stays as it is and the answer above it grows, which counts', async () => {
    const { scales, sizes } = realScales(golden, template);
    const before = await scales.count(place, 'a long draft', promptWith, model);
    const calls = sizes.length;
    scales.grew('the answer', 3);
    scales.grew('another answer', 50);
    const after = await scales.count(place, 'a long draft', promptWith, model);
    expect(after.promptTokens).toBe(before.promptTokens + 3);
    expect(sizes).toHaveLength(calls);
  });
});

describe('the weights of messages', () => {
  it.each(Object.entries(goldens))(
    'add up to what a question and its answer add to a prompt (%s)',
    async (_, golden) => {
      const { scales, size } = realScales(golden, golden.chatTemplate);
      const turn = (number: number, text: string) => [
        { id: `u${number}`, role: 'user' as const, text: `${text}?`, updatedMs: 1 },
        { id: `a${number}`, role: 'assistant' as const, text: `${text}, indeed.`, updatedMs: 1 },
      ];
      const path = ['Rivers', 'The mill by the old bridge', '中文'].flatMap((text, number) => turn(number, text));
      const weights = await scales.weigh(path, model);
      const whole = (part: typeof path) =>
        size({ messages: part.map(({ role, text }) => ({ role, content: text })), continueFinal: false });
      for (const end of [2, 4]) {
        const added = weights.slice(end, end + 2).reduce((sum, { tokens }) => sum + tokens, 0);
        expect(added).toBe(whole(path.slice(0, end + 2)) - whole(path.slice(0, end)));
      }
    },
  );

  it('count the very ids of an answer, and ask the engine only for the other texts', async () => {
    const { scales, size, texts } = realScales(goldens.SmolLM2, goldens.SmolLM2.chatTemplate);
    const tokens = Int32Array.from([1, 2, 3, 4, 5]); // not those that the text would have
    const answer = { id: 'a', role: 'assistant' as const, text: 'Water.', updatedMs: 1, tokens, tokenizer: 'this one' };
    const question = { id: 'q', role: 'user' as const, text: 'What is a river?', updatedMs: 1 };
    const foreign = { ...answer, id: 'f', tokenizer: 'another' };
    const [, own, other] = await scales.weigh([question, answer, foreign], model);
    expect(texts).toEqual(['What is a river?', 'Water.']);
    const whole = size({
      messages: [
        { role: 'user', content: question.text },
        { role: 'assistant', content: '', tokens: [...tokens] },
      ],
      continueFinal: false,
    });
    const asText = size({
      messages: [
        { role: 'user', content: question.text },
        { role: 'assistant', content: 'Water.' },
      ],
      continueFinal: false,
    });
    expect(own!.tokens - other!.tokens).toBe(whole - asText);
  });
});
