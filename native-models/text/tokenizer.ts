import { CheckpointError } from '../checkpoint/errors.ts';
import { byteToCharacter, spelledBytes } from './byte-alphabet.ts';
import { BytePairMerges, type Merge } from './byte-pair-merges.ts';
import { nfcSegments } from './nfc.ts';
import { preTokenizers, safeWindows, type PreTokenizer } from './pre-tokenizers.ts';
import { SpecialTokens } from './special-tokens.ts';
import { TokenType, type TokenizerSource } from './tokenizer-source.ts';

/** A stretch of a prompt: text, or tokens that a model has generated and that must not be tokenised again. */
export type Piece =
  | {
      text: string;
      /** The text may spell control and user-defined tokens: true for a template's own words only. */
      special: boolean;
    }
  | { tokens: readonly number[] };

/** Pieces repeat: words of a language, indentation of code. Two generations of this size take some 10 MB. */
const CACHE_PIECES = 32_768;
const CACHE_PIECE_CHARACTERS = 48;
/** Characters between two chances to stop: about a millisecond of work. */
const STEP_CHARACTERS = 8_192;
/** Half a frame: a window that shares the process stays responsive. */
const SLICE_MS = 8;

/**
 * Byte-level BPE as the checkpoint defines it, token for token equal to Hugging Face `tokenizers`.
 * No token is added that the text does not spell: no BOS, no EOS, no prefix space.
 */
export class Tokenizer {
  /** Tokens with a meaning; ids from here to the rows of the embedding are padding. */
  readonly vocabSize: number;
  readonly #spellings: readonly string[];
  readonly #types: readonly number[];
  readonly #preTokenizer: PreTokenizer;
  readonly #merges: BytePairMerges;
  readonly #specials: SpecialTokens;
  readonly #bytes: (Uint8Array | undefined)[] = [];
  #cache = new Map<string, readonly number[]>();
  #olderCache = new Map<string, readonly number[]>();

  private constructor(source: TokenizerSource, preTokenizer: PreTokenizer) {
    this.vocabSize = source.tokens.length;
    this.#spellings = source.tokens;
    this.#types = source.types;
    this.#preTokenizer = preTokenizer;
    this.#merges = readMerges(source);
    this.#specials = new SpecialTokens(source);
  }

  /** @throws CheckpointError `unsupported-tokenizer` for an unknown pre-tokeniser, `bad-tokenizer` */
  static fromSource(source: TokenizerSource): Tokenizer {
    if (!Object.hasOwn(preTokenizers, source.pre)) {
      const supported = Object.keys(preTokenizers);
      throw new CheckpointError(
        'unsupported-tokenizer',
        `pre-tokeniser ${JSON.stringify(source.pre.slice(0, 80))} is not supported; supported are ${supported.join(', ')}`,
        { key: 'tokenizer.ggml.pre', found: source.pre, supported },
      );
    }
    return new Tokenizer(source, preTokenizers[source.pre]!);
  }

  /** Tokens of plain text: a special token that is spelled in it stays text. */
  encode(text: string): number[] {
    return this.encodePieces([{ text, special: false }]);
  }

  /**
   * Tokens of a prompt. Text runs on across pieces, so the tokens are those of the whole string, but special tokens are
   * found only within pieces that may spell them, and `tokens` pieces are taken as they are.
   */
  encodePieces(pieces: readonly Piece[]): number[] {
    const ids: number[] = [];
    const steps = this.#encodeSteps(pieces, ids);
    while (!steps.next().done);
    return ids;
  }

  /** As `encodePieces`, but lets other events run every few milliseconds: for documents. */
  async encodePiecesAsync(pieces: readonly Piece[], options: { signal?: AbortSignal } = {}): Promise<number[]> {
    const { signal } = options;
    signal?.throwIfAborted();
    const ids: number[] = [];
    let sliceStart = performance.now();
    for (const _ of this.#encodeSteps(pieces, ids)) {
      if (performance.now() - sliceStart < SLICE_MS) continue;
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
      sliceStart = performance.now();
    }
    return ids;
  }

  /** Text of tokens without the control tokens; bytes that are no UTF-8 become U+FFFD. */
  decode(ids: Iterable<number>): string {
    const detokenizer = new Detokenizer(this);
    let text = '';
    for (const id of ids) text += detokenizer.push(id);
    return text + detokenizer.flush();
  }

  /** The bytes that a token stands for: often less than a character. Empty for padding. */
  tokenBytes(id: number): Uint8Array {
    return (this.#bytes[id] ??= this.#readBytes(id));
  }

  /** Control tokens steer the model and are not shown; user-defined ones like `<tool_call>` are text. */
  isControl(id: number): boolean {
    const type = this.#types[id];
    return type === undefined || type === TokenType.control || type === TokenType.unknown || type === TokenType.unused;
  }

  /** Id of the control or user-defined token with this spelling. */
  specialId(spelling: string): number | null {
    return this.#specials.id(spelling) ?? null;
  }

  #readBytes(id: number): Uint8Array {
    const spelling = this.#spellings[id] ?? '';
    const isPlain = this.isControl(id) || this.#types[id] === TokenType.userDefined;
    return (isPlain ? null : spelledBytes(spelling)) ?? new TextEncoder().encode(spelling);
  }

