import { randomBytes } from 'node:crypto';
import { CheckpointError } from '../checkpoint/errors.ts';
import { MarkedValues, type JsonValue } from './marked-values.ts';
import { parseTemplate, runTemplate, type TemplateProgram } from './template-interpreter.ts';
import type { Piece } from './tokenizer.ts';

/** A call as templates write it out; the arguments are an object, since a string would be quoted twice. */
export type ToolCall = { name: string; arguments: { [name: string]: JsonValue } };

export type ChatMessage = {
  role: 'system' | 'user' | 'assistant' | 'tool';
  content: string;
  /**
   * What the model generated, taken as it is instead of `content`, without the token that ended the turn: the template
   * writes that one, whether the model did or was stopped before it.
   */
  tokens?: readonly number[];
  /** What the assistant called, where it is known by structure; `tokens` hold the calls already. */
  toolCalls?: readonly ToolCall[];
};

export type ChatOptions = {
  /** End with the opening of an assistant turn, for the model to fill. */
  addGenerationPrompt?: boolean;
  /** Leave the last message, which must be the assistant's, open to be continued. */
  continueFinal?: boolean;
  /** Spellings that templates refer to; null where the checkpoint has no such token. */
  bosToken?: string | null;
  eosToken?: string | null;
  /** Definitions as the template expects them, for most `{ type: 'function', function: { name, description, parameters } }`. */
  tools?: readonly JsonValue[];
};

/**
 * Renders a conversation with the checkpoint's own Jinja template.
 *
 * The template never sees what people wrote: each message is a random mark while it runs, put back afterwards. So only
 * the template's own words may spell special tokens, and a message that spells one stays text; the same holds for what
 * tools and calls say. White space around a message is shown to the template, which may trim it.
 *
 * A system message is joined to the first user message where the template knows no system role. No other message is
 * left out: a template that drops one is refused.
 *
 * With `tokens` on every generated message, the tokens of a later turn begin with exactly those of an earlier one
 * (prompt and answer), as long as the template opens a finished assistant turn as it opens a new one.
 * @throws CheckpointError `bad-chat-template`
 */
export function renderChat(template: string, messages: readonly ChatMessage[], options: ChatOptions = {}): Piece[] {
  const { addGenerationPrompt = false, continueFinal = false } = options;
  if (continueFinal && (addGenerationPrompt || messages.at(-1)?.role !== 'assistant')) {
    throw new Error('Only a final assistant message can be continued, and without a new one after it');
  }
  if (parsed?.template !== template) parsed = { template, program: guarded(() => parseTemplate(template)) };
  const { program } = parsed;
  try {
    return renderMessages(program, messages, options);
  } catch (error) {
    const folded = foldSystemMessage(messages);
    if (!folded) throw error;
    try {
      return renderMessages(program, folded, options);
    } catch {
      throw error; // what the template said about the conversation as it is tells more
    }
  }
}

/** The last one, which is that of the loaded model: parsing took ten times as long as writing a message with it. */
let parsed: { template: string; program: TemplateProgram } | null = null;

/** A message as the template sees it, and what takes its place afterwards. */
type Slot = {
  shown: string;
  mark: string;
  before: string;
  after: string;
  piece: Piece;
};

function renderMessages(program: TemplateProgram, messages: readonly ChatMessage[], options: ChatOptions): Piece[] {
  const { addGenerationPrompt = false, continueFinal = false, bosToken = null, eosToken = null, tools = [] } = options;
  const nonce = `m${randomBytes(16).toString('hex')}`;
  const slots = messages.map((message, index) => {
    const isOpen = continueFinal && index === messages.length - 1;
    return makeSlot(message, `${nonce}x${index}x`, isOpen);
  });
  const values = new MarkedValues(nonce);
  const variables = {
    messages: messages.map(({ role, tokens, toolCalls = [] }, index) => {
      const content = slots[index]!.shown;
      if (tokens || toolCalls.length === 0) return { role, content };
      const calls = toolCalls.map((call) => ({ type: 'function', function: values.mark(call) }));
      return { role, content, tool_calls: calls };
    }),
    add_generation_prompt: addGenerationPrompt,
    bos_token: bosToken ?? '',
    eos_token: eosToken ?? '',
    // Absent as in the reference implementation: templates ask whether they are none.
    tools: tools.length === 0 ? null : values.mark(tools),
    documents: null,
  };
  const rendered = guarded(() => runTemplate(program, variables, messages.length + values.count));
  return putBack(rendered, { nonce, slots, values, messages, continueFinal });
}

