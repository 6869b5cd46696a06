import type { Connection } from '../app/connection.ts';
import type { Chat } from './chat.svelte.ts';

/** A model that would take the message: one that is here, or one that can be had. */
export type Longer = { name: string; contextTokens: number; isHere: boolean };

/** What can be done with a message that is too long for the model by itself. Nothing is cut unasked. */
export class TooLong {
  shown = $state(false);
  /** Null where there is none, undefined while that is unknown. */
  longer = $state.raw<Longer | null>();
  /** Tokens that the prompt has without the message; null while that is unknown. */
  #rest = $state.raw<number | null>(null);
  /** Characters that must go, roughly; null while that is unknown, or where no message would fit. */
  readonly excess: number | null;
  /** Tokens of the system prompt, where making it shorter would be enough. */
  readonly systemTokens: number | null;
  readonly #chat: Chat;
  readonly #connection: Connection;

  constructor(chat: Chat, connection: Connection) {
    this.#chat = chat;
    this.#connection = connection;
    const { composer } = chat;
    this.excess = $derived.by(() => {
      if (this.#rest === null || composer.count === null) return null;
      const { promptTokens, contextTokens } = composer.count;
      if (this.#rest + 1 >= contextTokens) return null;
      return roundUp((composer.text.length * composer.tooMany) / (promptTokens - this.#rest));
    });
    this.systemTokens = $derived(this.#rest !== null && this.#rest > composer.tooMany ? this.#rest : null);
  }

  /** Shows the ways on at once; the figures that need asking come when they are there. */
  open = async () => {
    this.shown = true;
    const needed = (this.#chat.composer.count?.promptTokens ?? 0) + 1;
    try {
      const { id } = this.#chat;
      const [rest, longer] = await Promise.all([
        this.#connection.call((client) => client.chat.count({ conversationId: id, text: '' })),
        this.#find(needed),
      ]);
      this.#rest = rest.promptTokens;
      this.longer = longer;
    } catch (error) {
      this.shown = false;
      this.#chat.fail(error);
    }
  };

  close = () => (this.shown = false);

  /** Of the models that take so much: one that is here, else the smallest that fits this machine. */
  async #find(needed: number): Promise<Longer | null> {
    const installed = await this.#connection.call((client) => client.models.list());
    const here = installed.find(({ loaded, contextTokens }) => !loaded && contextTokens >= needed);
    if (here !== undefined) return { name: here.name, contextTokens: here.contextTokens, isHere: true };
    const cards = await this.#connection.call((client) => client.models.cards({ query: '', measure: false }));
    const card = cards.find(
      ({ contextTokens, obstacle, installed: isHere }) => contextTokens >= needed && obstacle === null && !isHere,
    );
    return card === undefined ? null : { name: card.name, contextTokens: card.contextTokens, isHere: false };
  }
}

/** To two digits: "about 970,000" says enough of what is only near. */
function roundUp(count: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, count))) - 1);
  return Math.ceil(count / unit) * unit;
}
