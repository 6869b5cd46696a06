import { readFileSync } from 'node:fs';
import { TokenType, type TokenizerSource } from '../../native-models/text/tokenizer-source.ts';
import type { ChatMessage, ToolCall } from '../../native-models/text/chat-template.ts';
import type { JsonValue } from '../../native-models/text/marked-values.ts';

export type TokenCase = { text: string; ids: number[]; fullIds?: number[] };
export type ChatCase = {
  name: string;
  template: 'own' | 'trimming';
  source?: string;
  messages: ChatMessage[];
  rendered: string;
  ids: number[];
};
export type GoldenTokenizer = {
  source: TokenizerSource;
  chatTemplate: string;
  bosToken: string | null;
  eosToken: string;
  cases: TokenCase[];
  chats: ChatCase[];
};

type Stored = {
  pre: string;
  merges: string[];
  chatTemplate: string;
  bosToken: string | null;
  eosToken: string;
  cases: TokenCase[];
  chats: ChatCase[];
};
type StoredWhole = Stored & { tokens: string[]; types: number[] };
type StoredSparse = Stored & {
  vocabSize: number;
  tokens: [number, string][];
  controlTokens: [number, string][];
  userDefinedTokens: [number, string][];
  reference: (TokenCase & { name: string })[];
};

/** The first 6,000 merges of SmolLM2's tokenizer, with the ids that Hugging Face `tokenizers` gives for it. */
export function smollm2(): GoldenTokenizer {
  const { tokens, types, ...stored } = read<StoredWhole>('smollm2-tokenizer.json');
  return describeTokenizer(stored, tokens, types);
}

/** Qwen2.5's tokenizer as far as the cases need it, under its real ids; all other ids are unused. */
export function qwen25(): GoldenTokenizer & { reference: (TokenCase & { name: string })[] } {
  const stored = read<StoredSparse>('qwen2.5-tokenizer.json');
  const tokens = Array.from({ length: stored.vocabSize }, () => '');
  const types = Array.from({ length: stored.vocabSize }, (): number => TokenType.unused);
  const place = (entries: [number, string][], type: number) => {
    for (const [id, spelling] of entries) [tokens[id], types[id]] = [spelling, type];
  };
  place(stored.tokens, TokenType.normal);
  place(stored.controlTokens, TokenType.control);
  place(stored.userDefinedTokens, TokenType.userDefined);
  return { ...describeTokenizer(stored, tokens, types), reference: stored.reference };
}

export type ToolConversation = {
  tools: JsonValue[];
  messages: ChatMessage[];
  addGenerationPrompt: boolean;
  rendered: string;
};

/** Conversations with tools, and what transformers makes of them with Qwen2.5's template. */
export function readToolConversations(): ToolConversation[] {
  type Message = { role: ChatMessage['role']; content: string; tool_calls?: { function: ToolCall }[] };
  const stored = read<(Omit<ToolConversation, 'messages'> & { messages: Message[] })[]>('chat-tools.json');
  return stored.map((conversation) => ({
    ...conversation,
    messages: conversation.messages.map(({ role, content, tool_calls: calls = [] }) => ({
      role,
      content,
      ...(calls.length > 0 && { toolCalls: calls.map((call) => call.function) }),
    })),
  }));
}

function describeTokenizer(stored: Stored, tokens: string[], types: number[]): GoldenTokenizer {
  const { pre, merges, chatTemplate, bosToken, eosToken, cases, chats } = stored;
  const source: TokenizerSource = {
    pre,
    tokens,
    types,
    merges,
    bosTokenId: bosToken === null ? null : tokens.indexOf(bosToken),
    eosTokenIds: [tokens.indexOf(eosToken)],
    padTokenId: null,
    addBosToken: false,
    chatTemplate,
  };
  return { source, chatTemplate, bosToken, eosToken, cases, chats };
}

function read<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../golden/data/${name}`, import.meta.url), 'utf8')) as T;
}
