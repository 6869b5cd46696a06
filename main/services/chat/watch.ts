import type { Conversation, ConversationEvent, Message } from '../../contract/chat.ts';
import { LonghandError } from '../../contract/errors.ts';
import { Feed } from '../events/feed.ts';
import type { StoredConversation } from '../store/conversations.ts';
import type { StoredMessage } from '../store/messages.ts';
import type { Store } from '../store/open.ts';

/**
 * Who looks at which conversation. Answers are computed without regard to it: a page that was reloaded watches again and
 * gets the text so far, then every token after it.
 */
export class ConversationWatch {
  readonly #store: Store;
  readonly #feeds = new Map<string, Feed<ConversationEvent>>();

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

  /** The shown path has changed: watchers get it whole. */
  refresh(conversationId: string): void {
    this.#feeds.get(conversationId)?.refresh();
  }

  /** @throws LonghandError `not-found` */
  async *watch(id: string, signal?: AbortSignal): AsyncGenerator<ConversationEvent, void> {
    const feed = this.#feeds.get(id) ?? new Feed<ConversationEvent>();
    this.#feeds.set(id, feed);
    try {
      yield* feed.watch(() => [this.#snapshot(id)], signal);
    } finally {
      if (feed.watcherCount === 0 && this.#feeds.get(id) === feed) this.#feeds.delete(id);
    }
  }

  #snapshot(id: string): ConversationEvent {
    const conversation = openConversation(this.#store, id);
    const messages = conversation.leafId === null ? [] : this.#store.messages.path(conversation.leafId);
    return { type: 'snapshot', conversation: showConversation(conversation), messages: messages.map(showMessage) };
  }
}

/** @throws LonghandError `not-found`, also for one in the bin */
export function openConversation(store: Store, id: string): StoredConversation {
  const conversation = store.conversations.get(id);
  if (conversation !== null && conversation.deletedMs === null) return conversation;
  const message = conversation === null ? `There is no conversation ${id}.` : `The conversation ${id} is in the bin.`;
  throw new LonghandError('not-found', message, { id });
}

export function showMessage({ tokens: _tokens, ...message }: StoredMessage): Message {
  return message;
}

export function showConversation({
  titleSource: _source,
  deletedMs: _deleted,
  ...shown
}: StoredConversation): Conversation {
  return shown;
}
