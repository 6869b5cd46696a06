import type { Connection } from '../app/connection.ts';
import type { Chat } from './chat.svelte.ts';

/** A model that would take the message: one that is here, or one that can be had. */
export type Longer = { name: string; contextTokens: number; isHere: boolean };

/**
 * A longer context of the model that is loaded; bytes more than its present one takes, both when full; and how long reading
 * the message takes, null while that is unknown.
 */
export type LongerSetting = { name: string; contextTokens: number; moreBytes: number; readSeconds: number | null };

/** What can be done with a message that is too long for the model by itself. Nothing is cut unasked. */
export class TooLong {
  shown = $state(false);
  /** Null where there is none, undefined while that is unknown. */
  longer = $state.raw<Longer | null>();
  /** The shortest setting of the model in use that takes the message; null where none does, or while that is unknown. */
  setting = $state.raw<LongerSetting | null>(null);
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
    this.setting = null;
    const needed = (this.#chat.composer.count?.promptTokens ?? 0) + 1;
    try {
      const { id } = this.#chat;
      const [rest, longer, setting] = await Promise.all([
        this.#connection.call((client) => client.chat.count({ conversationId: id, text: '' })),
        this.#find(needed),
        this.#findSetting(needed),
      ]);
      this.#rest = rest.promptTokens;
      this.longer = longer;
      this.setting = setting;
    } catch (error) {
      this.shown = false;
      this.#chat.fail(error);
    }
  };

  close = () => (this.shown = false);

  async #findSetting(needed: number): Promise<LongerSetting | null> {
    const { model, context } = await this.#connection.call((client) => client.models.status());
    if (model === null || context === null) return null;
    const { name } = model;
    const { choices } = await this.#connection.call((client) => client.models.contexts({ name }));
    const found = choices.find(
      ({ contextTokens, fits }) => fits && contextTokens > context.contextTokens && contextTokens >= needed,
    );
    if (found === undefined) return null;
    const present = choices.find(({ contextTokens }) => contextTokens === context.contextTokens);
    const moreBytes = Math.max(0, found.memoryBytes - (present?.memoryBytes ?? 0));
    const request = { promptTokens: needed, cachedTokens: 0 }; // the model is loaded again for it
    const price = await this.#connection.call((client) => client.models.readingPrice(request)).catch(() => null);
    return { name, contextTokens: found.contextTokens, moreBytes, readSeconds: price?.seconds ?? null };
  }

  /** Makes the model in use read so much from now on; it is loaded again for that. */
  lengthen = async () => {
    const { setting } = this;
    this.shown = false;
    if (setting === null) return;
    const { name, contextTokens } = setting;
    await this.#connection.call((client) => client.models.setContext({ name, contextTokens }));
  };

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
