"""Makes tiny checkpoints that mix the block types of published GGUF files, and their logits by transformers.

    python test/golden/make/block_types.py        (needs torch, transformers, gguf, numpy)
"""

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from tiny_gguf import Q, make, randomise

SHAPE = dict(
    vocab_size=288, num_hidden_layers=1, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512,
    rms_norm_eps=1e-5, rope_theta=10000.0, tie_word_embeddings=True,
)
K_TYPES = {
    'q_proj': Q.Q4_K, 'k_proj': Q.Q5_K, 'v_proj': Q.Q6_K, 'o_proj': Q.Q2_K, 'gate_proj': Q.Q3_K, 'up_proj': Q.Q4_K,
    'down_proj': Q.Q6_K, 'embed_tokens': Q.Q6_K,
}
# What files hold whose rows are no multiple of 256.
SMALL_TYPES = {
    'q_proj': Q.Q5_0, 'k_proj': Q.Q5_1, 'v_proj': Q.Q8_0, 'o_proj': Q.IQ4_NL, 'gate_proj': Q.Q5_0, 'up_proj': Q.Q4_1,
    'down_proj': Q.Q5_1, 'embed_tokens': Q.Q5_0,
}


def build(label: str, width: int, types: dict) -> None:
    torch.manual_seed(11)
    model = randomise(Qwen2ForCausalLM(Qwen2Config(hidden_size=width, intermediate_size=width, **SHAPE)))
    make(label, model, 'qwen2', lambda name: next(kind for part, kind in types.items() if part in name))


with torch.no_grad():
    build('tiny-qwen2-k', 256, K_TYPES)
    build('tiny-qwen2-small-blocks', 96, SMALL_TYPES)
