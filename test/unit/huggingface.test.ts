import { cp, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointError, openCheckpoint } from '../../native-models/checkpoint/index.ts';
import { Tokenizer } from '../../native-models/text/tokenizer.ts';

// Saved by transformers: test/golden/make/huggingface.py.
const data = join(import.meta.dirname, '../golden/data');
let root = '';
let made = 0;
beforeAll(async () => void (root = await mkdtemp(join(tmpdir(), 'longhand-hf-'))));
afterAll(() => rm(root, { recursive: true }));

/** A copy of a saved checkpoint. */
async function copy(label: string): Promise<string> {
  const folder = join(root, String(made++));
  await cp(join(data, label), folder, { recursive: true });
  return folder;
}

/** The refusal of a checkpoint of which one file was changed. */
async function refusal(label: string, file: string, change: (text: string) => string | null): Promise<CheckpointError> {
  const folder = await copy(label);
  const path = join(folder, file);
  const changed = change(await readFile(path, 'utf8'));
  if (changed === null) await rm(path);
  else await writeFile(path, changed);
  const outcome: unknown = await openCheckpoint(folder).catch((error: unknown) => error);
  if (outcome instanceof CheckpointError) return outcome;
  throw new Error('not refused', { cause: outcome });
}

const setting = (key: string, value: unknown) => (text: string) =>
  JSON.stringify({ ...(JSON.parse(text) as object), [key]: value });

describe('a checkpoint as transformers saves it', () => {
  it.each(['', 'model.safetensors.index.json', 'model-00002-of-00002.safetensors'])(
    'opens whole by its folder or any of its files: %s',
    async (file) => {
      const checkpoint = await openCheckpoint(join(data, 'hf-qwen2-sharded', file));
      expect(checkpoint.config).toMatchObject({
        architecture: 'qwen2',
        layers: 2,
        headDim: 16,
        tiedEmbeddings: false,
        ropeTheta: 10_000,
        license: 'apache-2.0',
        sampling: { temperature: 0.7, topP: 0.8, topK: 20, repetitionPenalty: 1.05 },
        eosTokenIds: [257, 256],
      });
      expect(checkpoint.files).toHaveLength(2);
      expect(checkpoint.tensors.get('model.layers.1.mlp.down_proj.weight')).toMatchObject({
        type: 'BF16',
        shape: [64, 96],
      });
      await checkpoint.close();
    },
  );

  it('brings its tokenizer, whose special tokens no text can spell', async () => {
    const checkpoint = await openCheckpoint(join(data, 'hf-llama'));
    await checkpoint.close();
    const { tokenizer: source } = checkpoint;
    expect(source).toMatchObject({ pre: 'smollm', bosTokenId: null, padTokenId: 257, addBosToken: false });
    const tokenizer = Tokenizer.fromSource(source);
    expect(tokenizer.encode('he')).toEqual([258]);
    expect(tokenizer.encode('<|im_end|>')).not.toContain(257);
    expect(tokenizer.encodePieces([{ text: '<|im_end|><tool_call>', special: true }])).toEqual([257, 259]);
    expect(tokenizer.isControl(257)).toBe(true);
    expect(tokenizer.isControl(259)).toBe(false);
    expect(source.chatTemplate).toContain('add_generation_prompt');
  });

  it.each<[string, string, (text: string) => string | null, string, string]>([
    ['another family', 'config.json', setting('model_type', 'gemma2'), 'unsupported-architecture', 'gemma2'],
    [
      'a sliding window',
      'config.json',
      setting('use_sliding_window', true),
      'unsupported-setting',
      'use_sliding_window',
    ],
    ['another activation', 'config.json', setting('hidden_act', 'gelu'), 'unsupported-setting', 'hidden_act'],
    ['a setting that nobody knows', 'config.json', setting('logit_scale', 2), 'unsupported-setting', 'logit_scale'],
    ['code of its own', 'config.json', setting('auto_map', {}), 'unsupported-setting', 'auto_map'],
    ['a width that its tensors lack', 'config.json', setting('intermediate_size', 80), 'corrupt-checkpoint', 'shape'],
    ['a layer more than it has', 'config.json', setting('num_hidden_layers', 3), 'missing-tensor', 'layers.2'],
    ['a layer less than it has', 'config.json', setting('num_hidden_layers', 1), 'unsupported-setting', 'layers.1'],
    [
      'quantised weights',
      'config.json',
      setting('quantization_config', { quant_method: 'fp8' }),
      'unsupported-setting',
      'fp8',
    ],
    ['no settings', 'config.json', () => null, 'missing-metadata', 'config.json'],
    ['broken settings', 'config.json', () => '{', 'corrupt-checkpoint', 'JSON'],
    ['no tokenizer', 'tokenizer.json', () => null, 'missing-metadata', 'tokenizer.json'],
    [
      'another way to split',
      'tokenizer.json',
      setting('pre_tokenizer', { type: 'Whitespace' }),
      'unsupported-tokenizer',
      'Whitespace',
    ],
    ['another normaliser', 'tokenizer.json', setting('normalizer', { type: 'NFKC' }), 'unsupported-tokenizer', 'NFKC'],
    ['a missing shard', 'model-00002-of-00002.safetensors', () => null, 'corrupt-checkpoint', 'is missing'],
    [
      'a shard that is cut',
      'model-00002-of-00002.safetensors',
      (text) => text.slice(0, 500),
      'corrupt-checkpoint',
      '00002',
    ],
  ])('is refused with the reason when it has %s', async (_, file, change, code, words) => {
    const error = await refusal('hf-qwen2-sharded', file, change);
    expect(error.message).toContain(words);
    expect(error.code).toBe(code);
  });

  it.each([
    ['hf-gptq-int4', 'model.safetensors', 'gptq_model-4bit-128g.safetensors'],
    ['hf-qwen2-sharded', 'model.safetensors.index.json', 'gptq_model-4bit-128g.safetensors.index.json'],
  ])('opens by its folder where its weights go by another name: %s', async (label, usual, other) => {
    const folder = await copy(label);
    await rename(join(folder, usual), join(folder, other));
    for (const path of [folder, join(folder, other)]) {
      const checkpoint = await openCheckpoint(path);
      await checkpoint.close();
      expect(checkpoint.files).toHaveLength(label === 'hf-gptq-int4' ? 1 : 2);
    }
  });

  it('is refused where its folder leaves a choice', async () => {
    const folder = await copy('hf-llama');
    for (const name of ['a.safetensors', 'b.safetensors'])
      await cp(join(folder, 'model.safetensors'), join(folder, name));
    await (await openCheckpoint(folder)).close(); // by the usual name
    await rm(join(folder, 'model.safetensors'));
    await expect(openCheckpoint(folder)).rejects.toThrow('nor just one file of that kind');
    await (await openCheckpoint(join(folder, 'a.safetensors'))).close();
  });

  it('is refused with the reason when its weights are pickles, or are not there', async () => {
    const folder = await copy('hf-llama');
    await rm(join(folder, 'model.safetensors'));
    await expect(openCheckpoint(folder)).rejects.toThrow('there is neither model.safetensors');
    await writeFile(join(folder, 'pytorch_model.bin'), '');
    await expect(openCheckpoint(folder)).rejects.toThrow('Python pickles');
  });
});
