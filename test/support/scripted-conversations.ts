import { randomUUID } from 'node:crypto';
import type {
  Binned,
  Conversation,
  ConversationEvent,
  Folder,
  ListEvent,
  Message,
  SearchHit,
} from '../../main/contract/chat.ts';
import { LonghandError } from '../../main/contract/errors.ts';
import { Feed } from '../../main/services/events/feed.ts';
import { smolModel, tokens } from './scripted-data.ts';

/** Messages that come with a snapshot, and with each part above it. */
const NEWEST = 40;
const PART = 400;

type Page<Item> = { items: Item[]; next: string | null };
type PageWish = { limit: number; before?: string | null | undefined };
type ListWish = PageWish & { folderId?: string | null | undefined; pinned?: boolean | undefined };

/** Conversations in memory, with trees, folders, a bin and watchers as the product has them. */
export class ScriptedConversations {
  readonly #conversations = new Map<string, Conversation>();
  readonly #binned = new Map<string, Binned>();
  readonly #folders = new Map<string, Folder>();
  readonly #messages = new Map<string, Message>();
  /** Ids below each message, and below `root <conversation>`, oldest first. */
  readonly #children = new Map<string, string[]>();
  readonly #feeds = new Map<string, Feed<ConversationEvent>>();
  readonly #list = new Feed<ListEvent>();
  /** What is above the newest messages of a conversation is told only once this has settled. */
  olderAfter: Promise<void> = Promise.resolve();

  create(title: string, { systemPrompt = null as string | null, ms = Date.now() } = {}): Conversation {
    const unset = { sampling: null, leafId: null, folderId: null, pinned: false };
    const conversation = { id: randomUUID(), title, systemPrompt, ...unset, createdMs: ms, updatedMs: ms };
    this.#put(conversation);
    return conversation;
  }

  get(id: string): Conversation {
    const conversation = this.#conversations.get(id);
    if (!conversation) throw new LonghandError('not-found', 'No such conversation.', { id });
    return conversation;
  }

  change(id: string, change: Partial<Conversation>): Conversation {
    if (change.folderId) this.#folder(change.folderId);
    const conversation = { ...this.get(id), ...change };
    this.#put(conversation);
    return conversation;
  }

