import type { Connection } from '../app/connection.ts';
import type { Chat } from './chat.svelte.ts';
import type { ShownMessage } from './shown-message.svelte.ts';

const PATIENCE_MS = 200; // most conversations are weighed by then

type Weighed = { shown: ShownMessage; tokens: number };

/** The choice of what the model does not read any more, when a conversation has grown too long. Nothing is cut unasked. */
export class Budget {
  /** Messages with what they cost, while the choice is open. */
  items = $state.raw<Weighed[] | null>(null);
  /** The choice was asked for, and what the messages cost is still being counted. */
  weighing = $state(false);
  /** Ids of the messages to leave out. */
  chosen = $state.raw<ReadonlySet<string>>(new Set());
  /** Tokens that the prompt has and may have, with what is chosen now. */
  readonly missing: number;
  /** Whether the model reads no message but the one that is being written. */
  readonly isAlone: boolean;
  /** Whether it would not fit with everything else left out. */
  readonly isHopeless: boolean;
  #opening: AbortController | null = null;
  readonly #chat: Chat;
  readonly #call: Connection['call'];

  constructor(chat: Chat, call: Connection['call']) {
    this.#chat = chat;
    this.#call = call;
    this.missing = $derived.by(() => {
      const { count } = chat.composer;
      if (count === null || this.items === null) return 0;
      return count.promptTokens + 1 - this.#change - count.contextTokens;
    });
    this.isAlone = $derived(!chat.messages.some(({ role, message }) => role !== 'system' && !message.leftOut));
    this.isHopeless = $derived.by(() => {
      const rest = (this.items ?? []).filter(({ shown }) => !this.chosen.has(shown.id));
      return this.missing > rest.reduce((sum, { tokens }) => sum + tokens, 0);
    });
  }

  open = async () => {
    const { id } = this.#chat;
    if (id === null) {
      this.items = [];
      return;
    }
    const opening = (this.#opening = new AbortController());
    const slow = setTimeout(() => (this.weighing = true), PATIENCE_MS);
    try {
      const [weighed] = await Promise.all([this.#call((client) => client.chat.weigh({ id })), this.#chat.whole()]);
      if (opening.signal.aborted) return;
      const weights = new Map(weighed.map(({ messageId, tokens }) => [messageId, tokens]));
      const shown = this.#chat.messages.filter(({ role }) => role !== 'system');
      this.chosen = new Set(shown.filter(({ message }) => message.leftOut).map((one) => one.id));
      this.items = shown.map((one) => ({ shown: one, tokens: weights.get(one.id) ?? 0 }));
    } catch (error) {
      this.#chat.fail(error);
    } finally {
      clearTimeout(slow);
      this.weighing = false;
    }
  };

  close = () => {
    this.#opening?.abort();
    this.items = null;
    this.weighing = false;
  };

  toggle = (messageId: string) => {
    const chosen = new Set(this.chosen);
    if (!chosen.delete(messageId)) chosen.add(messageId);
    this.chosen = chosen;
  };

  apply = async () => {
    const { items, chosen } = this;
    if (items === null) return;
    const isLeftOut = ({ shown }: Weighed) => shown.message.leftOut;
    const idsOf = (some: Weighed[]) => some.map(({ shown }) => shown.id);
    await this.#chat.leaveOut(idsOf(items.filter((item) => chosen.has(item.shown.id) && !isLeftOut(item))), true);
    await this.#chat.leaveOut(idsOf(items.filter((item) => !chosen.has(item.shown.id) && isLeftOut(item))), false);
    this.items = null;
  };

  /** Tokens that the choice saves against what is left out already. */
  get #change(): number {
    return (this.items ?? []).reduce((sum, { shown, tokens }) => {
      const before = shown.message.leftOut ? tokens : 0;
      return sum + (this.chosen.has(shown.id) ? tokens : 0) - before;
    }, 0);
  }
}
