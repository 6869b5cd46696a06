import { z } from 'zod';
import { CheckpointError } from '../checkpoint/errors.ts';

/** Kinds of tokens, numbered as in GGUF. */
export const TokenType = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** Everything a byte-level BPE tokenizer is made from, as the checkpoint states it. */
export type TokenizerSource = {
  /** Name of the pre-tokeniser, one of `preTokenizers`. */
  pre: string;
  /** By id; in the GPT-2 byte alphabet, but control and user-defined tokens as plain text. No padding rows. */
  tokens: readonly string[];
  /** `TokenType` by id. */
  types: readonly number[];
  /** "left right", most important first. */
  merges: readonly string[];
  bosTokenId: number | null;
  /** Tokens that end an answer, the declared one first. */
  eosTokenIds: readonly number[];
  padTokenId: number | null;
  /** The checkpoint wants `bosTokenId` before every text; chat templates write it themselves. */
  addBosToken: boolean;
  /** Jinja source. */
  chatTemplate: string | null;
};

const id = z.int().nonnegative();
const storedSource = z.object({
  format: z.literal(1),
  pre: z.string(),
  tokens: z.array(z.string()),
  types: z.string().regex(/^[1-6]*$/), // one digit a token: a third of a JSON array's size
  merges: z.array(z.string()),
  bosTokenId: id.nullable(),
  eosTokenIds: z.array(id),
  padTokenId: id.nullable(),
  addBosToken: z.boolean(),
  chatTemplate: z.string().nullable(),
});

/** One line of JSON, for the compiled folder. */
export function writeTokenizerSource(source: TokenizerSource): string {
  const stored: z.infer<typeof storedSource> = {
    format: 1,
    ...source,
    tokens: [...source.tokens],
    types: source.types.join(''),
    merges: [...source.merges],
    eosTokenIds: [...source.eosTokenIds],
  };
  return JSON.stringify(stored);
}

/**
 * Reads what `writeTokenizerSource` wrote.
 * @throws CheckpointError `bad-tokenizer`
 */
export function parseTokenizerSource(json: string): TokenizerSource {
  let data: unknown;
  try {
    data = JSON.parse(json);
  } catch (cause) {
    throw new CheckpointError('bad-tokenizer', 'the stored tokenizer is not JSON', {}, { cause });
  }
  const parsed = storedSource.safeParse(data);
  if (!parsed.success) {
    const at = parsed.error.issues[0]?.path.join('.') ?? '';
    throw new CheckpointError(
      'bad-tokenizer',
      `the stored tokenizer is damaged at ${at}`,
      { at },
      { cause: parsed.error },
    );
  }
  const { format: _, types, ...source } = parsed.data;
  if (types.length !== source.tokens.length) {
    throw new CheckpointError(
      'bad-tokenizer',
      `the stored tokenizer has ${source.tokens.length} tokens but ${types.length} types`,
      { expected: source.tokens.length, found: types.length },
    );
  }
  return { ...source, types: Array.from(types, Number) };
}
