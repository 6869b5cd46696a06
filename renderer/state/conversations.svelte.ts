import type { Conversation, Folder, ListEvent } from '../../main/contract/chat.ts';
import type { Connection } from '../app/connection.ts';
import { ConversationStack } from './conversation-stack.svelte.ts';
import { rowsOf, type Row } from './list-rows.ts';

const UNDO_MS = 10_000;
const EXPANDED = 'expanded-folders';

/** The list at the side: the pinned, the folders, and the rest. The store in the assistant process holds the truth. */
export class Conversations {
  folders = $state.raw<Folder[]>([]);
  /** The last one deleted, for the ten seconds in which that can be undone. */
  removed = $state.raw<Conversation | null>(null);
  readonly pinned: ConversationStack;
  readonly loose: ConversationStack;
  #inFolder = $state.raw<ReadonlyMap<string, ConversationStack>>(new Map());
  #expanded = $state.raw<ReadonlySet<string>>(new Set());
  readonly loaded: boolean;
  readonly rows: Row[];
  #undoTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #connection: Connection;
  readonly #storage: Storage;

  constructor(connection: Connection, storage: Storage) {
    this.#connection = connection;
    this.#storage = storage;
    this.pinned = this.#stack({ pinned: true });
    this.loose = this.#stack({ pinned: false, folderId: null });
    this.#expanded = new Set((storage.getItem(EXPANDED) ?? '').split(' ').filter((id) => id !== ''));
    this.loaded = $derived(this.loose.loaded);
    this.rows = $derived(
      rowsOf({
        pinned: this.pinned,
        loose: this.loose,
        folders: this.folders.map((folder) => ({ folder, stack: this.#expandedStack(folder.id) })),
        nowMs: Date.now(),
      }),
    );
  }

  /**
   * Follows what any client does to the list, until `signal` aborts. The folders come first, and again whenever changes
   * were missed: `reread` is called then, for a `refresh` that starts only once every later change will be heard of.
   */
  watch(signal: AbortSignal, reread: () => void): Promise<void> {
    return this.#connection.follow(
      (client, options) => client.chat.watchList(undefined, options),
      (event) => {
        this.apply(event);
        if (event.type === 'folders') reread();
      },
      signal,
    );
  }

  async refresh(): Promise<void> {
    await Promise.all(this.#stacks().map((stack) => stack.refresh()));
  }

  apply(event: ListEvent): void {
    if (event.type === 'conversation') this.put(event.conversation);
    else if (event.type === 'removed') for (const stack of this.#stacks()) stack.drop(event.id);
    else this.#takeFolders(event.folders);
  }

  /** Takes a conversation as the assistant reported it: new, renamed, moved, or brought up by a message. */
  put(conversation: Conversation): void {
    const home = this.#home(conversation);
    for (const stack of this.#stacks()) if (stack !== home) stack.drop(conversation.id);
    home?.put(conversation);
  }

  find(id: string): Conversation | null {
    for (const stack of this.#stacks()) {
      const found = stack.items.find((item) => item.id === id);
      if (found) return found;
    }
    return null;
  }

  async rename(id: string, title: string): Promise<void> {
    if (title.trim() !== '') this.put(await this.#call((client) => client.chat.rename({ id, title })));
  }

  async pin(id: string, pinned: boolean): Promise<void> {
    this.put(await this.#call((client) => client.chat.pin({ id, pinned })));
  }

  async move(id: string, folderId: string | null): Promise<void> {
    this.put(await this.#call((client) => client.chat.move({ id, folderId })));
  }

  async remove(conversation: Conversation): Promise<void> {
    await this.#call((client) => client.chat.remove({ id: conversation.id }));
    this.apply({ type: 'removed', id: conversation.id });
    this.removed = conversation;
    clearTimeout(this.#undoTimer);
    this.#undoTimer = setTimeout(() => (this.removed = null), UNDO_MS);
  }

  /** Brings the last deleted conversation back. Returns its id. */
  undo = async () => {
    const { removed } = this;
    if (removed === null) return null;
    this.put(await this.#call((client) => client.chat.restore({ id: removed.id })));
    this.forget();
    return removed.id;
  };

  /** Ends the time for undoing: the bin is where the conversation is found from now on. */
  forget = () => {
    clearTimeout(this.#undoTimer);
    this.removed = null;
  };

  async createFolder(name: string): Promise<Folder> {
    const folder = await this.#call((client) => client.chat.createFolder({ name }));
    if (!this.folders.some(({ id }) => id === folder.id)) this.#takeFolders([...this.folders, folder]);
    return folder;
  }

  async renameFolder(id: string, name: string): Promise<void> {
    if (name.trim() === '') return;
    const folder = await this.#call((client) => client.chat.renameFolder({ id, name }));
    this.#takeFolders(this.folders.map((one) => (one.id === id ? folder : one)));
  }

  async removeFolder(id: string): Promise<void> {
    await this.#call((client) => client.chat.removeFolder({ id }));
    this.#takeFolders(this.folders.filter((one) => one.id !== id));
    await this.refresh(); // what was in it stands among the rest now
  }

  isExpanded(folderId: string): boolean {
    return this.#expanded.has(folderId);
  }

  /** Opens or shuts a folder; what it holds is read when it is opened. */
  async expand(folderId: string, expanded: boolean): Promise<void> {
    const others = [...this.#expanded].filter((id) => id !== folderId);
    this.#expanded = new Set(expanded ? [...others, folderId] : others);
    this.#storage.setItem(EXPANDED, [...this.#expanded].join(' '));
    if (expanded) await this.#expandedStack(folderId)?.refresh();
  }

  #call: Connection['call'] = (run) => this.#connection.call(run);

  #stack(filter: { pinned?: boolean; folderId?: string | null }): ConversationStack {
    return new ConversationStack((page) => this.#call((client) => client.chat.conversations({ ...page, ...filter })));
  }

  #stacks(): ConversationStack[] {
    const open = this.folders.map(({ id }) => this.#expandedStack(id)).filter((stack) => stack !== null);
    return [this.pinned, this.loose, ...open];
  }

  #expandedStack(folderId: string): ConversationStack | null {
    return this.#expanded.has(folderId) ? (this.#inFolder.get(folderId) ?? null) : null;
  }

  /** Where a conversation stands; null: in a folder that is shut. What is pinned stands at the top alone. */
  #home({ pinned, folderId }: Conversation): ConversationStack | null {
    if (pinned) return this.pinned;
    return folderId === null ? this.loose : this.#expandedStack(folderId);
  }

  #takeFolders(folders: Folder[]): void {
    this.folders = folders.toSorted((a, b) => a.name.localeCompare(b.name));
    this.#inFolder = new Map(
      folders.map(({ id }) => [id, this.#inFolder.get(id) ?? this.#stack({ pinned: false, folderId: id })]),
    );
    for (const { id } of folders) {
      const stack = this.#expandedStack(id);
      if (stack?.loaded === false) stack.refresh().catch(() => {}); // a line that is down is said elsewhere
    }
  }
}
