import { basename } from 'node:path';
import type { Architecture, FamilyName, FamilySettings } from '../architectures/architecture.ts';
import { architectures } from '../architectures/index.ts';
import { yarnAttentionFactor } from '../attention/rope.ts';
import type { ModelConfig, RopeScaling } from './checkpoint.ts';
import { endSpellings } from './end-tokens.ts';
import { TokenType } from '../text/tokenizer-source.ts';
import type { GgufTensor } from './gguf-header.ts';
import type { GgufMetadata } from './gguf-metadata.ts';
import { requireTensor } from './gguf-tensors.ts';

const COUNT = { min: 1, max: 1 << 24 };
const LAYERS = { min: 1, max: 1024 };
const FAMILY_INTEGER = { min: 0, max: 1 << 24 };
const TOKEN_ID = { min: 0, max: 0xffffffff };
const POSITIVE = { min: Number.MIN_VALUE, max: Number.MAX_VALUE };

/**
 * The model's shape from GGUF metadata (llama.cpp `gguf-py/gguf/constants.py` names the keys).
 * A setting that would change the result and that nobody here implements is refused, not ignored.
 * @throws CheckpointError `unsupported-architecture` | `unsupported-setting` | `missing-metadata` | `missing-tensor`
 */
export function readGgufConfig(metadata: GgufMetadata, tensors: ReadonlyMap<string, GgufTensor>): ModelConfig {
  const family = readArchitecture(metadata);
  const key = (name: string) => `${family.ggufName}.${name}`;
  refuseOtherKinds(metadata);

  const hiddenSize = metadata.integer(key('embedding_length'), COUNT);
  const heads = metadata.integer(key('attention.head_count'), COUNT);
  const kvHeads = metadata.optionalInteger(key('attention.head_count_kv'), COUNT) ?? heads;
  const headDim = metadata.optionalInteger(key('attention.key_length'), COUNT) ?? hiddenSize / heads;
  const settle = (name: string, expected: number, found: number) => {
    if (found === expected) return;
    metadata.fail('unsupported-setting', key(name), `${key(name)} is ${found}; only ${expected} is supported here`, {
      expected,
      found,
    });
  };
  if (!Number.isInteger(headDim) || headDim % 2 !== 0) {
    metadata.fail(
      'corrupt-checkpoint',
      key('attention.head_count'),
      `${heads} heads cannot share ${hiddenSize} values`,
      {
        heads,
        hiddenSize,
      },
    );
  }
  if (heads % kvHeads !== 0) {
    metadata.fail(
      'corrupt-checkpoint',
      key('attention.head_count_kv'),
      `${kvHeads} KV heads cannot serve ${heads} heads`,
      {
        heads,
        kvHeads,
      },
    );
  }
  settle('attention.value_length', headDim, metadata.optionalInteger(key('attention.value_length'), COUNT) ?? headDim);
  settle('rope.dimension_count', headDim, metadata.optionalInteger(key('rope.dimension_count'), COUNT) ?? headDim);

  const layers = metadata.integer(key('block_count'), LAYERS);
  const intermediateSize = metadata.integer(key('feed_forward_length'), COUNT);
  const settings = new GgufFamilySettings(metadata, tensors, { prefix: family.ggufName, layers, intermediateSize });
  const moe = family.readMoe?.(settings) ?? null;
  refuseUnknownSettings(metadata, family.ggufName, settings.asked);

  const vocabSize = requireTensor(metadata.path, tensors, 'token_embd.weight').rows;
  const declared = metadata.optionalInteger(key('vocab_size'), COUNT) ?? vocabSize;
  if (declared !== vocabSize) {
    metadata.fail(
      'corrupt-checkpoint',
      key('vocab_size'),
      `${key('vocab_size')} is ${declared}, but token_embd.weight has ${vocabSize} rows`,
      { expected: declared, found: vocabSize, tensor: 'token_embd.weight' },
    );
  }

  return {
    architecture: family.modelType,
    name: metadata.optionalString('general.name') || basename(metadata.path, '.gguf'),
    license: metadata.optionalString('general.license') || null,
    layers,
    hiddenSize,
    heads,
    kvHeads,
    headDim,
    intermediateSize,
    moe,
    vocabSize,
    rmsNormEps: metadata.number(key('attention.layer_norm_rms_epsilon'), POSITIVE),
    ropeTheta: metadata.optionalNumber(key('rope.freq_base'), POSITIVE) ?? 10_000,
    ropeScaling: readRopeScaling(metadata, key),
    contextLength: metadata.integer(key('context_length'), { min: 1, max: 1 << 30 }),
    tiedEmbeddings: !tensors.has('output.weight'),
    ...readStopTokens(metadata),
  };
}