  *#encodeSteps(pieces: readonly Piece[], ids: number[]): Generator<void> {
    let run = '';
    for (const piece of pieces) {
      if ('tokens' in piece) {
        yield* this.#encodeRun(run, ids);
        run = '';
        for (const id of piece.tokens) ids.push(id);
        continue;
      }
      for (const part of piece.special ? this.#specials.split(piece.text) : [piece.text]) {
        if (typeof part === 'string') {
          run += part;
          continue;
        }
        yield* this.#encodeRun(run, ids);
        run = '';
        ids.push(part);
      }
    }
    yield* this.#encodeRun(run, ids);
  }

  *#encodeRun(run: string, ids: number[]): Generator<void> {
    let text = run;
    if (this.#preTokenizer.normalizesToNfc) {
      text = '';
      for (const segment of nfcSegments(run)) {
        text += segment;
        yield;
      }
    }
    // A pattern of its own, as two runs may be under way at once. Its matches follow each other without a gap.
    const pattern = new RegExp(this.#preTokenizer.pattern, 'uy');
    let charactersDone = 0;
    for (const window of safeWindows(text)) {
      pattern.lastIndex = 0;
      for (let start = 0; start < window.length; start = pattern.lastIndex) {
        if (!pattern.test(window))
          throw new Error(`The pre-tokeniser matches nothing in ${JSON.stringify(window.slice(start, start + 20))}`);
        const word = window.slice(start, pattern.lastIndex);
        this.#encodeWord(word, ids);
        charactersDone += word.length;
        if (charactersDone < STEP_CHARACTERS) continue;
        charactersDone = 0;
        yield;
      }
    }
  }

  #encodeWord(word: string, ids: number[]): void {
    if (word.length > CACHE_PIECE_CHARACTERS) {
      this.#merges.encode(word, ids);
      return;
    }
    let found = this.#cache.get(word);
    if (!found) {
      found = this.#olderCache.get(word) ?? this.#merge(word);
      if (this.#cache.size === CACHE_PIECES) {
        this.#olderCache = this.#cache;
        this.#cache = new Map();
      }
      this.#cache.set(word, found);
    }
    for (const id of found) ids.push(id);
  }

  #merge(word: string): readonly number[] {
    const ids: number[] = [];
    this.#merges.encode(word, ids);
    return ids;
  }
}

/** Turns generated tokens into text, one by one, without ever showing half a character. */
export class Detokenizer {
  readonly #tokenizer: Tokenizer;
  // A byte order mark is text here: the model wrote it.
  readonly #utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
  }

  /** Text that this token completes: perhaps none yet. A control token shows nothing and ends what was incomplete. */
  push(id: number): string {
    if (this.#tokenizer.isControl(id)) return this.flush();
    return this.#utf8.decode(this.#tokenizer.tokenBytes(id), { stream: true });
  }

  /** What is left of an incomplete character, as U+FFFD; the detokenizer can then be used again. */
  flush(): string {
    return this.#utf8.decode();
  }
}

/** Merges whose tokens the vocabulary lacks can never apply and are left out. */
function readMerges(source: TokenizerSource): BytePairMerges {
  const ids = new Map<string, number>();
  for (const [id, spelling] of source.tokens.entries()) {
    // Special tokens take no part, so that no text, whatever it says, can merge into one.
    const isOrdinary = source.types[id] === TokenType.normal || source.types[id] === TokenType.byte;
    if (isOrdinary && !ids.has(spelling)) ids.set(spelling, id);
  }
  const merges: Merge[] = [];
  for (const pair of source.merges) {
    const space = pair.indexOf(' ', 1);
    const left = ids.get(pair.slice(0, space));
    const right = ids.get(pair.slice(space + 1));
    const merged = space < 0 ? undefined : ids.get(pair.slice(0, space) + pair.slice(space + 1));
    if (left !== undefined && right !== undefined && merged !== undefined) merges.push({ left, right, merged });
  }
  return new BytePairMerges(readByteIds(ids), merges);
}

function readByteIds(ids: ReadonlyMap<string, number>): Int32Array {
  const byteIds = Int32Array.from(byteToCharacter, (character) => ids.get(character) ?? -1);
  const missing = byteIds.subarray(32, 127).indexOf(-1);
  if (missing >= 0) {
    const character = String.fromCharCode(32 + missing);
    throw new CheckpointError('bad-tokenizer', `the vocabulary has no token for ${JSON.stringify(character)}`, {
      expected: character,
    });
  }
  return byteIds;
}
