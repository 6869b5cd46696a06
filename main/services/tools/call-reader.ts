export type TokenPart = { text: string; tokens: number[] };

/** What an answer has come to: words for the reader, or a call. `text` of a call is what was said in the tokens before it. */
export type AnswerPart = ({ type: 'text' } & TokenPart) | ({ type: 'call'; written: string } & TokenPart);

const OPEN = '<tool_call>';
const CLOSE = '</tool_call>';
/** Longer than any call that makes sense: what never ends is not waited for. */
const MOST_CHARACTERS = 16_384;
const FENCE = /^ {0,3}(`{3,}|~{3,})(.*)$/u;
/** Of a quotation, before what is quoted. */
const QUOTE = /["'“”‘’„«「『《]$/u;

/**
 * Finds the call in an answer as it is generated (Hermes: JSON between `<tool_call>` and `</tool_call>`). Nothing of a call
 * comes out as text: what may be the beginning of one is held back. In code, in quotation marks and in quoted lines the
 * marks are text. One call ends a reading: the result is given to the model before it goes on.
 */
export class CallReader {
  #held: TokenPart[] = [];
  /** The line that is being written, and the fence of the code block that it stands in; of what is no longer held. */
  #line = '';
  #fence: string | null = null;
  #start: number | null = null;
  #isDone = false;

  /** `said`: what the answer said since its last call, where it goes on. */
  constructor(said = '') {
    [this.#line, this.#fence] = after(said, '', null);
  }

  /** True once there was a call; what comes after it but white space is none of the answer's. */
  get isDone(): boolean {
    return this.#isDone;
  }

  push(part: TokenPart): AnswerPart[] {
    this.#held.push(part);
    const text = this.#text();
    this.#start ??= this.#opening(text);
    if (this.#start === null) return this.#release(text.length - this.#heldBack(text));
    const from = this.#start + OPEN.length;
    const end = text.indexOf(CLOSE, from);
    if (end === -1 && text.length - from < MOST_CHARACTERS) return [];
    return this.#call(text, end === -1 ? text.length : end);
  }

  /** The model has ended its turn: what is left, be it a call without its end. */
  finish(): AnswerPart[] {
    const text = this.#text();
    return this.#start === null ? this.#release(text.length) : this.#call(text, text.length);
  }

  #text(): string {
    return this.#held.map(({ text }) => text).join('');
  }

  #call(text: string, end: number): AnswerPart[] {
    const tokens = this.#held.flatMap((part) => part.tokens);
    const said = text.slice(0, this.#start!);
    const written = text.slice(this.#start! + OPEN.length, end).trim();
    this.#held = [];
    this.#isDone = true;
    return [{ type: 'call', text: said, written, tokens }];
  }

  /** Lets go of what ends within the first `length` characters of what is held. */
  #release(length: number): AnswerPart[] {
    const parts: AnswerPart[] = [];
    let end = 0;
    while (this.#held.length > 0 && (end += this.#held[0]!.text.length) <= length) {
      const { text, tokens } = this.#held.shift()!;
      [this.#line, this.#fence] = after(text, this.#line, this.#fence);
      parts.push({ type: 'text', text, tokens });
    }
    return parts;
  }

  /** Where a call begins in what is held. */
  #opening(text: string): number | null {
    for (let at = text.indexOf(OPEN); at !== -1; at = text.indexOf(OPEN, at + 1)) {
      if (!this.#isQuoted(text.slice(0, at))) return at;
    }
    return null;
  }

  /** Characters at the end of what is held that may become the mark of a call. */
  #heldBack(text: string): number {
    for (let length = Math.min(OPEN.length - 1, text.length); length > 0; length--) {
      if (OPEN.startsWith(text.slice(-length))) return this.#isQuoted(text.slice(0, -length)) ? 0 : length;
    }
    return 0;
  }

  /** Whether what follows `text`, the beginning of what is held, is code or a quotation. */
  #isQuoted(text: string): boolean {
    const [line, fence] = after(text, this.#line, this.#fence);
    if (fence !== null || line.trimStart().startsWith('>') || QUOTE.test(line)) return true;
    return (line.match(/`/gu)?.length ?? 0) % 2 === 1;
  }
}

/** The unfinished line, and the open fence, once `text` is written too. */
function after(text: string, line: string, fence: string | null): [string, string | null] {
  const lines = (line + text).split('\n');
  const last = lines.pop()!;
  let open = fence;
  for (const one of lines) {
    const [, marks, rest] = FENCE.exec(one) ?? [];
    if (marks === undefined) continue;
    if (open === null) open = marks;
    else if (marks[0] === open[0] && marks.length >= open.length && rest!.trim() === '') open = null;
  }
  return [last, open];
}