function readArchitecture(metadata: GgufMetadata): Architecture {
  const found = metadata.string('general.architecture');
  const architecture = architectures.find(({ ggufName }) => ggufName === found);
  if (architecture) return architecture;
  const shown = JSON.stringify(found.slice(0, 80));
  const supported = architectures.map(({ ggufName }) => ggufName);
  return metadata.fail(
    'unsupported-architecture',
    'general.architecture',
    `architecture ${shown} is not supported; supported are ${supported.join(', ')}`,
    { found, supported },
  );
}

/** What a family asks of GGUF metadata; remembers the names, because a setting that is read is a known one. */
class GgufFamilySettings implements FamilySettings {
  readonly layers: number;
  readonly intermediateSize: number;
  readonly asked = new Set<string>();
  readonly #metadata: GgufMetadata;
  readonly #tensors: ReadonlyMap<string, GgufTensor>;
  readonly #prefix: string;

  constructor(
    metadata: GgufMetadata,
    tensors: ReadonlyMap<string, GgufTensor>,
    model: { prefix: string; layers: number; intermediateSize: number },
  ) {
    this.#metadata = metadata;
    this.#tensors = tensors;
    this.#prefix = model.prefix;
    this.layers = model.layers;
    this.intermediateSize = model.intermediateSize;
  }

  integer({ huggingFace, gguf }: FamilyName): number {
    return this.#metadata.integer(this.#key(gguf ?? huggingFace), FAMILY_INTEGER);
  }

  optionalInteger({ gguf }: FamilyName): number | undefined {
    return gguf === null ? undefined : this.#metadata.optionalInteger(this.#key(gguf), FAMILY_INTEGER);
  }

  optionalIntegers({ gguf }: FamilyName): readonly number[] | undefined {
    const found = gguf === null ? undefined : this.#metadata.optionalIntegers(this.#key(gguf));
    return found && Array.from(found);
  }

  optionalBoolean({ gguf }: FamilyName): boolean | undefined {
    return gguf === null ? undefined : this.#metadata.optionalBoolean(this.#key(gguf));
  }

  hasTensor({ gguf }: { gguf: string }): boolean {
    return this.#tensors.has(gguf);
  }

  #key(name: string): string {
    this.asked.add(name);
    return `${this.#prefix}.${name}`;
  }
}

/** Adapters and projectors carry an architecture too, but cannot run alone. */
function refuseOtherKinds(metadata: GgufMetadata): void {
  const type = metadata.optionalString('general.type') ?? 'model';
  if (type !== 'model') {
    metadata.fail('not-a-checkpoint', 'general.type', `this GGUF holds a ${type}, not a model`, { found: type });
  }
  const quantization = metadata.optionalInteger('general.quantization_version', { min: 0, max: 0xffff }) ?? 2;
  if (quantization !== 2) {
    metadata.fail(
      'unsupported-version',
      'general.quantization_version',
      `quantisation version ${quantization} is not supported; version 2 is`,
      { found: quantization, expected: 2 },
    );
  }
}

/** Settings of an architecture that are read, or that change nothing in a dense causal decoder. */
const knownSettings = new Set([
  'context_length',
  'embedding_length',
  'block_count',
  'feed_forward_length',
  'vocab_size',
  'attention.head_count',
  'attention.head_count_kv',
  'attention.key_length',
  'attention.value_length',
  'attention.layer_norm_rms_epsilon',
  'attention.layer_norm_epsilon', // written beside the RMS one by some converters; these models have no LayerNorm
  'rope.dimension_count',
  'rope.freq_base',
  'rope.scaling.type',
  'rope.scaling.factor',
  'rope.scaling.original_context_length',
  'rope.scaling.finetuned',
  'rope.scaling.attn_factor',
  'rope.scaling.yarn_beta_fast',
  'rope.scaling.yarn_beta_slow',
  'rope.scale_linear',
  'tensor_data_layout', // describes the row order that `llama` files have anyway
]);

