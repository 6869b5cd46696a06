import type { MoeConfig } from '../checkpoint/checkpoint.ts';
import { CheckpointError } from '../checkpoint/errors.ts';
import type { FamilySettings } from './architecture.ts';
import { defineDecoder } from './decoder.ts';

/** Every expert of every layer has tensors of its own; the largest known model has 16,000 of them. */
const MAX_EXPERTS = 65_536;

/**
 * Qwen1.5-MoE, Qwen2-MoE: Qwen2's attention with routed experts and a shared one, in all layers or some.
 * Sources: Qwen2 Technical Report (arXiv 2407.10671); transformers modeling_qwen2_moe.py; llama.cpp `LLM_ARCH_QWEN2MOE`.
 */
export const qwen2Moe = defineDecoder({ modelType: 'qwen2_moe', ggufName: 'qwen2moe', biases: 'qkv', readMoe });

function readMoe(settings: FamilySettings): MoeConfig {
  const { layers, intermediateSize } = settings;
  const experts = settings.integer({ huggingFace: 'num_experts', gguf: 'expert_count' });
  const expertsPerToken = settings.integer({ huggingFace: 'num_experts_per_tok', gguf: 'expert_used_count' });
  if (expertsPerToken < 1 || expertsPerToken > experts || experts * layers > MAX_EXPERTS) {
    throw new CheckpointError(
      'corrupt-checkpoint',
      `A model with ${expertsPerToken} of ${experts} experts a token in ${layers} layers cannot be.`,
      { experts, expertsPerToken, layers },
    );
  }
  // Files older than these two settings have experts that share the width of a dense layer (llama.cpp).
  const expertSize =
    settings.optionalInteger({ huggingFace: 'moe_intermediate_size', gguf: 'expert_feed_forward_length' }) ??
    Math.floor(intermediateSize / expertsPerToken);
  const sharedExpertSize =
    settings.optionalInteger({
      huggingFace: 'shared_expert_intermediate_size',
      gguf: 'expert_shared_feed_forward_length',
    }) ?? intermediateSize;
  return {
    experts,
    expertsPerToken,
    expertSize,
    sharedExpertSize,
    normTopkProb: settings.optionalBoolean({ huggingFace: 'norm_topk_prob', gguf: 'expert_weights_norm' }) ?? false,
    sparseLayers: readSparseLayers(settings),
  };
}

/** GGUF has no settings for it, so there a layer with a dense feed-forward is known by what it has. */
function readSparseLayers(settings: FamilySettings): boolean[] {
  const step = settings.optionalInteger({ huggingFace: 'decoder_sparse_step', gguf: null }) ?? 1;
  const dense = new Set(settings.optionalIntegers({ huggingFace: 'mlp_only_layers', gguf: null }));
  return Array.from({ length: settings.layers }, (_, layer) => {
    const stated = !dense.has(layer) && (layer + 1) % step === 0;
    const isDense = settings.hasTensor({
      huggingFace: `model.layers.${layer}.mlp.gate_proj.weight`,
      gguf: `blk.${layer}.ffn_gate.weight`,
    });
    return stated && !isDense;
  });
}
