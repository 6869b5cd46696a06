import { TokenType, type TokenizerSource } from './tokenizer-source.ts';

/** A stretch of text, or the id of a special token that it spelled. */
export type SpecialSplit = string | number;

/** The control and user-defined tokens of a vocabulary, and where a text spells them. */
export class SpecialTokens {
  readonly #ids = new Map<string, number>();
  /** By first UTF-16 unit, longest first: of two tokens that start alike the longer one wins. */
  readonly #candidates = new Map<number, string[]>();

  constructor({ tokens, types }: Pick<TokenizerSource, 'tokens' | 'types'>) {
    for (const [id, spelling] of tokens.entries()) {
      const isSpecial = types[id] === TokenType.control || types[id] === TokenType.userDefined;
      if (isSpecial && spelling !== '' && !this.#ids.has(spelling)) this.#ids.set(spelling, id);
    }
    for (const spelling of [...this.#ids.keys()].sort((a, b) => b.length - a.length)) {
      const first = spelling.charCodeAt(0);
      const candidates = this.#candidates.get(first);
      if (candidates) candidates.push(spelling);
      else this.#candidates.set(first, [spelling]);
    }
  }

  id(spelling: string): number | undefined {
    return this.#ids.get(spelling);
  }

  /** Cuts a text at its special tokens, from the left; the parts that are text are not empty. */
  split(text: string): SpecialSplit[] {
    const parts: SpecialSplit[] = [];
    let textStart = 0;
    for (let at = 0; at < text.length; at++) {
      const found = this.#candidates.get(text.charCodeAt(at))?.find((spelling) => text.startsWith(spelling, at));
      if (found === undefined) continue;
      if (at > textStart) parts.push(text.slice(textStart, at));
      parts.push(this.#ids.get(found)!);
      textStart = at + found.length;
      at = textStart - 1;
    }
    if (textStart < text.length) parts.push(text.slice(textStart));
    return parts;
  }
}
