import { toStoredError } from '../../main/contract/errors.ts';
import { Connection, type ConnectionState, type Dial } from '../app/connection.ts';
import { countWords, formatCount } from '../app/format.ts';
import { t } from '../app/i18n/index.svelte.ts';
import type { Problem } from '../app/problems.ts';
import { Announcer } from './announcer.svelte.ts';
import { Chat, type AnswerEvent } from './chat.svelte.ts';
import { Conversations } from './conversations.svelte.ts';
import { Model } from './model.svelte.ts';
import { Search } from './search.svelte.ts';
import { Appearance } from './settings.svelte.ts';
import type { ShownMessage } from './shown-message.svelte.ts';

/** Everything that the window knows, and which conversation is open in it. */
export class Session {
  line = $state<ConnectionState>('connecting');
  chat: Chat;
  /** The message to bring into view, when a search result was opened. */
  target = $state<string | null>(null);
  /** What an action outside the conversation met: renaming, deleting, settings, the model. */
  problem = $state.raw<Problem | null>(null);
  readonly announcer = new Announcer();
  readonly connection: Connection;
  readonly conversations: Conversations;
  readonly search: Search;
  readonly model: Model;
  readonly appearance: Appearance;
  readonly #closing = new AbortController();

  constructor(dial: Dial) {
    this.connection = new Connection(dial, (line) => this.#lineChanged(line));
    this.conversations = new Conversations(this.connection);
    this.search = new Search(this.connection);
    this.model = new Model(this.connection);
    this.appearance = new Appearance(this.connection);
    this.chat = $state.raw(this.#newChat(null));
    void this.try(() => this.model.watch(this.#closing.signal));
  }

  /** Shows a conversation, or a new one for null; `messageId` is brought into view. */
  open(id: string | null, messageId: string | null = null): void {
    this.target = messageId;
    if (id === this.chat.id && id !== null) {
      if (messageId !== null) void this.chat.reveal(messageId);
      return;
    }
    this.chat.close();
    this.chat = this.#newChat(id);
  }

  /** Runs an action of the user's; a failure becomes the notice of the window. */
  async try(action: () => Promise<unknown>): Promise<void> {
    this.problem = null;
    try {
      await action();
    } catch (error) {
      this.problem = toStoredError(error);
    }
  }

  /** The window came back to the front: another window or the command line may have changed the list. */
  refresh(): void {
    if (this.line === 'connected') void this.try(() => this.conversations.refresh());
    else this.connection.retry();
  }

  close(): void {
    this.#closing.abort();
    this.chat.close();
    this.connection.close();
  }

  #newChat(id: string | null): Chat {
    return new Chat(id, {
      connection: this.connection,
      model: this.model,
      storage: sessionStorage,
      onNextFrame: (paint) => requestAnimationFrame(paint),
      onConversation: (conversation) => this.conversations.put(conversation),
      onAnswer: (event, message) => this.#announce(event, message),
    });
  }

  #lineChanged(line: ConnectionState): void {
    this.line = line;
    if (line !== 'connected') return;
    void this.try(() => Promise.all([this.conversations.refresh(), this.appearance.load()]));
    this.chat.composer.recount();
  }

  #announce(event: AnswerEvent, message: ShownMessage): void {
    const words = t().announce;
    this.announcer.say(event === 'finished' ? words.finished(formatCount(countWords(message.text))) : words[event]);
  }
}
