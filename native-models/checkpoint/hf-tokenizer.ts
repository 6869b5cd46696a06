import { join } from 'node:path';
import { z } from 'zod';
import { TokenType, type TokenizerSource } from '../text/tokenizer-source.ts';
import { endSpellings } from './end-tokens.ts';
import { CheckpointError } from './errors.ts';
import { readOptionalJsonFile, readOptionalText } from './hf-json.ts';
import { readVocabulary, type HfVocabulary } from './hf-vocabulary.ts';

/** Qwen's has 11 MB. */
const MAX_TOKENIZER_BYTES = 64 * 1024 * 1024;
const MAX_SETTINGS_BYTES = 4 * 1024 * 1024;
const MAX_TEMPLATE_BYTES = 1024 * 1024;
const MAX_TOKENS = 1 << 20;

const id = z.int().nonnegative().max(MAX_TOKENS);
const part: z.ZodType<Part> = z.lazy(() =>
  z.looseObject({ type: z.string(), pretokenizers: z.array(part).optional(), normalizers: z.array(part).optional() }),
);
type Part = {
  type: string;
  pretokenizers?: Part[] | undefined;
  normalizers?: Part[] | undefined;
  [key: string]: unknown;
};
const tokenizerFile = z.object({
  added_tokens: z.array(z.object({ id, content: z.string(), special: z.boolean() })).default([]),
  normalizer: part.nullish(),
  pre_tokenizer: part.nullish(),
  model: z.looseObject({
    type: z.string().default('BPE'),
    vocab: z.record(z.string(), id),
    merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])),
  }),
});
type TokenizerFile = z.infer<typeof tokenizerFile>;

const spelled = z.union([z.string(), z.object({ content: z.string() })]).nullish();
const settingsFile = z.object({
  bos_token: spelled,
  eos_token: spelled,
  pad_token: spelled,
  add_bos_token: z.boolean().nullish(),
  chat_template: z.union([z.string(), z.array(z.object({ name: z.string(), template: z.string() }))]).nullish(),
});

/** The pattern of Qwen2 and its descendants, as their files spell it. */
const QWEN2_PATTERN = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;

/**
 * The tokenizer of a checkpoint's folder: tokenizer.json, or vocab.json and merges.txt where that is missing;
 * tokenizer_config.json; and, where it is apart, chat_template.jinja.
 * @param of what config.json and generation_config.json say; `vocabSize` are the rows of the embedding
 * @throws CheckpointError `unsupported-tokenizer` | `missing-metadata` | `corrupt-checkpoint` | `limit-exceeded`
 */
export async function readHfTokenizer(
  folder: string,
  of: { vocabSize: number; eosTokenIds: readonly number[] },
): Promise<TokenizerSource> {
  const vocabulary = await readAnyVocabulary(folder);
  const settings = await readOptionalJsonFile(join(folder, 'tokenizer_config.json'), settingsFile, MAX_SETTINGS_BYTES);
  const { tokens, types } = listTokens(vocabulary, of.vocabSize);
  const idOf = (token: z.infer<typeof spelled>): number | null => {
    if (token === null || token === undefined) return null;
    const found = tokens.lastIndexOf(typeof token === 'string' ? token : token.content);
    return found === -1 ? null : found;
  };
  const eos = idOf(settings?.eos_token);
  const spelledEnds = tokens.flatMap((token, at) =>
    endSpellings.has(token) && types[at] === TokenType.control ? [at] : [],
  );
  const ends = [...of.eosTokenIds, ...(eos === null ? [] : [eos]), ...spelledEnds];
  return {
    pre: vocabulary.pre,
    tokens,
    types,
    merges: vocabulary.merges,
    bosTokenId: idOf(settings?.bos_token),
    eosTokenIds: [...new Set(ends.filter((end) => end < tokens.length))],
    padTokenId: idOf(settings?.pad_token),
    addBosToken: settings?.add_bos_token ?? false,
    chatTemplate: await readTemplate(folder, settings?.chat_template),
  };
}

async function readAnyVocabulary(folder: string): Promise<HfVocabulary> {
  const path = join(folder, 'tokenizer.json');
  const file = await readOptionalJsonFile(path, tokenizerFile, MAX_TOKENIZER_BYTES);
  if (file === null) {
    const older = await readVocabulary(folder, { vocabulary: MAX_TOKENIZER_BYTES, settings: MAX_SETTINGS_BYTES });
    if (older !== null) return older;
    throw new CheckpointError('missing-metadata', `${path} is missing`, { path });
  }
  return {
    path,
    pre: recogniseSplit(path, file),
    vocab: file.model.vocab,
    merges: file.model.merges.map((merge) => (typeof merge === 'string' ? merge : merge.join(' '))),
    added: file.added_tokens,
  };
}

async function readTemplate(
  folder: string,
  own: z.infer<typeof settingsFile>['chat_template'],
): Promise<string | null> {
  const apart = await readOptionalText(join(folder, 'chat_template.jinja'), MAX_TEMPLATE_BYTES);
  if (apart !== null) return apart;
  if (own === null || own === undefined || typeof own === 'string') return own ?? null;
  return own.find(({ name }) => name === 'default')?.template ?? null;
}

function listTokens({ path, vocab, added }: HfVocabulary, vocabSize: number) {
  const tokens: string[] = [];
  const types: number[] = [];
  for (const [token, at] of Object.entries(vocab)) [tokens[at], types[at]] = [token, TokenType.normal];
  for (const { id: at, content, special } of added) {
    [tokens[at], types[at]] = [content, special ? TokenType.control : TokenType.userDefined];
  }
  if (tokens.length > vocabSize) {
    throw new CheckpointError(
      'corrupt-checkpoint',
      `${path}: there are ${tokens.length} tokens, but the embedding has ${vocabSize} rows`,
      { path, expected: vocabSize, found: tokens.length },
    );
  }
  for (let at = 0; at < tokens.length; at++) {
    if (tokens[at] === undefined) [tokens[at], types[at]] = ['', TokenType.unused];
  }
  return { tokens, types };
}

/** The name of the pre-tokeniser that does what the file describes. */
function recogniseSplit(path: string, { model, normalizer, pre_tokenizer: split }: TokenizerFile): string {
  const refuse = (what: string, found: unknown): never => {
    const shown = JSON.stringify(found).slice(0, 200);
    throw new CheckpointError('unsupported-tokenizer', `${path}: ${what} ${shown} is not supported`, {
      path,
      found: shown,
    });
  };
  if (model.type !== 'BPE') refuse('the model', model.type);
  for (const key of ['dropout', 'continuing_subword_prefix', 'end_of_word_suffix', 'byte_fallback', 'ignore_merges']) {
    if (model[key]) refuse(key, model[key]);
  }
  const steps = split?.pretokenizers ?? (split ? [split] : []);
  const normalizers = normalizer?.normalizers ?? (normalizer ? [normalizer] : []);
  const [first, second] = steps;
  const isByteLevel = second?.type === 'ByteLevel' && second.add_prefix_space !== true && steps.length === 2;
  const normal = normalizers.map(({ type }) => type).join();
  if (isByteLevel && first?.type === 'Split' && second.use_regex === false && normal === 'NFC') {
    const pattern = first.pattern as { Regex?: unknown } | undefined;
    if (pattern?.Regex === QWEN2_PATTERN && first.behavior === 'Isolated' && !first.invert) return 'qwen2';
  }
  if (isByteLevel && first?.type === 'Digits' && first.individual_digits === true && normal === '') {
    if (second.use_regex !== false) return 'smollm';
  }
  return refuse('the way to split text', { normalizer, pre_tokenizer: split });
}
