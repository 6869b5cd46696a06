import type { Binned, Conversation, ConversationEvent, ListEvent, Message } from '../../contract/chat.ts';
import { LonghandError } from '../../contract/errors.ts';
import { Feed } from '../events/feed.ts';
import type { StoredConversation } from '../store/conversations.ts';
import type { StoredMessage } from '../store/messages.ts';
import type { Store } from '../store/open.ts';

/** What is on the screen when a conversation is opened, and some more. */
const NEWEST = 40;
/** The rest comes in parts that the store reads, and a page takes in, within a few milliseconds. */
const PART = { most: 400, characters: 256 * 1024 };

/**
 * Who looks at which conversation. Answers are computed without regard to it: a page that was reloaded watches again and
 * gets the text so far, then every token after it.
 */
export class ConversationWatch {
  readonly #store: Store;
  readonly #feeds = new Map<string, Feed<ConversationEvent>>();
  readonly #list = new Feed<ListEvent>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** How many conversations have watchers. */
  get size(): number {
    return this.#feeds.size;
  }

  publish(conversationId: string, event: ConversationEvent): void {
    this.#feeds.get(conversationId)?.publish(event);
  }

  /** The conversation itself has changed: its watchers hear of it, and those of the list. */
  changed(stored: StoredConversation): Conversation {
    const conversation = showConversation(stored);
    this.publish(stored.id, { type: 'conversation', conversation });
    this.#list.publish({ type: 'conversation', conversation });
    return conversation;
  }

  /** It went into the bin, or for good. */
  removed(id: string): void {
    this.#list.publish({ type: 'removed', id });
  }

  foldersChanged(): void {
    this.#list.publish(this.#folders());
  }

  /** The folders, then every change of a conversation. Whoever fell far behind gets the folders again. */
  watchList(signal?: AbortSignal): AsyncGenerator<ListEvent, void> {
    return this.#list.watch(() => [this.#folders()], signal);
  }

  /** The shown path has changed: watchers get it whole. */
  refresh(conversationId: string): void {
    this.#feeds.get(conversationId)?.refresh();
  }

  /** @throws LonghandError `not-found` */
  async *watch(id: string, signal?: AbortSignal): AsyncGenerator<ConversationEvent, void> {
    const feed = this.#feeds.get(id) ?? new Feed<ConversationEvent>(isOfTheNewest);
    this.#feeds.set(id, feed);
    try {
      yield* feed.watch(() => this.#snapshot(id), signal);
    } finally {
      if (feed.watcherCount === 0 && this.#feeds.get(id) === feed) this.#feeds.delete(id);
    }
  }

  #folders(): ListEvent {
    return { type: 'folders', folders: this.#store.folders.list() };
  }

  *#snapshot(id: string): Generator<ConversationEvent, void> {
    const conversation = openConversation(this.#store, id);
    const newest = this.#part(conversation.leafId, { ...PART, most: NEWEST });
    yield { type: 'snapshot', conversation: showConversation(conversation), ...newest.event };
    for (let { above } = newest; above !== null;) {
      const part = this.#part(above, PART);
      yield { type: 'older', ...part.event };
      above = part.above;
    }
  }

  #part(endId: string | null, size: typeof PART) {
    const stored = endId === null ? [] : this.#store.messages.pathPart(endId, size);
    const above = stored[0]?.parentId ?? null;
    return { above, event: { messages: stored.map(showMessage), hasOlder: above !== null } };
  }
}

/** An answer that is being written is the last message of the path. */
function isOfTheNewest({ type }: ConversationEvent): boolean {
  return type === 'delta' || type === 'progress';
}

/** @throws LonghandError `not-found`, also for one in the bin */
export function openConversation(store: Store, id: string): StoredConversation {
  const conversation = store.conversations.get(id);
  if (conversation !== null && conversation.deletedMs === null) return conversation;
  const message = conversation === null ? `There is no conversation ${id}.` : `The conversation ${id} is in the bin.`;
  throw new LonghandError('not-found', message, { id });
}

export function showMessage({ tokens: _tokens, tokenizer: _tokenizer, ...message }: StoredMessage): Message {
  return message;
}

export function showConversation({
  titleSource: _source,
  deletedMs: _deleted,
  ...shown
}: StoredConversation): Conversation {
  return shown;
}

/** @throws Error for one that is not in the bin */
export function showBinned({ titleSource: _source, deletedMs, ...shown }: StoredConversation): Binned {
  if (deletedMs === null) throw new Error(`the conversation ${shown.id} is not in the bin`);
  return { ...shown, deletedMs };
}
