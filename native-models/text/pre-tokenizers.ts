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
