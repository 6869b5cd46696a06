/** Reads an answer out sentence by sentence while it grows: each part once, and only when it is whole. */
export class Sentences {
  #id: string | null = null;
  #at = 0;
  readonly #say: (text: string) => void;

  constructor(say: (text: string) => void) {
    this.#say = say;
  }

  /** The answer `id` reads `text` by now. An answer that is met in its middle is read from there on. */
  follow(id: string, text: string): void {
    if (id !== this.#id) {
      this.#id = id;
      this.#at = Math.max(0, text.length - LOOK_BACK);
    }
    const rest = text.slice(this.#at);
    const end = lastSentenceEnd(rest);
    if (end === 0) return;
    this.#at += end;
    this.#speak(rest.slice(0, end));
  }

  /** The answer has ended: what has no full stop is read as well. */
  finish(id: string, text: string): void {
    if (id !== this.#id) return;
    this.#speak(text.slice(this.#at));
    this.#id = null;
  }

  #speak(text: string): void {
    const words = text
      .replaceAll(/[*_`#>|]+/g, ' ')
      .replaceAll(/\s+/g, ' ')
      .trim(); // Markdown is for the eye
    if (words !== '') this.#say(words);
  }
}

const LOOK_BACK = 400;

/** Offset behind the last whole sentence: behind its stop and the space that follows, or behind a Chinese stop or line. */
function lastSentenceEnd(text: string): number {
  const ends = [...text.matchAll(/[.!?…]["”’)]*\s|[。！？][”’）]*|\n/gu)];
  const last = ends.at(-1);
  return last === undefined ? 0 : last.index + last[0].length;
}
