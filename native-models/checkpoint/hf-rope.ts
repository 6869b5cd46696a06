import type { DualChunkConfig, ModelConfig, RopeScaling } from './checkpoint.ts';
import type { HfSettings } from './hf-settings.ts';

const LENGTH = { min: 1, max: 1 << 30 };
const POSITIVE = { min: Number.MIN_VALUE, max: Number.MAX_VALUE };
const FACTOR = { min: 1, max: 1 << 20 };
/** What configurations of `llama` mean that were written before the key existed (transformers, `LlamaConfig`). */
const LLAMA_ROPE_THETA = 10_000;

/**
 * How positions turn queries and keys. transformers writes either `rope_theta` and `rope_scaling`, or, since release 5,
 * both in `rope_parameters`.
 * @throws CheckpointError `unsupported-setting` | `missing-metadata` | `corrupt-checkpoint`
 */
export function readRope(settings: HfSettings): Pick<ModelConfig, 'ropeTheta' | 'ropeScaling' | 'contextLength'> {
  const parameters = settings.optionalObject('rope_parameters');
  const scaling = settings.optionalObject('rope_scaling');
  const positions = settings.integer('max_position_embeddings', LENGTH);
  const fallback = settings.optionalNumber('rope_theta', POSITIVE) ?? llamaTheta(settings);
  const ropeTheta = (parameters ?? scaling)?.optionalNumber('rope_theta', POSITIVE) ?? fallback;
  if (ropeTheta === undefined) return settings.fail('missing-metadata', 'rope_theta', 'is missing');
  // A checkpoint of release 5 that an older program edits may hold both; the newer one is read by the newer releases.
  const ropeScaling = readScaling(parameters ?? scaling, positions);
  const original = ropeScaling?.originalContextLength;
  const stretched = ropeScaling?.type === 'yarn' && original ? Math.floor(original * ropeScaling.factor) : 0;
  return { ropeTheta, ropeScaling, contextLength: Math.max(positions, stretched) };
}

/** Chunk sizes of the 1M models. @throws CheckpointError as `readRope` */
export function readDualChunk(settings: HfSettings): DualChunkConfig | undefined {
  const chunks = settings.optionalObject('dual_chunk_attention_config');
  if (!chunks) return undefined;
  const chunkSize = chunks.integer('chunk_size', LENGTH);
  const localSize = chunks.integer('local_size', LENGTH);
  const originalContextLength = chunks.integer('original_max_position_embeddings', LENGTH);
  if (localSize >= chunkSize) {
    chunks.fail('corrupt-checkpoint', 'local_size', `is ${localSize}, not less than chunk_size ${chunkSize}`, {
      found: localSize,
    });
  }
  chunks.refuseUnknown((key, value) => key === 'sparse_attention_enabled' && value === false);
  return { chunkSize, localSize, originalContextLength };
}

function llamaTheta(settings: HfSettings): number | undefined {
  return settings.get('model_type') === 'llama' ? LLAMA_ROPE_THETA : undefined;
}

function readScaling(rope: HfSettings | undefined, positions: number): RopeScaling | null {
  if (!rope) return null;
  const type = rope.optionalString('rope_type') ?? rope.optionalString('type') ?? 'default';
  rope.optionalString('type'); // both are written; `rope_type` is the newer
  const scaling = readScalingOf(rope, type, positions);
  rope.refuseUnknown((key, value) => key === 'partial_rotary_factor' && value === 1);
  return scaling;
}

function readScalingOf(rope: HfSettings, type: string, positions: number): RopeScaling | null {
  if (type === 'default') return null;
  if (type === 'linear') {
    const factor = rope.number('factor', FACTOR);
    return factor === 1 ? null : { type, factor, originalContextLength: null };
  }
  if (type !== 'yarn') {
    const found = type.slice(0, 80);
    const supported = ['default', 'linear', 'yarn'];
    return rope.fail(
      'unsupported-setting',
      'rope_type',
      `is ${JSON.stringify(found)}; supported are ${supported.join(', ')}`,
      { found, supported },
    );
  }
  const factor = rope.number('factor', FACTOR);
  // Without the original length transformers takes the positions that the configuration claims.
  const originalContextLength = rope.optionalInteger('original_max_position_embeddings', LENGTH) ?? positions;
  for (const key of ['mscale', 'mscale_all_dim']) {
    if (rope.get(key) !== undefined) rope.fail('unsupported-setting', key, 'is set, which is not supported');
  }
  if (rope.optionalBoolean('truncate') === false) {
    rope.fail('unsupported-setting', 'truncate', 'is false, which is not supported', { found: false });
  }
  rope.optionalBoolean('finetuned'); // says where the figures come from
  return {
    type,
    factor,
    originalContextLength,
    betaFast: rope.optionalNumber('beta_fast', POSITIVE),
    betaSlow: rope.optionalNumber('beta_slow', POSITIVE),
    attentionFactor: rope.optionalNumber('attention_factor', POSITIVE),
  };
}
