"""Makes a tiny random checkpoint of each family and each scaling of positions, as GGUF, and its logits by transformers.

    python test/golden/make/families.py        (needs torch, transformers, gguf, numpy)
"""

import gguf
import torch
from tiny_gguf import Q, make, randomise
from transformers import (
    LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen2MoeConfig, Qwen2MoeForCausalLM, Qwen3Config,
    Qwen3ForCausalLM,
)

COMMON = dict(
    vocab_size=288, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=512, rms_norm_eps=1e-5, rope_theta=10000.0,
)
MOE = COMMON | dict(
    hidden_size=32, intermediate_size=64, num_experts=8, num_experts_per_tok=3, moe_intermediate_size=32,
    shared_expert_intermediate_size=64,
)


def f16(_name: str):
    return Q.F16


def mixed(name: str):
    """What llama.cpp's Q4_0 files hold: a few tensors wider than the rest; the router in float32."""
    if 'mlp.gate.weight' in name:
        return Q.F32
    return Q.Q8_0 if 'lm_head' in name or 'down_proj' in name else Q.Q4_0


def linear(writer):
    writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
    writer.add_rope_scaling_factor(4.0)


def yarn(writer):
    writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
    writer.add_rope_scaling_factor(4.0)
    writer.add_rope_scaling_orig_ctx_len(16)


def yarn_tuned(writer):
    yarn(writer)
    writer.add_rope_scaling_yarn_beta_fast(8.0)
    writer.add_rope_scaling_yarn_beta_slow(0.5)


def head_dim(writer):
    writer.add_key_length(32)
    writer.add_value_length(32)


def experts(norm: bool | None):
    def add(writer):
        writer.add_expert_count(MOE['num_experts'])
        writer.add_expert_used_count(MOE['num_experts_per_tok'])
        writer.add_expert_feed_forward_length(MOE['moe_intermediate_size'])
        writer.add_expert_shared_feed_forward_length(MOE['shared_expert_intermediate_size'])
        if norm is not None:
            writer.add_expert_weights_norm(norm)
    return add


def rope(kind: str, **more) -> dict:
    return dict(rope_parameters=dict(rope_type=kind, rope_theta=10000.0, **more))


YARN = dict(factor=4.0, original_max_position_embeddings=16)

with torch.no_grad():
    torch.manual_seed(2)

    def qwen2(**more):
        return randomise(Qwen2ForCausalLM(Qwen2Config(**COMMON | more)))

    def moe(**more):
        return randomise(Qwen2MoeForCausalLM(Qwen2MoeConfig(**MOE | more)))

    make('tiny-qwen2-linear', qwen2(tie_word_embeddings=True, **rope('linear', factor=4.0)), 'qwen2', f16, linear)
    make('tiny-qwen2-yarn', qwen2(tie_word_embeddings=False, **rope('yarn', **YARN)), 'qwen2', f16, yarn)
    tuned = rope('yarn', **YARN, beta_fast=8.0, beta_slow=0.5)
    make('tiny-qwen2-yarn-tuned', qwen2(tie_word_embeddings=True, **tuned), 'qwen2', f16, yarn_tuned)
    biased = LlamaConfig(**COMMON, tie_word_embeddings=False, attention_bias=True, mlp_bias=True)
    make('tiny-llama-biases', randomise(LlamaForCausalLM(biased)), 'llama', f16)
    explicit = Qwen3Config(**COMMON, tie_word_embeddings=True, head_dim=32)
    make('tiny-qwen3', randomise(Qwen3ForCausalLM(explicit)), 'qwen3', f16, head_dim)
    make('tiny-qwen2moe', moe(norm_topk_prob=False), 'qwen2moe', f16, experts(None))
    make('tiny-qwen2moe-norm', moe(norm_topk_prob=True), 'qwen2moe', f16, experts(True))
    make('tiny-qwen2moe-mixed', moe(norm_topk_prob=False), 'qwen2moe', mixed, experts(False))
    sparse = dict(num_hidden_layers=4, decoder_sparse_step=2, mlp_only_layers=[1], norm_topk_prob=False)
    make('tiny-qwen2moe-sparse', moe(**sparse), 'qwen2moe', f16, experts(None))
