import type { ModelConfig } from '../checkpoint/checkpoint.ts';

/** How a model's makers recommend to sample from it; what is left out is for the user's settings and defaults. */
export type RecommendedSampling = {
  temperature?: number;
  topP?: number;
  topK?: number;
  repetitionPenalty?: number;
};

/** Below this many parameters chance does harm: the second likeliest word is often plainly wrong. */
const GREEDY_BELOW_PARAMETERS = 300e6;
const STRONGER_PENALTY_BELOW_PARAMETERS = 2e9;

/**
 * What the checkpoint's own generation settings say; else, as GGUF files carry none, those that are published with the
 * Qwen2.5 instruct models.
 */
export function recommendedSampling(config: ModelConfig, parameters: number): RecommendedSampling {
  const { architecture, sampling } = config;
  if (sampling !== undefined) return sampling;
  if (parameters < GREEDY_BELOW_PARAMETERS) return { temperature: 0 };
  if (architecture !== 'qwen2') return {};
  const repetitionPenalty = parameters < STRONGER_PENALTY_BELOW_PARAMETERS ? 1.1 : 1.05;
  return { temperature: 0.7, topP: 0.8, topK: 20, repetitionPenalty };
}
