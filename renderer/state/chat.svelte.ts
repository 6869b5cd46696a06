import type { Conversation, ConversationEvent, Message } from '../../main/contract/chat.ts';
import { toStoredError } from '../../main/contract/errors.ts';
import type { Connection } from '../app/connection.ts';
import type { Problem } from '../app/problems.ts';
import { canContinue, endOf, siblingOf, type AnswerEvent } from './message.ts';
import { Attached } from './attached.svelte.ts';
import { Budget } from './budget.svelte.ts';
import { Composer } from './composer.svelte.ts';
import { keepText } from './keep-text.ts';
import type { Model } from './model.svelte.ts';
import type { ShownMessage } from './shown-message.svelte.ts';
import { ShownPath } from './shown-path.svelte.ts';

export type ChatOptions = {
  connection: Connection;
  model: Model;
  storage: Storage;
  /** Runs its argument once, when the screen is painted next. */
  onNextFrame(paint: () => void): void;
  /** The conversation was created or changed: its title, its place in the list. */
  onConversation(conversation: Conversation): void;
  /** Something that a screen reader should hear of. */
  onAnswer(event: AnswerEvent, message: ShownMessage): void;
  /** Text of an answer was painted, for a screen reader that follows it sentence by sentence. */
  onText?(message: ShownMessage): void;
};

/** A message that is being rewritten. Sending makes a sibling of it; the message stays. */
export type Edit = { id: string; parentId: string | null; text: string };

/** One open conversation as the screen sees it; the store in the assistant process holds the truth. */
export class Chat {
  /** Null until the first message of a new conversation is sent. */
  id: string | null;
  conversation = $state.raw<Conversation | null>(null);
  loaded = $state(false);
  sending = $state(false);
  /** What the user's last action met, until it is dismissed or another one succeeds. */
  problem = $state.raw<Problem | null>(null);
  #edit = $state.raw<Edit | null>(null);
  /** A conversation that `branchHere` has just made, for the page to go to. */
  branched = $state<string | null>(null);
  /** Only the last message can be one that is being written. */
  readonly running = $derived.by(() => {
    const last = this.messages.at(-1);
    return last?.running ? last : null;
  });
  readonly busy = $derived(this.sending || this.running !== null);
  readonly composer: Composer;
  readonly budget: Budget;
  /** The documents that its next question is about. */
  readonly attached: Attached;
  readonly canSend: boolean;
  readonly #options: ChatOptions;
  readonly #closing = new AbortController();
  readonly #path = new ShownPath((shown, message) => this.#update(shown, message));
  #beginning: Promise<string> | null = null;
  /** Called with the next snapshot, or the end. */
  #awaiting: (() => void)[] = [];
  /** Text that arrived since the last frame, by message. */
  #unpainted = new Map<string, string>();
  /** A message of which nobody knows whether it was saved, because the line broke while it was sent. */
  #unsure: { text: string; sentMs: number } | null = null;

