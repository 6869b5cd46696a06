import { CheckpointError } from '../checkpoint/errors.ts';

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** Text that can't spell a token with a meaning, whatever stands around it: templates may compare it, as names and types. */
const plain = /^[\w\s.,:;!?'"()/+*-]*$/;

/**
 * Values that a template writes out, without ever seeing what they say: each string that might spell a special token is a
 * mark while the template runs. A mark ends in a quotation mark, which JSON escapes: so what comes back tells whether the
 * string was written as it is or as JSON.
 */
export class MarkedValues {
  readonly #nonce: string;
  readonly #texts: string[] = [];
  #count = 0;

  /** @param nonce letters and numbers that no text contains */
  constructor(nonce: string) {
    this.#nonce = nonce;
  }

  /** Strings, numbers and the like seen so far: the size of what a template has to write. */
  get count(): number {
    return this.#count;
  }

  /** The value with marks in it. */
  mark(value: JsonValue): unknown {
    this.#count++;
    if (typeof value === 'string') return this.#markText(value);
    if (value === null || typeof value !== 'object') return value;
    if (isList(value)) return value.map((item) => this.mark(item));
    // As a list of entries, so that a key like __proto__ is one like any other.
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [this.#markText(key), this.mark(item)]));
  }

  /**
   * The texts back in their places, as parts that may spell special tokens (the template's) and parts that may not.
   * @throws CheckpointError `bad-chat-template` where the template has changed a mark
   */
  putBack(rendered: string): { text: string; special: boolean }[] {
    const parts: { text: string; special: boolean }[] = [];
    let position = 0;
    for (const match of rendered.matchAll(new RegExp(`${this.#nonce}v(\\d+)v(\\\\?)"`, 'g'))) {
      const [mark, index, backslash] = match;
      parts.push({ text: rendered.slice(position, match.index), special: true });
      const text = this.#texts[Number(index)]!;
      parts.push({ text: backslash === '' ? text : JSON.stringify(text).slice(1, -1), special: false });
      position = match.index + mark.length;
    }
    parts.push({ text: rendered.slice(position), special: true });
    // What is left of a mark that was cut or spelled in capitals.
    const rest = this.#nonce.slice(0, 8);
    if (parts.some(({ text, special }) => special && text.toLowerCase().includes(rest))) {
      throw new CheckpointError('bad-chat-template', 'the chat template changes the text of a tool', {});
    }
    return parts;
  }

  #markText(text: string): string {
    if (plain.test(text)) return text;
    this.#texts.push(text);
    return `${this.#nonce}v${this.#texts.length - 1}v"`;
  }
}

/** `Array.isArray` does not tell a readonly list from the rest. */
function isList(value: readonly JsonValue[] | { readonly [key: string]: JsonValue }): value is readonly JsonValue[] {
  return Array.isArray(value);
}
