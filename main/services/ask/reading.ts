import { setImmediate } from 'node:timers/promises';
import type { Collection } from '../../contract/collections.ts';
import type { DocumentPrice, ReadingPlan, ReadingWay } from '../../contract/documents.ts';
import { LonghandError, type ErrorCode } from '../../contract/errors.ts';
import type { Job } from '../../contract/jobs.ts';
import type { ReadingPrice } from '../../contract/models.ts';
import { conversationOwner, documentOwner } from '../../contract/owner.ts';
import type { Context } from '../chat/context.ts';
import type { Turns } from '../chat/turn.ts';
import type { ConversationWatch } from '../chat/watch.ts';
import type { Prefiller, PrefillSource } from '../prefill/prefiller.ts';
import type { Store } from '../store/open.ts';
import type { Snapshots } from '../system/snapshots.ts';
import type { Ask } from './ask.ts';
import type { Reports } from './reports.ts';

export type DocumentReadingOptions = {
  store: Store;
  context: Context;
  ask: Ask;
  /** What the model that answers takes for the end of a prompt; null while nothing is known of the machine. */
  price(range: { promptTokens: number; cachedTokens: number }): Promise<ReadingPrice | null>;
  prefiller: Pick<Prefiller, 'start' | 'stop'>;
  turns: Pick<Turns, 'stopConversation'>;
  reports: Pick<Reports, 'stop'>;
  watch: Pick<ConversationWatch, 'refresh'>;
  snapshots: Pick<Snapshots, 'forget'>;
};

/** Why something can't be counted yet. */
const NOT_YET: readonly ErrorCode[] = ['document-not-ready', 'no-model', 'engine-stopped'];

/** Which documents conversations read, what that takes, and what the engine keeps of it. */
export class DocumentReading {
  readonly #options: DocumentReadingOptions;

  constructor(options: DocumentReadingOptions) {
    this.#options = options;
  }

  /** From its next message on a conversation has exactly these documents and collections. @throws LonghandError `not-found` */
  async attach(
    conversationId: string,
    chosen: { documentIds: readonly string[]; collections: readonly Collection[] },
    way: ReadingWay | null,
  ): Promise<ReadingPlan | null> {
    this.#options.store.attachments.set(conversationId, chosen, way);
    return this.#plan(conversationId);
  }

  async attached(conversationId: string) {
    const { documents, collections, way } = this.#options.store.attachments.of(conversationId);
    const documentIds = documents.map(({ documentId }) => documentId);
    return { documentIds, collections, way, plan: await this.#plan(conversationId) };
  }

  /** What `start` would take; null while that can't be told. @throws LonghandError `not-found` */
  async price(documentId: string): Promise<DocumentPrice | null> {
    const { store, context } = this.#options;
    const document = store.documents.known(documentId);
    if (document.state !== 'parsed') return null;
    try {
      const { promptTokens: tokens, cachedTokens, contextTokens } = await context.countDocument(document);
      const fits = tokens < contextTokens;
      const price = fits ? await this.#priceOf({ tokens, cachedTokens }) : { seconds: null, bytes: null };
      return { tokens, cachedTokens, contextTokens, fits, ...price };
    } catch (error) {
      if (error instanceof LonghandError && NOT_YET.includes(error.code)) return null;
      throw error;
    }
  }

  /** Reads a document for the model that answers, as a job. @throws LonghandError `not-found` | `no-model` */
  start(documentId: string): Job {
    return this.#options.prefiller.start(documentOwner.of(documentId));
  }

  /** A document was read: what is known of the conversations that have it is no longer true. */
  changed(): void {
    this.#options.ask.forget();
    this.#options.context.changed();
  }

  /**
   * Ends what is done with a document, removes it by `remove` if it `isStill` to go then, and what was computed of its words.
   * `remove` returns whether it did.
   */
  async removed(documentId: string, remove: () => Promise<boolean>, isStill = () => true): Promise<void> {
    const { store, prefiller, reports, watch, snapshots } = this.#options;
    const attached = store.attachments.conversationsOf(documentId);
    await Promise.all([
      prefiller.stop(documentOwner.of(documentId)),
      reports.stop(documentId),
      ...attached.map((id) => this.#stop(id)),
    ]);
    if (!isStill()) return;
    // Words of it may also stand in conversations that it was taken out of since.
    const read = await this.#forgetWords(documentId);
    const others = read.filter((id) => !attached.includes(id));
    await Promise.all(others.map((id) => this.#stop(id)));
    if (others.length > 0) await this.#forgetWords(documentId); // an answer that has just ended cites it, perhaps
    if (!(await remove())) return;
    this.changed();
    for (const id of read) watch.refresh(id);
    await snapshots.forget([documentOwner.of(documentId), ...[...attached, ...others].map(conversationOwner.of)]);
  }

  /** Ends what is computed for a conversation. */
  async #stop(conversationId: string): Promise<void> {
    const { prefiller, turns } = this.#options;
    await Promise.all([prefiller.stop(conversationOwner.of(conversationId)), turns.stopConversation(conversationId)]);
  }

  /** Before the document goes, so that no kill can leave its words behind. @returns the conversations that have read it */
  async #forgetWords(documentId: string): Promise<string[]> {
    const { citations } = this.#options.store;
    const found = new Set<string>();
    for (let after: string | null = ''; after !== null;) {
      const { conversationIds, next }: ReturnType<typeof citations.forgetWords> = citations.forgetWords(
        documentId,
        after,
      );
      for (const id of conversationIds) found.add(id);
      after = next;
      await setImmediate();
    }
    return [...found];
  }

  /** Null while documents are still read, or no model can count them. */
  async #plan(conversationId: string): Promise<ReadingPlan | null> {
    const { context } = this.#options;
    try {
      const plan = await context.readingPlan(conversationId);
      if (plan === null) return null;
      return { ...plan, ...(await this.#priceOf(plan)) };
    } catch (error) {
      if (error instanceof LonghandError && NOT_YET.includes(error.code)) return null;
      throw error;
    }
  }

  async #priceOf({ tokens: promptTokens, cachedTokens }: Pick<ReadingPlan, 'tokens' | 'cachedTokens'>) {
    const found = await this.#options.price({ promptTokens, cachedTokens });
    return { seconds: found?.seconds ?? null, bytes: found?.kvBytes ?? null };
  }
}

/** Documents as something to be read before anybody asks about them: where a conversation begins with one. */
export function documentsAhead({ store, context }: { store: Store; context: Context }): PrefillSource {
  return {
    noun: 'a document',
    check: (id) => void store.documents.known(id),
    prompt: (id, model) => context.documentPrompt(id, model),
    changed: () => context.changed(),
  };
}
