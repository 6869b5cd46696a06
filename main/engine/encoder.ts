import { defineThread, type Thread } from '../contract/thread.ts';
import type { TokenizerSource } from '../../native-models/text/tokenizer-source.ts';
import { Tokenizer, type Piece } from '../../native-models/text/tokenizer.ts';

/** Up to here (about 10 ms of work) a text is tokenised on the spot, a few milliseconds at a time. */
const LONG_CHARACTERS = 32_768;
/** A second tokenizer takes some 60 MB: it is given up when no document has come for so long. */
const IDLE_MS = 60_000;

const thread = defineThread('tokenizer', import.meta.url, (source: TokenizerSource) => {
  const tokenizer = Tokenizer.fromSource(source);
  return async (pieces: readonly Piece[], signal: AbortSignal) =>
    Int32Array.from(await tokenizer.encodePiecesAsync(pieces, { signal }));
});

/** Tokenises prompts; long ones in a thread of its own, so that no token of a running answer waits for them. */
export class Encoder {
  readonly #source: TokenizerSource;
  readonly #tokenizer: Tokenizer;
  #thread: Thread<readonly Piece[], Int32Array> | null = null;
  #calls = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(source: TokenizerSource, tokenizer: Tokenizer) {
    this.#source = source;
    this.#tokenizer = tokenizer;
  }

  /** Tokens of a prompt, as `Tokenizer.encodePieces`. @throws `signal.reason` when stopped */
  async encode(pieces: readonly Piece[], signal?: AbortSignal): Promise<number[]> {
    const characters = pieces.reduce((sum, piece) => sum + ('text' in piece ? piece.text.length : 0), 0);
    if (characters < LONG_CHARACTERS) return this.#tokenizer.encodePiecesAsync(pieces, signal ? { signal } : {});
    clearTimeout(this.#idle);
    this.#calls++;
    try {
      this.#thread ??= thread.open(this.#source);
      return Array.from(await this.#thread.call(pieces, { signal }));
    } finally {
      if (--this.#calls === 0) this.#idle = setTimeout(() => this.close(), IDLE_MS).unref();
    }
  }

  /** Ends the thread; a later text starts it again. */
  close(): void {
    clearTimeout(this.#idle);
    void this.#thread?.close();
    this.#thread = null;
  }
}