function makeSlot({ content, tokens }: ChatMessage, mark: string, isOpen: boolean): Slot {
  if (tokens && (tokens.length > 0 || isOpen)) return { shown: mark, mark, before: '', after: '', piece: { tokens } };
  const text = tokens ? '' : content;
  const core = text.trim();
  // Nothing but white space can spell no token, and templates may want to see that it is nothing.
  if (core === '' && !isOpen) return { shown: text, mark: '', before: '', after: '', piece: { text, special: false } };
  const before = text.slice(0, text.length - text.trimStart().length);
  const after = core === '' ? '' : text.slice(text.trimEnd().length);
  return { shown: before + mark + after, mark, before, after, piece: { text: core, special: false } };
}

type Hidden = {
  nonce: string;
  slots: readonly Slot[];
  values: MarkedValues;
  messages: readonly ChatMessage[];
  continueFinal: boolean;
};

function putBack(rendered: string, { nonce, slots, values, messages, continueFinal }: Hidden): Piece[] {
  const pieces: Piece[] = [];
  const add = (text: string, special: boolean) => {
    const last = pieces.at(-1);
    if (last && 'text' in last && last.special === special) last.text += text;
    else if (text !== '') pieces.push({ text, special });
  };
  const addLiteral = (text: string) => {
    for (const part of values.putBack(text)) add(part.text, part.special);
  };
  const missing = new Set<number>();
  for (const [index, { mark }] of slots.entries()) if (mark !== '') missing.add(index);
  let position = 0;
  for (const { 0: mark, 1: digits, index: at } of rendered.matchAll(new RegExp(`${nonce}x(\\d+)x`, 'g'))) {
    const index = Number(digits);
    const slot = slots[index]!;
    missing.delete(index);

    const literal = rendered.slice(position, at);
    const keepsBefore = literal.endsWith(slot.before);
    addLiteral(keepsBefore ? literal.slice(0, literal.length - slot.before.length) : literal);
    if (keepsBefore) add(slot.before, false);
    position = at + mark.length;
    if ('tokens' in slot.piece) pieces.push(slot.piece);
    else add(slot.piece.text, false);
    if (rendered.startsWith(slot.after, position)) {
      add(slot.after, false);
      position += slot.after.length;
    }
    if (continueFinal && index === slots.length - 1) return missing.size === 0 ? pieces : refuse(missing, messages);
  }
  if (missing.size > 0) refuse(missing, messages);
  addLiteral(rendered.slice(position));
  return pieces;
}

function refuse(missing: ReadonlySet<number>, messages: readonly ChatMessage[]): never {
  const [index] = missing;
  const role = messages[index!]!.role;
  throw new CheckpointError('bad-chat-template', `the chat template leaves out message ${index! + 1} (${role})`, {
    index,
    role,
  });
}

function foldSystemMessage(messages: readonly ChatMessage[]): ChatMessage[] | null {
  const [system, user, ...rest] = messages;
  if (system?.role !== 'system' || user?.role !== 'user') return null;
  return [{ role: 'user', content: `${system.content}\n\n${user.content}` }, ...rest];
}

function guarded<T>(run: () => T): T {
  try {
    return run();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.slice(0, 300) : 'unknown';
    throw new CheckpointError(
      'bad-chat-template',
      `the chat template cannot be used: ${reason}`,
      { reason },
      { cause },
    );
  }
}
