/**
 * How text is cut into the pieces that byte-pair merges never cross.
 * The patterns are those of the checkpoints' own `tokenizer.json`, with `\s` spelled as `\p{White_Space}`: the regex
 * engines they were written for take U+0085 as a space and U+FEFF as none, JavaScript's `\s` does the opposite.
 */
export type PreTokenizer = {
  pattern: RegExp;
  /** Text is brought to Unicode's composed form (NFC) first. */
  normalizesToNfc: boolean;
};

/** By the name that GGUF gives in `tokenizer.ggml.pre`. */
export const preTokenizers: Readonly<Record<string, PreTokenizer>> = {
  // Contractions match in any case; U+017F is a long s, which folds to s. Every number character is a piece.
  qwen2: {
    pattern:
      /'(?:[sSſtTmMdD]|[rR][eE]|[vV][eE]|[lL][lL])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\p{White_Space}\p{L}\p{N}]+[\r\n]*|\p{White_Space}*[\r\n]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu,
    normalizesToNfc: true,
  },
  // Two steps in one: number characters are isolated first, so a run of spaces may also end before one.
  smollm: {
    pattern:
      /'(?:[stmd]|re|ve|ll)| ?\p{L}+|\p{N}| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?![^\p{White_Space}\p{N}])|\p{White_Space}+/gu,
    normalizesToNfc: false,
  },
};

/** Keeps each match short enough for the regex engine, which overflows on some 30 million characters of one kind. */
const WINDOW_CHARACTERS = 65_536;
const number = /\p{N}/u;
const letter = /\p{L}/u;

/**
 * Cuts a text where every pattern above would cut it too, whatever surrounds the place: behind a number character, or
 * where a run of letters ends. Only 65,536 characters of one kind without such a place are cut anywhere, and only for
 * them the tokens may differ from the reference.
 */
export function* safeWindows(text: string): Generator<string> {
  for (let start = 0; start < text.length;) {
    const end = windowEnd(text, start);
    yield text.slice(start, end);
    start = end;
  }
}

function windowEnd(text: string, start: number): number {
  const limit = start + WINDOW_CHARACTERS;
  if (limit >= text.length) return text.length;
  for (let end = limit; end > start; end--) {
    const before = text[end - 1]!;
    if (number.test(before) || (letter.test(before) && !letter.test(characterAt(text, end)))) return end;
  }
  const isPair = text.codePointAt(limit - 1)! > 0xffff;
  return isPair ? limit - 1 : limit;
}

function characterAt(text: string, index: number): string {
  return String.fromCodePoint(text.codePointAt(index)!);
}
