import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import { sources } from './citations.ts';
import { metrics, sampling, samplingChanges } from './engine.ts';
import { language, storedError } from './common.ts';
import { job } from './jobs.ts';
import { toolCall } from './tools.ts';

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
  /** Ids of all messages below the same parent, this one among them, oldest first; empty where it stands alone. */
  siblings: z.array(z.string()),
  /** The user chose that the model does not read this message; it stays in the conversation. */
  leftOut: z.boolean(),
  /** Of an answer: how many messages above it the model did not read. */
  omitted: z.number(),
  /** What of documents was read for it; null where there was none. */
  sources: sources.nullable(),
  /** Of an answer: what the model called while it wrote it, in order. */
  calls: z.array(toolCall),
  createdMs: z.number(),
  updatedMs: z.number(),
});
export type Message = z.infer<typeof message>;

export const conversation = z.object({
  id: z.string(),
  title: z.string(),
  systemPrompt: z.string().nullable(),
  /** What this conversation wants otherwise than the settings; null: nothing. */
  sampling: samplingChanges.nullable(),
  leafId: z.string().nullable(),
  folderId: z.string().nullable(),
  pinned: z.boolean(),
  createdMs: z.number(),
  updatedMs: z.number(),
});
export type Conversation = z.infer<typeof conversation>;

/** A conversation in the bin; it is destroyed `BIN_DAYS` after `deletedMs`. */
export const binned = conversation.extend({ deletedMs: z.number() });
export type Binned = z.infer<typeof binned>;

export const folder = z.object({ id: z.string(), name: z.string(), createdMs: z.number() });
export type Folder = z.infer<typeof folder>;

/** What a watcher of the list receives: all folders first, then every change that any client makes. */
export const listEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('folders'), folders: z.array(folder) }),
  z.object({ type: z.literal('conversation'), conversation }),
  z.object({ type: z.literal('removed'), id: z.string() }),
]);
export type ListEvent = z.infer<typeof listEvent>;

/**
 * What a watcher of one conversation receives: the newest messages of the shown path at once, those above them part by
 * part while `hasOlder`, then changes in order. A new `snapshot` may come at any time and begins all of this anew.
 * A change may concern what an `older` part has told already; `delta` and `progress` may come between the parts.
 */
export const conversationEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('snapshot'), conversation, messages: z.array(message), hasOlder: z.boolean() }),
  z.object({ type: z.literal('older'), messages: z.array(message), hasOlder: z.boolean() }),
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
const folderName = z.string().trim().min(1).max(100);

const page = z.object({ limit: z.number().int().min(1).max(500).default(100), before: z.string().nullish() });

export const chat = {
  /** Newest first, page by page. Without `folderId` and `pinned`: all; `folderId: null`: those in no folder. */
  conversations: oc
    .input(page.extend({ folderId: z.string().nullish(), pinned: z.boolean().optional() }).default({ limit: 100 }))
    .output(z.object({ items: z.array(conversation), next: z.string().nullable() })),
  watchList: oc.output(eventIterator(listEvent)),
  create: oc.input(z.object({ systemPrompt: z.string().nullish(), title: z.string().nullish() })).output(conversation),
  rename: oc.input(byId.extend({ title: z.string().trim().min(1).max(200) })).output(conversation),
  setSystemPrompt: oc.input(byId.extend({ systemPrompt: z.string().nullable() })).output(conversation),
  /** How answers of this conversation are sampled; null: as the settings say. */
  setSampling: oc.input(byId.extend({ sampling: samplingChanges.nullable() })).output(conversation),
  pin: oc.input(byId.extend({ pinned: z.boolean() })).output(conversation),
  /** Into a folder, or out of any with null. */
  move: oc.input(byId.extend({ folderId: z.string().nullable() })).output(conversation),
  /** Into the bin. */
  remove: oc.input(byId).output(z.void()),
  restore: oc.input(byId).output(conversation),
  /** What the bin holds, last deleted first. */
  bin: oc.input(page.default({ limit: 100 })).output(z.object({ items: z.array(binned), next: z.string().nullable() })),
  /** Destroys a conversation of the bin, or all of it without `id`; the words are gone from the file too. */
  purge: oc.input(z.object({ id: z.string().optional() }).default({})).output(z.object({ purged: z.number() })),
  createFolder: oc.input(z.object({ name: folderName })).output(folder),
  renameFolder: oc.input(byId.extend({ name: folderName })).output(folder),
  /** Its conversations stay, in no folder. */
  removeFolder: oc.input(byId).output(z.void()),
  /** Text of the messages on the path from the root to the leaf. */
  path: oc.input(byId.extend({ leafId: z.string().nullish() })).output(z.array(message)),
  /** Makes another branch the shown one; `leafId` may be any message: its newest descendant is taken. */
  choose: oc.input(byId.extend({ leafId: z.string() })).output(conversation),
  /** A new conversation with copies of the messages from the root to `messageId`. */
  branch: oc.input(z.object({ messageId: z.string() })).output(conversation),
  /**
   * Whether the model reads these messages from now on. Choosing what to leave out is how a conversation that has
   * grown too long goes on; an answer says how many it was made without.
   */
  leaveOut: oc.input(byId.extend({ messageIds: z.array(z.string()).min(1), leftOut: z.boolean() })).output(z.void()),
  /** Tokens of each message on the path to the leaf, for choosing. */
  weigh: oc.input(byId).output(z.array(z.object({ messageId: z.string(), tokens: z.number() }))),
  /** The whole tree as JSON, or the shown path as Markdown, with headings in `language`. */
  export: oc
    .input(byId.extend({ format: z.enum(['markdown', 'json']), language: language.default('en') }))
    .output(z.object({ fileName: z.string(), text: z.string() })),
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
  /**
   * Reads as a job what stands before the next question, while nobody waits for an answer: that question's answer then begins
   * at once. Errors: `no-model`; of the job, `context-length-exceeded`, and `model-in-use` where another model answers.
   */
  prefill: oc.input(byId).output(job),
  /** Tokens of the prompt that `send` would build, by the exact tokenizer, against the context length. */
  count: oc
    .input(z.object({ conversationId: z.string().nullish(), parentId: z.string().nullish(), text: z.string() }))
    .output(z.object({ promptTokens: z.number(), contextTokens: z.number(), cachedTokens: z.number() })),
  watch: oc.input(byId).output(eventIterator(conversationEvent)),
};
