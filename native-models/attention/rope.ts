import { CheckpointError } from '../checkpoint/errors.ts';
import type { RopeScaling } from '../checkpoint/checkpoint.ts';

export type RopeParameters = { headDim: number; ropeTheta: number; ropeScaling: RopeScaling | null };

/** Angular frequency of each pair of dimensions (length D/2) and the factor on cos and sin. */
export type RopeFrequencies = { frequencies: Float64Array; factor: number };

// Beta values of the YaRN paper (arXiv 2309.00071), for configurations that set none.
const BETA_FAST = 32;
const BETA_SLOW = 1;

/**
 * theta_p = base^(-2p/D); linear scaling divides it, YaRN keeps the fast pairs, divides the slow ones by the factor
 * and multiplies cos and sin by 0.1 ln(factor) + 1 (transformers, `_compute_yarn_parameters`).
 */
export function ropeFrequencies({ headDim, ropeTheta, ropeScaling }: RopeParameters): RopeFrequencies {
  const half = headDim / 2;
  const plain = Float64Array.from({ length: half }, (_, p) => ropeTheta ** ((-2 * p) / headDim));
  if (ropeScaling === null) return { frequencies: plain, factor: 1 };
  const { type, factor, originalContextLength } = ropeScaling;
  if (type === 'linear') return { frequencies: plain.map((theta) => theta / factor), factor: 1 };
  if (originalContextLength === null) {
    throw new CheckpointError(
      'missing-metadata',
      'YaRN needs the original context length, which the file leaves out.',
      {
        key: 'rope.scaling.original_context_length',
      },
    );
  }
  const pairOf = (rotations: number) =>
    (headDim * Math.log(originalContextLength / (rotations * 2 * Math.PI))) / (2 * Math.log(ropeTheta));
  const low = Math.max(Math.floor(pairOf(ropeScaling.betaFast ?? BETA_FAST)), 0);
  const high = Math.min(Math.ceil(pairOf(ropeScaling.betaSlow ?? BETA_SLOW)), headDim - 1);
  const frequencies = plain.map((theta, p) => {
    const ramp = Math.min(Math.max((p - low) / Math.max(high - low, 0.001), 0), 1);
    return theta * (1 - ramp) + (theta / factor) * ramp;
  });
  return { frequencies, factor: ropeScaling.attentionFactor ?? yarnAttentionFactor(factor) };
}

/** What YaRN multiplies cos and sin by unless a configuration says otherwise. */
export function yarnAttentionFactor(factor: number): number {
  return factor > 1 ? 0.1 * Math.log(factor) + 1 : 1;
}

/**
 * Rows [from, to) of the rotary tables, float32 [to - from, D/2] each, row = position. Angles are computed in
 * float64: position times frequency in float32 is off by up to 0.004 rad at position 100,000.
 */
export function ropeTables({ frequencies, factor }: RopeFrequencies, from: number, to: number) {
  const half = frequencies.length;
  // Outside V8's heap, which moves small arrays: the runtime holds their addresses.
  const cos = new Float32Array(new ArrayBuffer((to - from) * half * 4));
  const sin = new Float32Array(new ArrayBuffer((to - from) * half * 4));
  for (let position = from, at = 0; position < to; position++) {
    for (let p = 0; p < half; p++, at++) {
      const angle = position * frequencies[p]!;
      cos[at] = Math.cos(angle) * factor;
      sin[at] = Math.sin(angle) * factor;
    }
  }
  return { cos, sin };
}
