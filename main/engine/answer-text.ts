import { Detokenizer, type Tokenizer } from '../../native-models/text/tokenizer.ts';

export type TextPart = { text: string; tokens: number[] };

/**
 * Turns chosen tokens into text that is final: whole characters, and nothing that might be the beginning of a stop
 * string. `push` returns what has become final, with the tokens it came from.
 */
export class AnswerText {
  readonly #tokenizer: Tokenizer;
  readonly #detokenizer: Detokenizer;
  readonly #stops: readonly string[];
  #held: TextPart = { text: '', tokens: [] };
  #incomplete = false;
  stopped = false;

  constructor(tokenizer: Tokenizer, stops: readonly string[]) {
    this.#tokenizer = tokenizer;
    this.#detokenizer = new Detokenizer(tokenizer);
    this.#stops = stops;
  }

  push(id: number): TextPart | null {
    const text = this.#detokenizer.push(id);
    this.#held.tokens.push(id);
    this.#held.text += text;
    this.#incomplete = text === '' && !this.#tokenizer.isControl(id);
    const stop = this.#firstStop();
    if (stop !== -1) return this.#cutAt(stop);
    return this.#incomplete || this.#mayBeginStop() ? null : this.#take();
  }

  /** What was held back, at the end of an answer. */
  finish(): TextPart | null {
    this.#held.text += this.#detokenizer.flush();
    return this.#held.tokens.length > 0 && !this.stopped ? this.#take() : null;
  }

  #take(): TextPart {
    const part = this.#held;
    this.#held = { text: '', tokens: [] };
    return part;
  }

  /** The text before the stop string; its tokens are made anew, since the cut may lie within one. */
  #cutAt(length: number): TextPart {
    this.stopped = true;
    const text = this.#take().text.slice(0, length);
    return { text, tokens: this.#tokenizer.encode(text) };
  }

  #firstStop(): number {
    const places = this.#stops.map((stop) => this.#held.text.indexOf(stop)).filter((place) => place !== -1);
    return places.length > 0 ? Math.min(...places) : -1;
  }

  #mayBeginStop(): boolean {
    const { text } = this.#held;
    return this.#stops.some((stop) => {
      for (let length = Math.min(stop.length - 1, text.length); length > 0; length--) {
        if (text.endsWith(stop.slice(0, length))) return true;
      }
      return false;
    });
  }
}
