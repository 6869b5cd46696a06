import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import { metrics, sampling, samplingChanges } from './engine.ts';
import { storedError } from './common.ts';

/** `waiting`: accepted, no token yet (a model may still be loading); the last three keep the text that was reached. */
export const messageState = z.enum(['waiting', 'streaming', 'complete', 'stopped', 'interrupted', 'failed']);
export type MessageState = z.infer<typeof messageState>;

export const message = z.object({
  id: z.string(),
  conversationId: z.string(),
  parentId: z.string().nullable(),
  role: z.enum(['system', 'user', 'assistant', 'tool']),
  state: messageState,
  text: z.string(),
  model: z.string().nullable(),
  finishReason: z.enum(['stop', 'length', 'aborted', 'error']).nullable(),
  metrics: metrics.nullable(),
  sampling: sampling.nullable(),
  error: storedError.nullable(),
  createdMs: z.number(),
  updatedMs: z.number(),
});
export type Message = z.infer<typeof message>;

export const conversation = z.object({
  id: z.string(),
  title: z.string(),
  systemPrompt: z.string().nullable(),
  leafId: z.string().nullable(),
  createdMs: z.number(),
  updatedMs: z.number(),
});
export type Conversation = z.infer<typeof conversation>;

/** What a watcher of one conversation receives: the whole path once, then changes in order. */
export const conversationEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('snapshot'), conversation, messages: z.array(message) }),
  z.object({ type: z.literal('message'), message }),
  z.object({ type: z.literal('delta'), messageId: z.string(), text: z.string() }),
  z.object({ type: z.literal('progress'), messageId: z.string(), done: z.number(), total: z.number() }),
  z.object({ type: z.literal('conversation'), conversation }),
]);
export type ConversationEvent = z.infer<typeof conversationEvent>;

export const searchHit = z.object({
  conversationId: z.string(),
  messageId: z.string().nullable(),
  title: z.string(),
  snippet: z.string(),
  /** [start, end) offsets of the matches in `snippet`, in UTF-16 units. */
  marks: z.array(z.tuple([z.number(), z.number()])),
  updatedMs: z.number(),
});
export type SearchHit = z.infer<typeof searchHit>;

const byId = z.object({ id: z.string().min(1) });

export const chat = {
  conversations: oc
    .input(
      z
        .object({ limit: z.number().int().min(1).max(500).default(100), before: z.string().nullish() })
        .default({ limit: 100 }),
    )
    .output(z.object({ items: z.array(conversation), next: z.string().nullable() })),
  create: oc.input(z.object({ systemPrompt: z.string().nullish(), title: z.string().nullish() })).output(conversation),
  rename: oc.input(byId.extend({ title: z.string().trim().min(1).max(200) })).output(conversation),
  setSystemPrompt: oc.input(byId.extend({ systemPrompt: z.string().nullable() })).output(conversation),
  remove: oc.input(byId).output(z.void()),
  restore: oc.input(byId).output(conversation),
  /** Text of the messages on the path from the root to the leaf. */
  path: oc.input(byId.extend({ leafId: z.string().nullish() })).output(z.array(message)),
  /** Makes another branch the shown one; `leafId` may be any message: its newest descendant is taken. */
  choose: oc.input(byId.extend({ leafId: z.string() })).output(conversation),
  search: oc
    .input(z.object({ query: z.string(), limit: z.number().int().min(1).max(200).default(50) }))
    .output(z.array(searchHit)),
  /**
   * Saves the user's message and starts the answer, which goes on without the caller: watch the conversation for it.
   * `parentId` absent means the active leaf; a parent with children makes a sibling (an edit).
   * Fails with `context-length-exceeded` (both counts), `no-model`, `conversation-busy`, `empty-message`; nothing is saved then.
   */
  send: oc
    .input(
      z.object({
        conversationId: z.string(),
        text: z.string(),
        parentId: z.string().nullish(),
        sampling: samplingChanges.optional(),
      }),
    )
    .output(z.object({ user: message, reply: message })),
  /** Another answer to the same user message, as a sibling. */
  regenerate: oc
    .input(z.object({ messageId: z.string(), sampling: samplingChanges.optional() }))
    .output(z.object({ reply: message })),
  /** Goes on with a stopped, interrupted or length-limited answer in place, from its last token. */
  continue: oc.input(z.object({ messageId: z.string() })).output(z.object({ reply: message })),
  /** Halts the computation of an answer; its text stays. */
  stop: oc.input(z.object({ messageId: z.string() })).output(z.void()),
  /** Tokens of the prompt that `send` would build, by the exact tokenizer, against the context length. */
  count: oc
    .input(z.object({ conversationId: z.string().nullish(), parentId: z.string().nullish(), text: z.string() }))
    .output(z.object({ promptTokens: z.number(), contextTokens: z.number(), cachedTokens: z.number() })),
  watch: oc.input(byId).output(eventIterator(conversationEvent)),
};
