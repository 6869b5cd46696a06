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
};

/**
 * The prompt for the messages on a path from the root. An answer goes in with the very ids that were generated for it, if
 * they are of the loaded model's vocabulary, so that the prompt of a turn begins with the tokens of the turn before it and
 * the cached prefix holds; the ids of another vocabulary mean nothing to this model, so such an answer goes in as text.
 */
export function buildPrompt(
  path: readonly PromptMessage[],
  { shown, systemPrompt, tokenizer, continueFinal = false }: PromptOptions,
): Prompt {
  const messages: EngineMessage[] = systemPrompt ? [{ role: 'system', content: systemPrompt }] : [];
  for (const message of readMessages(path)) {
    const tokens = keptTokens(message, tokenizer);
    messages.push({ role: message.role, content: shown(message), ...(tokens ? { tokens: [...tokens] } : {}) });
  }
  const last = path.at(-1);
  return { messages, continueFinal: continueFinal && last !== undefined && !isEmpty(last) };
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
