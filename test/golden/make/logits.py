"""Makes tiny random checkpoints as GGUF files and their logits by transformers, in float32.

    python test/golden/make/logits.py        (needs torch, transformers, gguf, numpy)
"""

import torch
from tiny_gguf import Q, make, randomise
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

COMMON = dict(
    vocab_size=288, hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=512, rms_norm_eps=1e-5, rope_theta=10000.0,
)

with torch.no_grad():
    torch.manual_seed(1)
    make('tiny-qwen2', randomise(Qwen2ForCausalLM(Qwen2Config(**COMMON, tie_word_embeddings=True))), 'qwen2', lambda name: Q.F32)
    mixed = lambda name: Q.Q8_0 if 'lm_head' in name or 'v_proj' in name else Q.Q4_0
    make('tiny-qwen2-mixed', randomise(Qwen2ForCausalLM(Qwen2Config(**COMMON, tie_word_embeddings=False))), 'qwen2', mixed)
    make('tiny-llama', randomise(LlamaForCausalLM(LlamaConfig(**COMMON, tie_word_embeddings=True))), 'llama', lambda name: Q.Q8_0 if 'embed' in name else Q.Q4_1)
