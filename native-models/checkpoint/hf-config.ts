import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { findArchitecture } from '../architectures/index.ts';
import type { ModelConfig } from './checkpoint.ts';
import { isHarmless } from './hf-harmless.ts';
import { readJsonFile } from './hf-json.ts';
import { readDualChunk, readRope } from './hf-rope.ts';
import { HfFamilySettings, HfSettings } from './hf-settings.ts';

const MAX_CONFIG_BYTES = 1024 * 1024;
const COUNT = { min: 1, max: 1 << 24 };
const LAYERS = { min: 1, max: 1024 };
const TOKEN_ID = { min: -1, max: 0xffffffff }; // some write -1 for "none"
const POSITIVE = { min: Number.MIN_VALUE, max: Number.MAX_VALUE };

type Stored = ReadonlyMap<string, { shape: readonly number[] }>;
/** What config.json says; the rest of `ModelConfig` is in other files. */
export type HfModelConfig = Omit<ModelConfig, 'license' | 'sampling'>;

/** Reads `config.json`. @throws CheckpointError `missing-metadata` | `corrupt-checkpoint` | `limit-exceeded` */
export async function readHfSettings(folder: string): Promise<HfSettings> {
  const path = join(folder, 'config.json');
  return new HfSettings(path, await readJsonFile(path, z.record(z.string(), z.unknown()), MAX_CONFIG_BYTES));
}

/**
 * The model's shape from config.json; every number is read, and a setting that would change the result and that nobody
 * here implements is refused, not ignored.
 * @param tensors those of the checkpoint by Hugging Face name
 * @throws CheckpointError `unsupported-architecture` | `unsupported-setting` | `missing-metadata` | `corrupt-checkpoint`
 */
export function readHfConfig(settings: HfSettings, tensors: Stored): HfModelConfig {
  const family = findArchitecture(settings.string('model_type'));
  refuseOtherKinds(settings);

  const hiddenSize = settings.integer('hidden_size', COUNT);
  const heads = settings.integer('num_attention_heads', COUNT);
  const kvHeads = settings.optionalInteger('num_key_value_heads', COUNT) ?? heads;
  const headDim = readHeadDim(settings, hiddenSize, heads);
  if (heads % kvHeads !== 0) {
    settings.fail('corrupt-checkpoint', 'num_key_value_heads', `is ${kvHeads}, which cannot serve ${heads} heads`, {
      heads,
      kvHeads,
    });
  }
  const layers = settings.integer('num_hidden_layers', LAYERS);
  const intermediateSize = settings.integer('intermediate_size', COUNT);
  const moe = family.readMoe?.(new HfFamilySettings(settings, tensors, { layers, intermediateSize })) ?? null;
  const dualChunk = readDualChunk(settings);
  checkBiases(settings, tensors);

  const config: HfModelConfig = {
    architecture: family.modelType,
    name: nameOf(dirname(settings.path)),
    layers,
    hiddenSize,
    heads,
    kvHeads,
    headDim,
    intermediateSize,
    moe,
    vocabSize: settings.integer('vocab_size', COUNT),
    rmsNormEps: settings.number('rms_norm_eps', POSITIVE),
    ...readRope(settings),
    ...(dualChunk ? { dualChunk } : {}),
    // Left out it means false in these families; a checkpoint without a head says the opposite by what it lacks.
    tiedEmbeddings: settings.optionalBoolean('tie_word_embeddings') ?? !tensors.has('lm_head.weight'),
    bosTokenId: settings.optionalIntegers('bos_token_id', TOKEN_ID)?.find((id) => id >= 0) ?? null,
    eosTokenIds: (settings.optionalIntegers('eos_token_id', TOKEN_ID) ?? []).filter((id) => id >= 0),
  };
  settings.get('quantization_config'); // read with the tensors that it describes
  settings.refuseUnknown(isHarmless);
  return config;
}

/** Classifiers, encoders and models with code of their own share a `model_type` with what runs here. */
function refuseOtherKinds(settings: HfSettings): void {
  const other = listed(settings.get('architectures')).find((head) => !String(head).endsWith('ForCausalLM'));
  if (other !== undefined) {
    const found = JSON.stringify(other).slice(0, 80);
    settings.fail(
      'unsupported-setting',
      'architectures',
      `has ${found}; only models for text (…ForCausalLM) are supported`,
      {
        found,
      },
    );
  }
  if (settings.get('auto_map') !== undefined) {
    settings.fail(
      'unsupported-setting',
      'auto_map',
      'is set: this model brings code of its own, which is not run here',
    );
  }
  const activation = settings.optionalString('hidden_act') ?? 'silu';
  if (activation !== 'silu') {
    const found = activation.slice(0, 80);
    settings.fail('unsupported-setting', 'hidden_act', `is ${JSON.stringify(found)}; only "silu" is supported`, {
      found,
      expected: 'silu',
    });
  }
  if (settings.optionalBoolean('use_sliding_window')) {
    settings.fail('unsupported-setting', 'use_sliding_window', 'is true; only full attention is supported', {
      found: true,
      expected: false,
    });
  }
  const odd = listed(settings.get('layer_types')).find((type) => type !== 'full_attention');
  if (odd !== undefined) {
    const found = JSON.stringify(odd).slice(0, 80);
    settings.fail('unsupported-setting', 'layer_types', `has ${found}; only full_attention is supported`, { found });
  }
}

/** The members of a list; what is none stands for itself, and nothing for an empty one. */
function listed(value: unknown): unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

function readHeadDim(settings: HfSettings, hiddenSize: number, heads: number): number {
  const stated = settings.optionalInteger('head_dim', COUNT);
  if (stated === undefined && settings.get('model_type') === 'qwen3') {
    settings.fail('missing-metadata', 'head_dim', 'is missing');
  }
  const headDim = stated ?? hiddenSize / heads;
  if (Number.isInteger(headDim) && headDim % 2 === 0) return headDim;
  const [key, problem] =
    stated === undefined
      ? ['num_attention_heads', `is ${heads}, which cannot share ${hiddenSize} values`]
      : ['head_dim', `is ${headDim}, not an even number`];
  return settings.fail('corrupt-checkpoint', key, problem, { found: headDim });
}

/** Biases that the configuration disclaims would be added all the same, and those it claims must be there. */
function checkBiases(settings: HfSettings, tensors: Stored): void {
  const places: [string, string][] = [
    ['attention_bias', 'self_attn.o_proj'],
    ['mlp_bias', 'mlp.down_proj'],
  ];
  for (const [key, module] of places) {
    const claimed = settings.optionalBoolean(key);
    const tensor = `model.layers.0.${module}.bias`;
    if (claimed === undefined || claimed === tensors.has(tensor)) continue;
    const relation = claimed ? 'is missing' : 'is there';
    settings.fail('corrupt-checkpoint', key, `is ${claimed}, but tensor ${tensor} ${relation}`, { tensor });
  }
}

/** A folder's name; a hub's cache keeps a repository's files in `models--OWNER--NAME/snapshots/COMMIT`. */
function nameOf(folder: string): string {
  const repository = basename(dirname(dirname(folder)));
  const cached = basename(dirname(folder)) === 'snapshots' ? /^models--.*--(.+)$/.exec(repository)?.[1] : undefined;
  return cached ?? basename(folder);
}