  constructor(id: string | null, options: ChatOptions) {
    this.id = $state(id);
    this.#options = options;
    this.composer = new Composer(id, options.connection, options.storage);
    this.budget = new Budget(this, (run) => this.#call(run));
    this.attached = new Attached({
      connection: options.connection,
      begin: this.begin,
      onChange: () => this.composer.recount(),
    });
    this.canSend = $derived(
      !this.busy && !this.composer.isBlank && this.composer.tooMany === 0 && options.model.canAnswer,
    );
    if (id === null) this.loaded = true;
    else this.#watch(id);
    this.composer.recount();
  }

  get edit(): Edit | null {
    return this.#edit;
  }

  /** Kept for the tab like what stands in the message field. */
  set edit(edit: Edit | null) {
    this.#edit = edit;
    keepText(this.#options.storage, this.#editKey, edit === null ? '' : JSON.stringify(edit));
  }

  /** The id of the conversation, which begins now unless it has one. */
  begin = async (): Promise<string> => this.id ?? (await (this.#beginning ??= this.#create()));

  get messages(): ShownMessage[] {
    return this.#path.messages;
  }

  /** Settles once the messages above those that are shown first have arrived too. */
  whole = (): Promise<void> => this.#path.whole();

  send = async () => {
    if (!this.canSend) return;
    const text = this.composer.take();
    this.sending = true;
    this.problem = null;
    const sentMs = Date.now();
    try {
      const conversationId = await this.begin();
      const { user, reply } = await this.#call((client) => client.chat.send({ conversationId, text }));
      this.composer.sent();
      for (const message of [user, reply]) if (!this.#find(message.id)) this.#path.put(message);
      if (this.conversation) this.#options.onConversation({ ...this.conversation, updatedMs: user.updatedMs });
    } catch (error) {
      this.problem = toStoredError(error);
      if (this.problem.code === 'assistant-stopped') this.#unsure = { text, sentMs };
      this.composer.giveBack();
    } finally {
      this.sending = false;
    }
  };

  /** Halts the computation; the text stays, and the stored message says that it was stopped. */
  stop = async () => {
    const { running } = this;
    if (running === null || running.stopping) return;
    running.stopping = true;
    await this.#act(async () => this.#call((client) => client.chat.stop({ messageId: running.id })));
    if (this.problem) running.stopping = false;
  };

  /** Goes on in place, from the answer's last token. */
  continue = (messageId: string) =>
    this.#act(async () => {
      const { reply } = await this.#call((client) => client.chat.continue({ messageId }));
      const shown = this.#find(messageId);
      if (shown?.running === false) this.#update(shown, reply); // else its stream has already come further
    });

  /** Another answer to the same message, shown in the place of this one. */
  regenerate = (messageId: string) =>
    this.#act(async () => {
      const { reply } = await this.#call((client) => client.chat.regenerate({ messageId }));
      if (!this.#find(reply.id)) this.#path.put(reply);
    });

  /** Rewrites a message of the user's in place; `sendEdit` makes it another branch. */
  startEdit = (messageId: string) => {
    const message = this.#find(messageId)?.message;
    if (message?.role !== 'user' || this.busy) return;
    this.edit = { id: message.id, parentId: message.parentId, text: message.text };
  };

  cancelEdit = () => (this.edit = null);

  sendEdit = async () => {
    const { edit, id: conversationId } = this;
    if (edit === null || conversationId === null || edit.text.trim() === '' || this.busy) return;
    const { text, parentId } = edit;
    await this.#act(async () => {
      this.sending = true;
      try {
        const { user, reply } = await this.#call((client) => client.chat.send({ conversationId, text, parentId }));
        for (const message of [user, reply]) if (!this.#find(message.id)) this.#path.put(message);
        this.edit = null;
      } finally {
        this.sending = false;
      }
    });
  };

  /** Shows another version of a message, with what followed it last. */
  choose = (messageId: string) =>
    this.#act(async () => {
      const { id } = this;
      if (id === null || this.#find(messageId)) return;
      this.edit = null;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#awaiting.push(resolve);
      this.#show(await this.#call((client) => client.chat.choose({ id, leafId: messageId })));
      await promise;
    });