/** Values at which a setting that is not implemented has no effect. */
const neutralSettings: Readonly<Record<string, number | boolean>> = {
  'attention.causal': true,
  'attention.clamp_kqv': 0,
  'attention.max_alibi_bias': 0,
  'attention.sliding_window': 0,
  use_parallel_residual: false,
  expert_count: 0,
  expert_used_count: 0,
  logit_scale: 0,
  embedding_scale: 0,
  residual_scale: 0,
  pooling_type: 0,
  attn_logit_softcapping: 0,
  final_logit_softcapping: 0,
};

function refuseUnknownSettings(metadata: GgufMetadata, prefix: string, ofFamily: ReadonlySet<string>): void {
  for (const key of metadata.keys) {
    if (!key.startsWith(`${prefix}.`)) continue;
    const setting = key.slice(prefix.length + 1);
    if (knownSettings.has(setting) || ofFamily.has(setting)) continue;
    const value = metadata.get(key);
    if (Object.hasOwn(neutralSettings, setting) && neutralSettings[setting] === value) continue;
    const found = typeof value === 'object' ? 'an array' : String(value).slice(0, 80);
    metadata.fail(
      'unsupported-setting',
      key,
      `${key} is ${found}; this setting is not supported and may change the result`,
      { found },
    );
  }
}

function readRopeScaling(metadata: GgufMetadata, key: (name: string) => string): RopeScaling | null {
  const typeKey = key('rope.scaling.type');
  // Files older than `rope.scaling.*` give the factor alone; it always meant linear scaling.
  const oldFactor = metadata.optionalNumber(key('rope.scale_linear'), POSITIVE);
  const type = metadata.optionalString(typeKey) ?? (oldFactor === undefined ? 'none' : 'linear');
  const factor = metadata.optionalNumber(key('rope.scaling.factor'), POSITIVE) ?? oldFactor ?? 1;
  const originalContextLength =
    metadata.optionalInteger(key('rope.scaling.original_context_length'), { min: 1, max: 1 << 30 }) ?? null;
  if (type === 'none' || (type === 'linear' && factor === 1)) return null;
  if (type === 'linear') return { type, factor, originalContextLength };
  if (type === 'yarn') {
    // llama.cpp multiplies the factor of the paper by this one; Hugging Face names the product.
    const times = metadata.optionalNumber(key('rope.scaling.attn_factor'), POSITIVE);
    return {
      type,
      factor,
      originalContextLength,
      betaFast: metadata.optionalNumber(key('rope.scaling.yarn_beta_fast'), POSITIVE),
      betaSlow: metadata.optionalNumber(key('rope.scaling.yarn_beta_slow'), POSITIVE),
      attentionFactor: times === undefined ? undefined : times * yarnAttentionFactor(factor),
    };
  }
  return metadata.fail(
    'unsupported-setting',
    typeKey,
    `${typeKey} is ${JSON.stringify(type.slice(0, 80))}; supported are none, linear and yarn`,
    { found: type, supported: ['none', 'linear', 'yarn'] },
  );
}

function readStopTokens(metadata: GgufMetadata): Pick<ModelConfig, 'bosTokenId' | 'eosTokenIds'> {
  const tokens = metadata.strings('tokenizer.ggml.tokens');
  const types = metadata.optionalIntegers('tokenizer.ggml.token_type');
  const declared = ['eos', 'eot'].map((name) => metadata.optionalInteger(`tokenizer.ggml.${name}_token_id`, TOKEN_ID));
  const spelled = tokens.flatMap((token, id) =>
    endSpellings.has(token) && types?.[id] === TokenType.control ? [id] : [],
  );
  const exists = (id: number | undefined): id is number => id !== undefined && id < tokens.length;
  const bosTokenId = metadata.optionalInteger('tokenizer.ggml.bos_token_id', TOKEN_ID);
  return {
    bosTokenId: exists(bosTokenId) ? bosTokenId : null,
    eosTokenIds: [...new Set([...declared, ...spelled].filter(exists))],
  };
}
