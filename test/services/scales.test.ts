import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LoadedModel, Prompt } from '../../main/contract/engine.ts';
import { Scales } from '../../main/services/chat/scales.ts';
import { renderChat } from '../../native-models/text/chat-template.ts';
import { Tokenizer } from '../../native-models/text/tokenizer.ts';
import { qwen25, smollm2 } from '../support/golden-tokenizers.ts';

const TRIMMING = `{% for message in messages %}<|im_start|>{{ message.role }}
{{ message.content | trim }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}`;

const model = {} as LoadedModel;
const messages = [
  { role: 'system' as const, content: 'Be brief.' },
  { role: 'user' as const, content: 'What is a river?\n\n' },
  { role: 'assistant' as const, content: ' Water that goes somewhere!' },
];
const promptWith = (text: string): Prompt => ({
  messages: [...messages, { role: 'user', content: text }],
  continueFinal: false,
});

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
  return { scales: new Scales({ count }), size, sizes };
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
        const { promptTokens } = await scales.count('a conversation', typed, promptWith, model);
        expect(promptTokens).toBe(size(promptWith(typed)));
      }),
      { numRuns: 200 },
    );
  });

  it('sends the conversation once', async () => {
    const { scales, sizes } = realScales(golden, template);
    for (const typed of ['o', 'on', 'one']) await scales.count('a conversation', typed, promptWith, model);
    expect(sizes.filter((length) => length > 1)).toEqual([4]);
    scales.forget();
    await scales.count('a conversation', 'one', promptWith, model);
    expect(sizes.filter((length) => length > 1)).toEqual([4, 4]);
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
});