  /** Shows the branch that a message is on, for a search result that may lie beside the shown one. */
  reveal = async (messageId: string) => {
    if (this.#find(messageId)) return;
    if (!this.loaded) await new Promise<void>((resolve) => this.#awaiting.push(resolve));
    await this.whole();
    if (this.conversation !== null && !this.#closing.signal.aborted) await this.choose(messageId);
  };

  previousSibling = () => this.#step(-1);
  nextSibling = () => this.#step(1);

  editLast = () => {
    const last = this.messages.findLast(({ role }) => role === 'user');
    if (last) this.startEdit(last.id);
  };

  regenerateLast = async () => {
    const last = this.#lastAnswer;
    if (last && !this.busy) await this.regenerate(last.id);
  };

  continueLast = async () => {
    const last = this.#lastAnswer;
    if (last && !this.busy && canContinue(last.message)) await this.continue(last.id);
  };

  /** Copies the last answer as it was written, in Markdown. */
  copyLast = async () => {
    const text = this.#lastAnswer?.text;
    if (text) await this.#act(async () => navigator.clipboard.writeText(text));
  };

  /** A new conversation with everything down to this message, or to the last one. */
  branchHere = async (messageId: string | undefined = this.messages.at(-1)?.id) => {
    if (messageId === undefined || this.busy) return;
    await this.#act(async () => {
      const conversation = await this.#call((client) => client.chat.branch({ messageId }));
      this.#options.onConversation(conversation);
      this.branched = conversation.id;
    });
  };

  /** Whether the model reads these messages from now on. */
  leaveOut = (messageIds: string[], leftOut: boolean) =>
    this.#act(async () => {
      const { id } = this;
      if (id === null || messageIds.length === 0) return;
      await this.#call((client) => client.chat.leaveOut({ id, messageIds, leftOut }));
      for (const messageId of messageIds) {
        const shown = this.#find(messageId);
        if (shown) shown.message = { ...shown.message, leftOut };
      }
      this.composer.recount();
    });

  dismiss = () => (this.problem = null);

  fail(error: unknown): void {
    this.problem = toStoredError(error);
  }

  /** Ends the watching. An answer that is being written goes on without us. */
  close(): void {
    this.#closing.abort();
    this.#path.giveUp();
    this.#snapshotCame();
  }

  get #lastAnswer(): ShownMessage | null {
    const last = this.messages.at(-1);
    return last?.message.role === 'assistant' ? last : null;
  }

  /** Goes to the neighbouring version of the last message that has several. */
  async #step(step: 1 | -1): Promise<void> {
    const message = this.messages.findLast((shown) => shown.message.siblings.length > 1)?.message;
    const sibling = message ? siblingOf(message, step) : null;
    if (sibling !== null && !this.busy) await this.choose(sibling);
  }

  #call: Connection['call'] = (run) => this.#options.connection.call(run);

  async #act(action: () => Promise<unknown>): Promise<void> {
    this.problem = null;
    try {
      await action();
    } catch (error) {
      this.problem = toStoredError(error);
    }
  }

  async #create(): Promise<string> {
    const conversation = await this.#call((client) => client.chat.create({})).finally(() => (this.#beginning = null));
    this.id = conversation.id;
    this.composer.moveTo(conversation.id);
    this.#show(conversation);
    this.#watch(conversation.id);
    return conversation.id;
  }

  #watch(id: string): void {
    const { connection } = this.#options;
    connection
      .follow(
        (client, options) => client.chat.watch({ id }, options),
        (event) => this.#apply(event),
        this.#closing.signal,
      )
      .catch((error: unknown) => {
        this.problem = toStoredError(error);
        this.loaded = true;
        this.#path.giveUp();
        this.#snapshotCame();
      });
  }

  #apply(event: ConversationEvent): void {
    switch (event.type) {
      case 'snapshot':
        this.#show(event.conversation);
        this.#unpainted.clear();
        this.#path.takeNewest(event.messages, event.hasOlder);
        this.#settleUnsure();
        this.#recount();
        if (!this.loaded) this.#takeUpEdit();
        this.loaded = true;
        return this.#snapshotCame();
      case 'older':
        return this.#path.takeOlder(event.messages, event.hasOlder);
      case 'conversation':
        return this.#show(event.conversation);
      case 'message':
        return this.#path.put(event.message);
      case 'progress': {
        const shown = this.#find(event.messageId);
        if (shown) shown.progress = { done: event.done, total: event.total };
        return;
      }
      case 'delta':
        return this.#append(event.messageId, event.text);
    }
  }

  get #editKey(): string {
    return `edit:${this.id}`;
  }

  /** An edit that a reload broke off. */
  #takeUpEdit(): void {
    const kept = this.#options.storage.getItem(this.#editKey);
    if (kept === null) return;
    const edit = JSON.parse(kept) as Edit;
    if (this.#find(edit.id)) this.#edit = edit;
  }

  #show(conversation: Conversation): void {
    this.conversation = conversation;
    this.#options.onConversation(conversation);
  }

  #snapshotCame(): void {
    for (const resolve of this.#awaiting.splice(0)) resolve();
  }

  #update(shown: ShownMessage, message: Message): void {
    const before = shown.message.state;
    const wasRunning = shown.running;
    this.#unpainted.delete(message.id);
    shown.replace(message);
    if (message.state === 'streaming' && (before === 'waiting' || !wasRunning))
      this.#options.onAnswer('started', shown);
    if (!wasRunning || shown.running) return;
    this.#recount();
    this.#options.onAnswer(endOf(message), shown);
  }

  /** Tokens may arrive faster than the screen is painted; the text changes once a frame. */
  #append(messageId: string, text: string): void {
    const shown = this.#find(messageId);
    if (shown) shown.progress = null;
    if (shown?.message.state === 'waiting') this.#update(shown, { ...shown.message, state: 'streaming' });
    if (this.#unpainted.size === 0) this.#options.onNextFrame(() => this.#paint());
    this.#unpainted.set(messageId, (this.#unpainted.get(messageId) ?? '') + text);
  }

  #paint(): void {
    for (const [messageId, text] of this.#unpainted) {
      const shown = this.#find(messageId);
      if (!shown) continue;
      shown.text += text;
      this.composer.grew();
      this.#options.onText?.(shown);
    }
    this.#unpainted.clear();
  }

  #settleUnsure(): void {
    const unsure = this.#unsure;
    if (unsure === null) return;
    this.#unsure = null;
    const saved = this.messages.findLast(({ role }) => role === 'user')?.message;
    if (!saved || saved.createdMs < unsure.sentMs || saved.text.trim() !== unsure.text.trim()) return;
    this.problem = null;
    if (this.composer.text === unsure.text) this.composer.text = '';
  }

  /** What the next question costs has changed: of the words, and of the documents before them. */
  #recount(): void {
    this.composer.recount();
    if (this.id !== null) this.attached.load(this.id).catch(() => {}); // a line that is down is said elsewhere
  }

  #find(id: string): ShownMessage | undefined {
    return this.#path.find(id);
  }
}
