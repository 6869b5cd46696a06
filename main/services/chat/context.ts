import { setImmediate } from 'node:timers/promises';
import type { Prompt } from '../../contract/engine.ts';
import type { Sources } from '../../contract/citations.ts';
import type { DocumentInfo, ReadingPlan, ReadingWay } from '../../contract/documents.ts';
import { LonghandError } from '../../contract/errors.ts';
import { isEngineLoss, type Engine } from '../../engine/client.ts';
import { proposedWay, searchTokens, type Ask } from '../ask/ask.ts';
import { languageOf } from '../ask/instruction.ts';
import type { AnsweringModel, Models } from '../models/models.ts';
import type { StoredMessage } from '../store/messages.ts';
import type { Store } from '../store/open.ts';
import { tablesTold } from '../ask/table-text.ts';
import { readSettings } from '../system/settings.ts';
import { tools } from '../tools/index.ts';
import { definitionOf, type Tool } from '../tools/tool.ts';
import { buildPrompt, type PromptMessage } from './prompt.ts';
import { PROBE, Scales, type Count } from './scales.ts';
import { openConversation } from './watch.ts';

/** Messages that are read from the store at once: a few milliseconds of work. */
const PART = { most: 400, characters: 1024 * 1024 };

/** More than that no text has for each of its tokens, taken as a whole; and what an ordinary one has. */
const MOST_CHARACTERS_A_TOKEN = 8;
const CHARACTERS_A_TOKEN = 4;

type Draft = { conversationId?: string | null; parentId?: string | null; text: string };

export type ContextOptions = {
  store: Store;
  engine: Pick<Engine, 'count' | 'countEach'>;
  models: Pick<Models, 'current'>;
  ask: Ask;
};

/** What an answer is computed from, and whether it fits the model. */
export class Context {
  readonly #store: Store;
  readonly #engine: ContextOptions['engine'];
  readonly #models: ContextOptions['models'];
  readonly #ask: Ask;
  readonly #scales: Scales;

  constructor({ store, engine, models, ask }: ContextOptions) {
    this.#store = store;
    this.#engine = engine;
    this.#models = models;
    this.#ask = ask;
    this.#scales = new Scales(engine);
  }

  /** Under the conversation's own system prompt, else that of the settings. */
  prompt(
    conversationId: string | null,
    path: PromptMessage[],
    options: { model: AnsweringModel; continueFinal?: boolean },
  ): Prompt {
    const { model, continueFinal } = options;
    const systemPrompt = this.#systemPrompt(conversationId);
    const knowsTools = model.toolFormat !== null;
    const shown = (message: PromptMessage) => this.#ask.shown(message, knowsTools);
    return buildPrompt(path, {
      ...{ shown, systemPrompt, continueFinal },
      tokenizer: model.tokenizer,
      tools: knowsTools ? this.offered(path, model).map(definitionOf) : null,
    });
  }

  /** What the model may call in the answer at the end of `path`. */
  offered(path: readonly PromptMessage[], { toolFormat }: AnsweringModel): Tool[] {
    if (toolFormat === null) return [];
    const tableDocuments = tablesTold(path);
    return tools.filter((tool) => tool.isOffered({ tableDocuments }));
  }

  /** Something was said, left out or computed: what is known of sizes may be no longer true. */
  changed(): void {
    this.#scales.forget();
  }

  /** An answer that is being written has come so many tokens further. */
  grew(messageId: string, tokens: number): void {
    this.#scales.grew(messageId, tokens);
  }

