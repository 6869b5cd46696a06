import { describe, expect, it } from 'vitest';
import { tinyWith, useGgufFiles } from '../support/gguf-files.ts';
import { writeGguf, type MetadataValue } from '../support/gguf-writer.ts';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';

const { withCheckpoint, refusal } = useGgufFiles();

/** A tiny file without one key. */
function tinyWithout(key: string): Uint8Array {
  const { metadata, tensors } = tinyCheckpoint();
  return writeGguf({ metadata: Object.entries(metadata!).filter(([name]) => name !== key), tensors });
}

describe('metadata', () => {
  it('names an unsupported architecture and what is supported', async () => {
    const error = await refusal(tinyWith('general.architecture', 'mamba'));
    expect(error).toMatchObject({
      code: 'unsupported-architecture',
      details: { found: 'mamba' },
    });
    expect(error.details.supported).toEqual(expect.arrayContaining(['qwen2', 'llama']));
    expect(error.message).toContain('"mamba" is not supported; supported are qwen2, ');
  });

  it.each([
    'general.architecture',
    'qwen2.block_count',
    'qwen2.context_length',
    'qwen2.embedding_length',
    'qwen2.feed_forward_length',
    'qwen2.attention.head_count',
    'qwen2.attention.layer_norm_rms_epsilon',
    'tokenizer.ggml.model',
    'tokenizer.ggml.pre',
    'tokenizer.ggml.tokens',
    'tokenizer.ggml.merges',
  ])('names the key that is missing: %s', async (key) => {
    expect(await refusal(tinyWithout(key))).toMatchObject({ code: 'missing-metadata', details: { key } });
  });

  it.each<[string, MetadataValue, string]>([
    ['qwen2.block_count', 'two', 'corrupt-checkpoint'],
    ['qwen2.block_count', 0, 'corrupt-checkpoint'],
    ['qwen2.block_count', 100_000, 'corrupt-checkpoint'],
    ['qwen2.block_count', { type: 'u64', value: 2n ** 63n }, 'corrupt-checkpoint'],
    ['qwen2.block_count', { type: 'f32', value: 1.5 }, 'corrupt-checkpoint'],
    ['qwen2.attention.head_count', 3, 'corrupt-checkpoint'],
    ['qwen2.attention.head_count_kv', 3, 'corrupt-checkpoint'],
    ['qwen2.attention.layer_norm_rms_epsilon', { type: 'f32', value: NaN }, 'corrupt-checkpoint'],
    ['qwen2.attention.layer_norm_rms_epsilon', { type: 'f32', value: -1 }, 'corrupt-checkpoint'],
    ['qwen2.rope.freq_base', { type: 'f32', value: Infinity }, 'corrupt-checkpoint'],
    ['qwen2.vocab_size', 5, 'corrupt-checkpoint'],
    ['general.name', 7, 'corrupt-checkpoint'],
    ['tokenizer.ggml.tokens', 'a', 'corrupt-checkpoint'],
    ['tokenizer.ggml.token_type', [1, 2, 3], 'corrupt-checkpoint'],
    ['tokenizer.ggml.merges', [1, 2, 3], 'corrupt-checkpoint'],
    ['tokenizer.ggml.model', 'llama', 'unsupported-tokenizer'],
    ['tokenizer.ggml.add_space_prefix', true, 'unsupported-setting'],
    ['qwen2.rope.scaling.type', 'longrope', 'unsupported-setting'],
    ['qwen2.rope.dimension_count', 8, 'unsupported-setting'],
    ['qwen2.attention.value_length', 32, 'unsupported-setting'],
    ['qwen2.expert_count', 4, 'unsupported-setting'],
    ['qwen2.attention.sliding_window', 4096, 'unsupported-setting'],
    ['qwen2.something_new', 1, 'unsupported-setting'],
    ['general.quantization_version', 1, 'unsupported-version'],
  ])('is refused by name: %s = %o', async (key, value, code) => {
    const error = await refusal(tinyWith(key, value));
    expect(error.code).toBe(code);
    expect(error.details['key']).toBe(key);
    expect(error.message).toContain(key);
  });

  it('may hold settings that have no effect', async () => {
    await withCheckpoint(tinyWith('qwen2.expert_count', 0), ({ config }) => expect(config.layers).toBe(2));
    await withCheckpoint(tinyWith('quantize.imatrix.file', 'x.dat'), ({ config }) => expect(config.layers).toBe(2));
  });
});
