import type { ReadingPrice } from '../../main/contract/models.ts';
import type { Connection } from '../app/connection.ts';
import { keepText } from './keep-text.ts';

export type Count = { promptTokens: number; contextTokens: number; cachedTokens: number };

/** What reading takes that is not cached: tokens, and what they cost. */
export type Price = ReadingPrice & { tokens: number };

/** Fewer tokens are read before anybody could read their price. */
const PRICED_TOKENS = 64;
/** From here on it is said. */
const EXPENSIVE_SECONDS = 10;
const DEBOUNCE_MS = 100;
const GROWING_MS = 1000;

/**
 * What the user is writing in one conversation, and what it costs. The text is kept for the tab with every key
 * press, and let go only when the assistant has saved the message.
 */
export class Composer {
  #text = $state('');
  #inFlight = '';
  count = $state.raw<Count | null>(null);
  /** Of what would be sent, where it is expensive. */
  price = $state.raw<Price | null>(null);
  readonly isBlank = $derived(this.#text.trim() === '');
  /** Tokens over the model's limit; 0 while the prompt fits or its size is unknown. */
  readonly tooMany = $derived.by(() => {
    if (this.count === null) return 0;
    // The answer needs room for one token at least.
    return Math.max(0, this.count.promptTokens + 1 - this.count.contextTokens);
  });
  #conversationId: string | null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #growing: ReturnType<typeof setTimeout> | undefined;
  #counted = 0;
  readonly #connection: Connection;
  readonly #storage: Storage;

  constructor(conversationId: string | null, connection: Connection, storage: Storage) {
    this.#conversationId = conversationId;
    this.#connection = connection;
    this.#storage = storage;
    this.#text = storage.getItem(this.#key) ?? '';
  }

  get text(): string {
    return this.#text;
  }

  set text(text: string) {
    this.#text = text;
    this.#keep();
    this.recount();
  }

  /** Takes the text for sending. It stays in storage until `sent` or `giveBack`. */
  take(): string {
    this.#inFlight = this.#text;
    this.#text = '';
    return this.#inFlight;
  }

  /** The assistant has saved the message that was taken. */
  sent(): void {
    this.#inFlight = '';
    this.#keep();
  }

  /** Sending failed: the words return, before whatever was typed since. */
  giveBack(): void {
    const text = [this.#inFlight, this.#text].filter((part) => part !== '').join('\n\n');
    this.#inFlight = '';
    this.text = text;
  }

  /** A new conversation has been created: its draft moves with it. */
  moveTo(conversationId: string): void {
    this.#storage.removeItem(this.#key);
    this.#conversationId = conversationId;
    this.#keep();
  }

  /** Asks for the exact count, 100 ms after the last reason to; `count` is null while the model cannot tell. */
  recount(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#ask(), DEBOUNCE_MS);
  }

  /** An answer above grows: asks once a second for as long as it does. */
  grew(): void {
    this.#growing ??= setTimeout(() => {
      this.#growing = undefined;
      void this.#ask();
    }, GROWING_MS);
  }

  async #ask(): Promise<void> {
    const question = (this.#counted += 1);
    const request = { conversationId: this.#conversationId, text: this.#text };
    const count = await this.#connection.call((client) => client.chat.count(request)).catch(() => null);
    if (question !== this.#counted) return; // a newer question has overtaken this answer
    this.count = count;
    const price = count === null ? null : await this.#priceOf(count);
    if (question === this.#counted) this.price = price;
  }

  async #priceOf({ promptTokens, cachedTokens, contextTokens }: Count): Promise<Price | null> {
    const tokens = promptTokens - cachedTokens;
    if (tokens < PRICED_TOKENS || promptTokens >= contextTokens) return null;
    const request = { promptTokens, cachedTokens };
    const price = await this.#connection.call((client) => client.models.readingPrice(request)).catch(() => null);
    return price === null || price.seconds < EXPENSIVE_SECONDS ? null : { ...price, tokens };
  }

  get #key(): string {
    return `draft:${this.#conversationId ?? 'new'}`;
  }

  #keep(): void {
    const text = [this.#inFlight, this.#text].filter((part) => part !== '').join('\n\n');
    keepText(this.#storage, this.#key, text);
  }
}