  /** Refuses what is no message of that conversation. @throws LonghandError `not-found` */
  check(conversationId: string, messageId: string): void {
    if (this.#store.messages.get(messageId)?.conversationId === conversationId) return;
    const message = `There is no message ${messageId} in the conversation ${conversationId}.`;
    throw new LonghandError('not-found', message, { id: messageId, conversationId });
  }

  /**
   * The messages from the root to `leafId`. A path of thousands takes a tenth of a second, so tokens and calls pass
   * between its parts. @throws LonghandError `not-found`
   */
  async path(conversationId: string, leafId: string | null): Promise<StoredMessage[]> {
    if (leafId === null) return [];
    this.check(conversationId, leafId);
    const parts: StoredMessage[][] = [];
    for (let end: string | null = leafId; end !== null;) {
      if (parts.length > 0) await setImmediate();
      const part = this.#store.messages.pathPart(end, PART);
      parts.push(part);
      end = part[0]?.parentId ?? null;
    }
    return parts.reverse().flat();
  }

  /**
   * Refuses what is too long: nothing is ever left out to make it fit, but by the user. While the model is still to come this passes,
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
      count = await this.#engine.count(this.prompt(conversationId, path, { ...options, model }));
    } catch (error) {
      if (isEngineLoss(error)) return; // it is being started again, and the answer waits for that
      throw error;
    }
    const { promptTokens, contextTokens } = count;
    if (promptTokens < contextTokens) return;
    throw tooLong({ promptTokens, contextTokens });
  }

  /** The size of the prompt that sending `text` would make. @throws LonghandError `no-model`, also while it loads */
  async count({ conversationId = null, parentId, text }: Draft): Promise<Count> {
    const model = this.#loaded();
    const leafId = conversationId === null ? null : openConversation(this.#store, conversationId).leafId;
    const parent = parentId === undefined ? leafId : parentId;
    const language = languageOf(text);
    const attached = conversationId === null ? null : this.#store.attachments.of(conversationId);
    const key = JSON.stringify([conversationId, parent, this.#systemPrompt(conversationId), attached, language]);
    const promptWith = async (words: string) => {
      const path = conversationId === null ? [] : await this.path(conversationId, parent);
      const sources = conversationId === null ? null : await this.#sourcesAhead(conversationId, path);
      return this.prompt(conversationId, [...path, { role: 'user', text: words, sources, language }], { model });
    };
    try {
      return await this.#scales.count({ key, endId: parent }, text, promptWith, model);
    } catch (error) {
      if (!(error instanceof LonghandError && error.code === 'context-length-exceeded')) throw error;
      const { promptTokens, contextTokens } = error.details as { promptTokens: number; contextTokens: number };
      return { promptTokens, contextTokens, cachedTokens: 0 };
    }
  }

  /**
   * What comes into the prompt with a question, of the documents of its conversation; null where it has none.
   * @throws LonghandError `document-not-ready` | `no-model`: what fits can't be told
   */
  async sourcesFor(
    conversationId: string,
    path: PromptMessage[],
    { question, signal }: { question: string; signal: AbortSignal },
  ): Promise<Sources | null> {
    const plan = await this.#planOf(conversationId, path);
    if (plan === null) return null;
    const { way, tokens: promptTokens, contextTokens, isCounted } = plan;
    if (!isCounted) throw tooLong({ promptTokens, contextTokens });
    const { attached, knowsTools } = plan;
    return this.#ask.sourcesFor(attached, path, { way, question, contextTokens, knowsTools, signal });
  }

  /**
   * What reading the documents of a conversation takes for its next question, in the way that was chosen for it or else
   * the way that would be; null where it has none. @throws LonghandError `document-not-ready` | `no-model` | `not-found`
   */
  async readingPlan(conversationId: string): Promise<Omit<ReadingPlan, 'seconds' | 'bytes'> | null> {
    const { leafId } = openConversation(this.#store, conversationId);
    const plan = await this.#planOf(conversationId, await this.path(conversationId, leafId));
    if (plan === null) return null;
    const { isCounted: _, knowsTools: __, attached: ___, ...told } = plan;
    return told;
  }

  /** What a document takes that is read before anybody asks about it. @throws LonghandError `no-model` | `not-found` */
  async countDocument({ id, characters }: Pick<DocumentInfo, 'id' | 'characters'>): Promise<Count> {
    const model = this.#loaded();
    const { isLong, guess } = guessOf(characters, model);
    return isLong ? guess : this.#engine.count(await this.documentPrompt(id, model));
  }

  /** What every conversation that begins with the document has in common. @throws LonghandError `not-found` */
  async documentPrompt(documentId: string, model: AnsweringModel): Promise<Prompt> {
    const sources = await this.#ask.documentAhead(documentId, { knowsTools: model.toolFormat !== null });
    return this.prompt(null, [{ role: 'user', text: PROBE, sources }], { model });
  }

  async #planOf(conversationId: string, path: PromptMessage[]) {
    const { documents, collections, way: chosen } = this.#store.attachments.of(conversationId);
    if (documents.length + collections.length === 0) return null;
    const model = this.#loaded();
    const knowsTools = model.toolFormat !== null;
    const attached = this.#ask.attachedTo(conversationId);
    const countWith = async (way: ReadingWay) => {
      const sources = await this.#ask.ahead(attached, path, { way, knowsTools });
      return this.#engine.count(
        this.prompt(conversationId, [...path, { role: 'user', text: PROBE, sources }], { model }),
      );
    };
    const { isLong, guess } = guessOf(this.#ask.charactersAhead(attached, path), model);
    const whole = isLong ? guess : await countWith('whole');
    const proposed = proposedWay({ tokens: whole.promptTokens, contextTokens: whole.contextTokens });
    const way = chosen ?? proposed;
    const count = way === 'whole' ? whole : await countWith(way);
    const tokens = count.promptTokens + (way === 'whole' ? 0 : searchTokens(count.contextTokens));
    const { cachedTokens, contextTokens } = count;
    const isCounted = !(isLong && way === 'whole');
    const fits = tokens < contextTokens;
    return { way, proposed, tokens, cachedTokens, contextTokens, fits, isCounted, knowsTools, attached };
  }

  /** As far as it is known before the question is asked: whole documents, while they can be read and would be. */
  async #sourcesAhead(conversationId: string, path: PromptMessage[]): Promise<Sources | null> {
    try {
      const plan = await this.#planOf(conversationId, path);
      if (plan === null) return null;
      const { way, tokens: promptTokens, contextTokens, isCounted, knowsTools, attached } = plan;
      if (!isCounted) throw tooLong({ promptTokens, contextTokens });
      return await this.#ask.ahead(attached, path, { way, knowsTools });
    } catch (error) {
      if (error instanceof LonghandError && error.code === 'document-not-ready') return null;
      throw error;
    }
  }

  /** What each message on the shown path takes of the context. @throws LonghandError `no-model` | `not-found` */
  async weigh(conversationId: string): Promise<{ messageId: string; tokens: number }[]> {
    const { leafId } = openConversation(this.#store, conversationId);
    const model = this.#loaded();
    const path = await this.path(conversationId, leafId);
    const knowsTools = model.toolFormat !== null;
    return this.#scales.weigh(
      path.map((message) => {
        const text = this.#ask.shown(message, knowsTools);
        if (!knowsTools || message.calls.length === 0) return { ...message, text };
        // What it called, and was told, stands in the prompt too, and most of that was not generated.
        const calls = message.calls.map(({ written, response }) => `${written}\n${response ?? ''}`);
        return { ...message, text: [...calls, text].join('\n'), tokens: null };
      }),
      model,
    );
  }

  #loaded(): AnsweringModel {
    const model = this.#models.current();
    if (model === null) throw new LonghandError('no-model', 'The model is not loaded yet.');
    return model;
  }

  #systemPrompt(conversationId: string | null): string | null {
    const own = conversationId === null ? null : (this.#store.conversations.get(conversationId)?.systemPrompt ?? null);
    return own ?? readSettings(this.#store).systemPrompt;
  }
}

/** What can't fit anyway is not put into words only to be counted: a shelf may be a hundred times a context. */
function guessOf(characters: number, { contextTokens }: AnsweringModel): { isLong: boolean; guess: Count } {
  const promptTokens = Math.ceil(characters / CHARACTERS_A_TOKEN);
  return {
    isLong: characters > contextTokens * MOST_CHARACTERS_A_TOKEN,
    guess: { promptTokens, contextTokens, cachedTokens: 0 },
  };
}

function tooLong(counts: { promptTokens: number; contextTokens: number }): LonghandError {
  const { promptTokens, contextTokens } = counts;
  const message = `The conversation would be ${promptTokens} tokens long; the model reads ${contextTokens}.`;
  return new LonghandError('context-length-exceeded', message, counts);
}
