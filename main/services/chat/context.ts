import type { Prompt } from '../../contract/engine.ts';
import { LonghandError } from '../../contract/errors.ts';
import { isEngineLoss, type Engine } from '../../engine/client.ts';
import type { Models } from '../models/models.ts';
import type { StoredMessage } from '../store/messages.ts';
import type { Store } from '../store/open.ts';
import { readSettings } from '../system/settings.ts';
import { buildPrompt, type PromptMessage } from './prompt.ts';

type Draft = { conversationId?: string | null; parentId?: string | null; text: string };

export type ContextOptions = { store: Store; engine: Pick<Engine, 'count'>; models: Pick<Models, 'current'> };

/** What an answer is computed from, and whether it fits the model. */
export class Context {
  readonly #store: Store;
  readonly #engine: ContextOptions['engine'];
  readonly #models: ContextOptions['models'];

  constructor({ store, engine, models }: ContextOptions) {
    this.#store = store;
    this.#engine = engine;
    this.#models = models;
  }

  /** Under the conversation's own system prompt, else that of the settings. */
  prompt(
    conversationId: string | null,
    path: PromptMessage[],
    options: { model: string; continueFinal?: boolean },
  ): Prompt {
    const own = conversationId === null ? null : (this.#store.conversations.get(conversationId)?.systemPrompt ?? null);
    return buildPrompt(path, { ...options, systemPrompt: own ?? readSettings(this.#store).systemPrompt });
  }

  /** The messages from the root to `leafId`. @throws LonghandError `not-found` */
  path(conversationId: string, leafId: string | null): StoredMessage[] {
    if (leafId === null) return [];
    const path = this.#store.messages.path(leafId);
    if (path[0]?.conversationId === conversationId) return path;
    const message = `There is no message ${leafId} in the conversation ${conversationId}.`;
    throw new LonghandError('not-found', message, { id: leafId, conversationId });
  }

  /**
   * Refuses what is too long: nothing is ever left out to make it fit. While the model is still to come this passes,
   * and the answer finds out.
   * @throws LonghandError `context-length-exceeded` | `no-model` or why there is none
   */
  async checkFits(
    conversationId: string,
    path: PromptMessage[],
    options: { continueFinal?: boolean } = {},
  ): Promise<void> {
    const model = this.#models.current();
    if (model === null) return;
    let count: Awaited<ReturnType<Engine['count']>>;
    try {
      count = await this.#engine.count(this.prompt(conversationId, path, { ...options, model: model.name }));
    } catch (error) {
      if (isEngineLoss(error)) return; // it is being started again, and the answer waits for that
      throw error;
    }
    const { promptTokens, contextTokens } = count;
    if (promptTokens < contextTokens) return;
    const message = `The conversation would be ${promptTokens} tokens long; the model reads ${contextTokens}.`;
    throw new LonghandError('context-length-exceeded', message, { promptTokens, contextTokens });
  }

  /** The size of the prompt that sending `text` would make. @throws LonghandError `no-model`, also while it loads */
  async count({ conversationId = null, parentId, text }: Draft) {
    const model = this.#models.current();
    if (model === null) throw new LonghandError('no-model', 'The model is not loaded yet.');
    const typed: PromptMessage = { role: 'user', text };
    if (conversationId === null) return this.#engine.count(this.prompt(null, [typed], { model: model.name }));
    const parent = parentId === undefined ? (this.#store.conversations.get(conversationId)?.leafId ?? null) : parentId;
    const path = [...this.path(conversationId, parent), typed];
    return this.#engine.count(this.prompt(conversationId, path, { model: model.name }));
  }
}
