import type { ReadingPlan, ReadingWay } from '../../contract/documents.ts';
import { LonghandError, type ErrorCode } from '../../contract/errors.ts';
import type { Job } from '../../contract/jobs.ts';
import type { ReadingPrice } from '../../contract/models.ts';
import { conversationOwner, documentOwner } from '../../contract/owner.ts';
import type { Context } from '../chat/context.ts';
import type { Turns } from '../chat/turn.ts';
import { PROBE } from '../chat/scales.ts';
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

  /** From its next message on a conversation has exactly these documents. @throws LonghandError `not-found` */
  async attach(
    conversationId: string,
    documentIds: readonly string[],
    way: ReadingWay | null,
  ): Promise<ReadingPlan | null> {
    this.#options.store.attachments.set(conversationId, documentIds, way);
    return this.#plan(conversationId);
  }

  async attached(conversationId: string) {
    const { documents, way } = this.#options.store.attachments.of(conversationId);
    const documentIds = documents.map(({ documentId }) => documentId);
    return { documentIds, way, plan: await this.#plan(conversationId) };
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

  /** Ends what is done with a document, removes it by `remove`, and then what was computed of its words. */
  async removed(documentId: string, remove: () => Promise<void>): Promise<void> {
    const { store, prefiller, turns, reports, snapshots } = this.#options;
    const conversations = store.attachments.conversationsOf(documentId);
    const owners = [documentOwner.of(documentId), ...conversations.map(conversationOwner.of)];
    const stopped = [
      ...owners.map((owner) => prefiller.stop(owner)),
      ...conversations.map((id) => turns.stopConversation(id)),
    ];
    await Promise.all([...stopped, reports.stop(documentId)]);
    await remove();
    this.changed();
    await snapshots.forget(owners);
  }

  /** Null while documents are still read, or no model can count them. */
  async #plan(conversationId: string): Promise<ReadingPlan | null> {
    const { context, price } = this.#options;
    try {
      const plan = await context.readingPlan(conversationId);
      if (plan === null) return null;
      const { tokens: promptTokens, cachedTokens } = plan;
      return { ...plan, seconds: (await price({ promptTokens, cachedTokens }))?.seconds ?? null };
    } catch (error) {
      if (error instanceof LonghandError && NOT_YET.includes(error.code)) return null;
      throw error;
    }
  }
}

/** Documents as something to be read before anybody asks about them: where a conversation begins with one. */
export function documentsAhead({
  store,
  context,
  ask,
}: Pick<DocumentReadingOptions, 'store' | 'context' | 'ask'>): PrefillSource {
  return {
    noun: 'a document',
    check: (id) => void store.documents.known(id),
    prompt: async (id, model) => {
      const sources = await ask.documentAhead(id, { knowsTools: model.toolFormat !== null });
      return context.prompt(null, [{ role: 'user', text: PROBE, sources }], { model });
    },
    changed: () => context.changed(),
  };
}
