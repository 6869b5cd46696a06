import type { ModelConfig } from './checkpoint.ts';
import type { GgufMetadata } from './gguf-metadata.ts';
import { TokenType, type TokenizerSource } from '../text/tokenizer-source.ts';

const TOKEN_ID = { min: 0, max: 0xffffffff };

/**
 * The tokenizer that a GGUF file carries in its metadata.
 * @throws CheckpointError `unsupported-tokenizer` | `missing-metadata` | `corrupt-checkpoint`
 */
export function readGgufTokenizer(metadata: GgufMetadata, config: ModelConfig): TokenizerSource {
  const model = metadata.string('tokenizer.ggml.model');
  if (model !== 'gpt2') {
    metadata.fail(
      'unsupported-tokenizer',
      'tokenizer.ggml.model',
      `tokenizer ${JSON.stringify(model.slice(0, 80))} is not supported; byte-level BPE ("gpt2") is`,
      { found: model, supported: ['gpt2'] },
    );
  }
  for (const key of ['tokenizer.ggml.add_space_prefix', 'tokenizer.ggml.remove_extra_whitespaces']) {
    if (!metadata.optionalBoolean(key)) continue;
    metadata.fail('unsupported-setting', key, `${key} is true, which is not supported`, { found: true });
  }

  const tokens = metadata.strings('tokenizer.ggml.tokens');
  if (tokens.length > config.vocabSize) {
    metadata.fail(
      'corrupt-checkpoint',
      'tokenizer.ggml.tokens',
      `there are ${tokens.length} tokens, but the embedding has ${config.vocabSize} rows`,
      { expected: config.vocabSize, found: tokens.length },
    );
  }
  const types = metadata.optionalIntegers('tokenizer.ggml.token_type');
  if (types && types.length !== tokens.length) {
    metadata.fail(
      'corrupt-checkpoint',
      'tokenizer.ggml.token_type',
      `there are ${types.length} token types for ${tokens.length} tokens`,
      { expected: tokens.length, found: types.length },
    );
  }
  const real = countRealTokens(tokens, types);
  const padTokenId = metadata.optionalInteger('tokenizer.ggml.padding_token_id', TOKEN_ID);
  return {
    pre: metadata.string('tokenizer.ggml.pre'),
    tokens: tokens.slice(0, real),
    types: types ? Array.from(types).slice(0, real) : Array.from({ length: real }, () => TokenType.normal),
    merges: metadata.strings('tokenizer.ggml.merges'),
    bosTokenId: config.bosTokenId,
    eosTokenIds: config.eosTokenIds,
    padTokenId: padTokenId !== undefined && padTokenId < tokens.length ? padTokenId : null,
    addBosToken: metadata.optionalBoolean('tokenizer.ggml.add_bos_token') ?? false,
    chatTemplate: metadata.optionalString('tokenizer.chat_template') ?? null,
  };
}

/** Leaves out the rows that only pad the embedding; converters spell them [PADn], and older ones call them user-defined. */
function countRealTokens(tokens: readonly string[], types: ArrayLike<number> | undefined): number {
  let count = tokens.length;
  while (count > 0 && (types?.[count - 1] === TokenType.unused || tokens[count - 1] === `[PAD${count - 1}]`)) count--;
  return count;
}
