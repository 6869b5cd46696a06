import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../native-models/checkpoint/index.ts';
import { renderChat } from '../../native-models/text/chat-template.ts';
import { Tokenizer } from '../../native-models/text/tokenizer.ts';
import { qwen25, readToolConversations, smollm2, type GoldenTokenizer } from '../support/golden-tokenizers.ts';

// Ids were made with Hugging Face tokenizers and templates with Jinja2: test/golden/make/text.py.
const smol = smollm2();
const qwen = qwen25();

describe.each<[string, GoldenTokenizer]>([
  ['SmolLM2', smol],
  ['Qwen2.5', qwen],
])('the %s tokenizer', (_, { source, cases, chats, bosToken, eosToken, chatTemplate }) => {
  const tokenizer = Tokenizer.fromSource(source);

  it.each(cases.map(({ text, ids }) => [JSON.stringify(text).slice(0, 60), text, ids]))(
    'gives the reference ids for %s',
    (_, text, ids) => expect(tokenizer.encode(text)).toEqual(ids),
  );

  it.each(chats.map((chat) => [`${chat.name} (${chat.template} template)`, chat] as const))(
    'gives the reference ids for a chat: %s',
    (_, { messages, rendered, ids, source: template = chatTemplate }) => {
      const pieces = renderChat(template, messages, { addGenerationPrompt: true, bosToken, eosToken });
      expect(pieces.map((piece) => ('text' in piece ? piece.text : '')).join('')).toBe(rendered);
      expect(tokenizer.encodePieces(pieces)).toEqual(ids);
    },
  );
});

it.each(qwen.reference.map(({ name, text, ids }) => [name, text, ids] as const))(
  'gives the published Qwen2.5 ids, special tokens included: %s',
  (_, text, ids) => {
    expect(Tokenizer.fromSource(qwen.source).encodePieces([{ text, special: true }])).toEqual(ids);
  },
);

// Made with transformers: test/golden/make/chat_tools.py.
const conversations = readToolConversations();
it('has 30 conversations with tools to compare', () => expect(conversations).toHaveLength(30));

it.each(conversations.map((conversation, index) => [index + 1, conversation] as const))(
  "renders a conversation with tools as transformers' apply_chat_template: %i",
  (_, { messages, tools, addGenerationPrompt, rendered }) => {
    const pieces = renderChat(qwen.chatTemplate, messages, { tools, addGenerationPrompt });
    expect(pieces.map((piece) => ('text' in piece ? piece.text : '')).join('')).toBe(rendered);
  },
);

// The whole vocabulary needs the whole file (94 MB), which is not in the repository.
const wholeSmollm2 = process.env['LONGHAND_TEST_SMOLLM2'] ?? '';
it.skipIf(!existsSync(wholeSmollm2))(
  'gives the reference ids with the whole SmolLM2 vocabulary (needs its GGUF in LONGHAND_TEST_SMOLLM2)',
  async () => {
    const checkpoint = await openCheckpoint(wholeSmollm2);
    await checkpoint.close();
    const tokenizer = Tokenizer.fromSource(checkpoint.tokenizer);
    for (const { text, fullIds } of smol.cases) expect(tokenizer.encode(text), text).toEqual(fullIds);
  },
);
