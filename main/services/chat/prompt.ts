import type { EngineMessage, Prompt } from '../../contract/engine.ts';
import type { AskedMessage } from '../ask/ask.ts';
import type { StoredMessage } from '../store/messages.ts';

/** A message on the way into a prompt; one that is only being typed has no tokens. */
export type PromptMessage = AskedMessage & Partial<Pick<StoredMessage, 'tokenizer' | 'tokens'>>;

export type PromptOptions = {
  /** What the model is shown of a message: with its documents, where it has some. */
  shown(message: PromptMessage): string;
  /** Empty or null: none, and the model's own template decides. */
  systemPrompt: string | null;
  /** Digest of the loaded model's vocabulary; null where it is not known. */
  tokenizer: string | null;
  /** The last message of `path` is an answer that goes on. */
  continueFinal?: boolean;
  /** What may be called, as the model is told it; null where the model can't be told of tools, or of calls of earlier answers. */
  tools: NonNullable<Prompt['tools']> | null;
};

/** What the model is told of a call that was stopped. */
const STOPPED = 'Error: it was stopped before it had a result.';
/** And of one whose rows went with a document. */
const REMOVED = 'A document that the result came from was removed.';

/**
 * The prompt for the messages on a path from the root. An answer goes in with the very ids that were generated for it, if
 * they are of the loaded model's vocabulary, so that the prompt of a turn begins with the tokens of the turn before it and
 * the cached prefix holds; the ids of another vocabulary mean nothing to this model, so such an answer goes in as text.
 */
export function buildPrompt(
  path: readonly PromptMessage[],
  { shown, systemPrompt, tokenizer, continueFinal = false, tools }: PromptOptions,
): Prompt {
  const messages: EngineMessage[] = systemPrompt ? [{ role: 'system', content: systemPrompt }] : [];
  for (const message of readMessages(path)) {
    const tokens = keptTokens(message, tokenizer);
    if (message.calls?.length) messages.push(...roundsOf(message, tokens, tools !== null));
    else messages.push({ role: message.role, content: shown(message), ...(tokens ? { tokens: [...tokens] } : {}) });
  }
  const isOpen = continueFinal && messages.at(-1)?.role === 'assistant';
  return { messages, continueFinal: isOpen, ...(tools?.length ? { tools } : {}) };
}

/**
 * An answer as it came about: what was generated up to each call, what the model was told then, and what it said last. A
 * model that knows nothing of tools gets only the words.
 */
function roundsOf(message: PromptMessage, tokens: PromptMessage['tokens'], knowsTools: boolean): EngineMessage[] {
  const { text, calls = [] } = message;
  if (!knowsTools) return text === '' ? [] : [{ role: 'assistant', content: text }];
  const messages: EngineMessage[] = [];
  let [at, token] = [0, 0];
  for (const { name, input, written, response, ...end } of calls) {
    const content = text.slice(at, end.at).trim();
    if (tokens) messages.push({ role: 'assistant', content, tokens: [...tokens.slice(token, end.tokens)] });
    else if (name !== null && input !== null)
      messages.push({ role: 'assistant', content, toolCalls: [{ name, arguments: input }] });
    else messages.push({ role: 'assistant', content: `${content}\n<tool_call>\n${written}\n</tool_call>` });
    messages.push({ role: 'tool', content: response === '' ? REMOVED : (response ?? STOPPED) });
    [at, token] = [end.at, end.tokens];
  }
  const [rest, restTokens] = [text.slice(at).trimStart(), tokens?.slice(token)];
  if (restTokens ? restTokens.length > 0 : rest !== '') {
    messages.push({ role: 'assistant', content: rest, ...(restTokens ? { tokens: [...restTokens] } : {}) });
  }
  return messages;
}

/** The ids that were generated for a message, where they are of the vocabulary with this digest. */
export function keptTokens(message: PromptMessage, tokenizer: string | null): PromptMessage['tokens'] {
  return tokenizer !== null && message.tokenizer === tokenizer ? message.tokens : null;
}

/** How many messages of a path the model does not read, because the user left them out. */
export function countOmitted(path: readonly PromptMessage[]): number {
  return path.filter((message) => !isEmpty(message)).length - readMessages(path).length;
}

/**
 * What the model reads: all but what the user left out, and answers that were stopped before their first word. The last
 * one is read in any case: it is what is answered, or gone on with.
 */
function readMessages(path: readonly PromptMessage[]): PromptMessage[] {
  const said = path.filter((message) => !isEmpty(message));
  return said.filter((message, index) => message.leftOut !== true || index === said.length - 1);
}

/** Who wrote an answer that `model` goes on with. */
export function answeredBy(before: string | null, model: string): string {
  if (before === null || before === model) return model;
  const names = before.split(JOINT);
  return names.includes(model) ? before : [...names, model].join(JOINT);
}

const JOINT = ' + ';

const isEmpty = ({ role, text, tokens }: PromptMessage) => role === 'assistant' && text === '' && !tokens?.length;
