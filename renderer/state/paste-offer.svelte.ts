import type { Composer } from './composer.svelte.ts';

/** From here on a pasted text is more likely a document than a message. */
const LONG = 4000;

/** A long text that was pasted into the field, for as long as it stands there: it may become a document instead. */
export class PasteOffer {
  #text = $state.raw('');
  readonly text: string | null;
  readonly #composer: Composer;

  constructor(composer: Composer) {
    this.#composer = composer;
    this.text = $derived(this.#text !== '' && composer.text.includes(this.#text) ? this.#text : null);
  }

  /** `text` is about to stand in the field. */
  note(text: string): void {
    // As the field will have it.
    if (text.length > LONG) this.#text = text.replace(/\r\n?/g, '\n');
  }

  /** Takes the text out of the field. @returns it; null where it is there no more */
  take(): string | null {
    const { text } = this;
    if (text !== null) this.#composer.text = this.#composer.text.replace(text, '');
    this.leave();
    return text;
  }

  leave(): void {
    this.#text = '';
  }
}
