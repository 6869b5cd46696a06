import type { EngineMessage, Prompt } from '../../contract/engine.ts';
import type { StoredMessage } from '../store/messages.ts';

/** A message on the way into a prompt; one that is only being typed has neither model nor tokens. */
export type PromptMessage = Pick<StoredMessage, 'role' | 'text'> & Partial<Pick<StoredMessage, 'model' | 'tokens'>>;

export type PromptOptions = {
  /** Empty or null: none, and the model's own template decides. */
  systemPrompt: string | null;
  /** The loaded model's name. */
  model: string;
  /** The last message of `path` is an answer that goes on. */
  continueFinal?: boolean;
};

/**
 * The prompt for the messages on a path from the root. An answer of the loaded model goes in with the very ids that it
 * generated, so that the prompt of a turn begins with the tokens of the turn before it and the cached prefix holds;
 * the ids of another model mean nothing to this one, so its answers go in as text.
 */
export function buildPrompt(
  path: readonly PromptMessage[],
  { systemPrompt, model, continueFinal = false }: PromptOptions,
): Prompt {
  const messages: EngineMessage[] = systemPrompt ? [{ role: 'system', content: systemPrompt }] : [];
  for (const message of path) {
    if (isEmpty(message)) continue; // stopped before its first word
    const tokens = message.model === model ? message.tokens : null;
    messages.push({ role: message.role, content: message.text, ...(tokens ? { tokens: [...tokens] } : {}) });
  }
  const last = path.at(-1);
  return { messages, continueFinal: continueFinal && last !== undefined && !isEmpty(last) };
}

/** Who wrote an answer that `model` goes on with: tokens of two models are not the tokens of either. */
export function answeredBy(before: string | null, model: string): string {
  if (before === null || before === model) return model;
  const names = before.split(JOINT);
  return names.includes(model) ? before : [...names, model].join(JOINT);
}

const JOINT = ' + ';

const isEmpty = ({ role, text, tokens }: PromptMessage) => role === 'assistant' && text === '' && !tokens?.length;