  list({ folderId, pinned, ...wish }: ListWish): Page<Conversation> {
    const items = [...this.#conversations.values()]
      .filter((one) => folderId === undefined || one.folderId === folderId)
      .filter((one) => pinned === undefined || one.pinned === pinned)
      .sort((a, b) => b.updatedMs - a.updatedMs);
    return pageOf(items, wish);
  }

  remove(id: string): void {
    this.#binned.set(id, { ...this.get(id), deletedMs: Date.now() });
    this.#conversations.delete(id);
    this.#list.publish({ type: 'removed', id });
  }

  restore(id: string): Conversation {
    const binned = this.#binned.get(id);
    if (!binned) throw new LonghandError('not-found', 'No such conversation.', { id });
    this.#binned.delete(id);
    const { deletedMs: _deleted, ...conversation } = binned;
    this.#put(conversation);
    return conversation;
  }

  bin(wish: PageWish): Page<Binned> {
    return pageOf([...this.#binned.values()].reverse(), wish);
  }

  purge(id?: string): number {
    const ids = id === undefined ? [...this.#binned.keys()] : [id];
    if (id !== undefined && !this.#binned.has(id)) throw new LonghandError('not-found', 'Not in the bin.', { id });
    for (const one of ids) this.#binned.delete(one);
    return ids.length;
  }

  createFolder(name: string): Folder {
    const folder = { id: randomUUID(), name, createdMs: Date.now() };
    this.#folders.set(folder.id, folder);
    this.#list.publish(this.#allFolders());
    return folder;
  }

  renameFolder(id: string, name: string): Folder {
    const folder = { ...this.#folder(id), name };
    this.#folders.set(id, folder);
    this.#list.publish(this.#allFolders());
    return folder;
  }

  removeFolder(id: string): void {
    this.#folder(id);
    this.#folders.delete(id);
    this.#list.publish(this.#allFolders());
    for (const one of this.#conversations.values()) if (one.folderId === id) this.#put({ ...one, folderId: null });
  }

  /** Adds a message below `parentId`, which makes it the end of the shown path. Left out: below the last one. */
  add(conversationId: string, values: Pick<Message, 'role' | 'text' | 'state'>, parentId?: string | null): Message {
    const conversation = this.get(conversationId);
    const ms = Date.now();
    const isAnswer = values.role === 'assistant';
    const message: Message = {
      ...values,
      id: randomUUID(),
      conversationId,
      parentId: parentId === undefined ? conversation.leafId : parentId,
      model: isAnswer ? smolModel.name : null,
      finishReason: isAnswer && values.state === 'complete' ? 'stop' : null,
      metrics: null,
      sampling: null,
      error: null,
      siblings: [],
      leftOut: false,
      omitted: 0,
      sources: null,
      calls: [],
      createdMs: ms,
      updatedMs: ms,
    };
    this.#messages.set(message.id, message);
    this.#childrenOf(message).push(message.id);
    this.#conversations.set(conversationId, { ...conversation, leafId: message.id });
    return message;
  }

  message(id: string): Message {
    const message = this.#messages.get(id);
    if (!message) throw new LonghandError('not-found', 'No such message.', { id });
    return message;
  }

  /** A message as clients get it: a copy, with its siblings. */
  shown(id: string): Message {
    const message = this.message(id);
    const siblings = this.#childrenOf(message);
    return { ...message, siblings: siblings.length > 1 ? [...siblings] : [] };
  }

  changeMessage(id: string, change: Partial<Message>): void {
    const { conversationId } = Object.assign(this.message(id), change, { updatedMs: Date.now() });
    this.tell(conversationId, { type: 'message', message: this.shown(id) });
  }

  path(conversationId: string, leafId = this.get(conversationId).leafId): Message[] {
    const path: Message[] = [];
    for (let id = leafId; id !== null; id = this.message(id).parentId) path.push(this.shown(id));
    return path.reverse();
  }

  /** Shows the newest branch through a message. */
  choose(conversationId: string, messageId: string): Conversation {
    let leafId = messageId;
    for (let next: string | undefined = this.message(messageId).id; next; next = this.#children.get(next)?.at(-1)) {
      leafId = next;
    }
    const conversation = this.change(conversationId, { leafId });
    this.#feeds.get(conversationId)?.refresh();
    return conversation;
  }

  branch(messageId: string): Conversation {
    const { conversationId } = this.message(messageId);
    const { title, systemPrompt, sampling, folderId } = this.get(conversationId);
    const { id } = this.create(title, { systemPrompt });
    for (const { id: _id, conversationId: _from, parentId: _parent, ...message } of this.path(
      conversationId,
      messageId,
    )) {
      const { id: copyId, parentId } = this.add(id, message);
      Object.assign(this.message(copyId), message, { parentId });
    }
    return this.change(id, { sampling, folderId });
  }

  leaveOut(conversationId: string, messageIds: string[], leftOut: boolean): void {
    for (const id of messageIds) {
      if (this.message(id).conversationId !== conversationId)
        throw new LonghandError('not-found', 'Elsewhere.', { id });
    }
    for (const id of messageIds) this.changeMessage(id, { leftOut });
  }

  /** Four characters a token and eight around each message, of what the model reads. */
  promptTokens(conversationId: string, leafId?: string | null): number {
    const read = this.path(conversationId, leafId).filter((message) => !message.leftOut);
    return read.reduce((sum, message) => sum + tokens(message.text) + 8, 0);
  }

  export(id: string, format: 'markdown' | 'json'): { fileName: string; text: string } {
    const conversation = this.get(id);
    const name = conversation.title || 'Conversation';
    if (format === 'json') {
      const messages = [...this.#messages.values()].filter((message) => message.conversationId === id);
      return { fileName: `${name}.json`, text: JSON.stringify({ conversation, messages }, null, 2) };
    }
    const parts = this.path(id).map(({ role, text }) => `## ${role}\n\n${text}`);
    return { fileName: `${name}.md`, text: [`# ${name}`, ...parts, ''].join('\n\n') };
  }

  search(query: string): SearchHit[] {
    const wanted = query.toLowerCase();
    return [...this.#messages.values()].flatMap((message) => {
      const at = message.text.toLowerCase().indexOf(wanted);
      const conversation = this.#conversations.get(message.conversationId);
      if (at === -1 || !conversation) return [];
      const from = Math.max(0, at - 30);
      const { id: messageId, conversationId } = message;
      const marks: [number, number][] = [[at - from, at - from + query.length]];
      const snippet = message.text.slice(from, at + 60);
      return [{ conversationId, messageId, title: conversation.title, snippet, marks, updatedMs: message.updatedMs }];
    });
  }

  tell(conversationId: string, event: ConversationEvent): void {
    this.#feeds.get(conversationId)?.publish(structuredClone(event));
  }

  async *watch(id: string, signal: AbortSignal | undefined): AsyncGenerator<ConversationEvent, void> {
    const feed = this.#feeds.get(id) ?? new Feed<ConversationEvent>();
    this.#feeds.set(id, feed);
    for await (const event of feed.watch(() => this.#snapshot(id), signal)) {
      if (event.type === 'older') await this.olderAfter;
      yield event;
    }
  }

  *#snapshot(id: string): Generator<ConversationEvent, void> {
    const path = this.path(id);
    let from = Math.max(0, path.length - NEWEST);
    yield { type: 'snapshot', conversation: this.get(id), messages: path.slice(from), hasOlder: from > 0 };
    while (from > 0) {
      const end = from;
      from = Math.max(0, end - PART);
      yield { type: 'older', messages: path.slice(from, end), hasOlder: from > 0 };
    }
  }

  watchList(signal: AbortSignal | undefined): AsyncGenerator<ListEvent, void> {
    return this.#list.watch(() => [this.#allFolders()], signal);
  }

  #put(conversation: Conversation): void {
    this.#conversations.set(conversation.id, conversation);
    this.tell(conversation.id, { type: 'conversation', conversation });
    this.#list.publish({ type: 'conversation', conversation });
  }

  #folder(id: string): Folder {
    const folder = this.#folders.get(id);
    if (!folder) throw new LonghandError('not-found', 'No such folder.', { id });
    return folder;
  }

  #allFolders(): ListEvent {
    return { type: 'folders', folders: [...this.#folders.values()] };
  }

  #childrenOf({ conversationId, parentId }: Message): string[] {
    const parent = parentId ?? `root ${conversationId}`;
    const children = this.#children.get(parent) ?? [];
    this.#children.set(parent, children);
    return children;
  }
}

function pageOf<Item extends { id: string }>(items: Item[], { limit, before }: PageWish): Page<Item> {
  const from = before ? items.findIndex(({ id }) => id === before) + 1 : 0;
  const shown = items.slice(from, from + limit);
  return { items: shown, next: from + limit < items.length ? (shown.at(-1)?.id ?? null) : null };
}
