"""Makes tiny random checkpoints as GGUF files and their logits by transformers, in float32.

    python test/golden/make/logits.py        (needs torch, transformers, gguf, numpy)

Quantised files are compared with transformers on the dequantised values, so that only the arithmetic is judged.
"""

import pathlib

import gguf
import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

OUT = pathlib.Path(__file__).parent.parent / 'data'
LENGTH = 40
Q = gguf.GGMLQuantizationType
COMMON = dict(
    vocab_size=288, hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=512, rms_norm_eps=1e-5, rope_theta=10000.0,
)
NAMES = {
    'input_layernorm': 'attn_norm', 'post_attention_layernorm': 'ffn_norm', 'self_attn.q_proj': 'attn_q',
    'self_attn.k_proj': 'attn_k', 'self_attn.v_proj': 'attn_v', 'self_attn.o_proj': 'attn_output',
    'mlp.gate_proj': 'ffn_gate', 'mlp.up_proj': 'ffn_up', 'mlp.down_proj': 'ffn_down',
}


def gguf_name(name: str) -> str:
    fixed = {'model.embed_tokens.weight': 'token_embd.weight', 'model.norm.weight': 'output_norm.weight', 'lm_head.weight': 'output.weight'}
    if name in fixed:
        return fixed[name]
    _, _, layer, rest = name.split('.', 3)
    part, kind = rest.rsplit('.', 1)
    return f'blk.{layer}.{NAMES[part]}.{kind}'


def permuted(rows: np.ndarray, heads: int) -> np.ndarray:
    """Row order of llama q and k in GGUF: rotary pairs side by side."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def byte_tokens() -> list[str]:
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    table = {b: chr(b) for b in printable} | {b: chr(256 + i) for i, b in enumerate(others)}
    return [table[b] for b in range(256)]


def make(label: str, model, architecture: str, types) -> None:
    config = model.config
    state = dict(model.state_dict())
    writer = gguf.GGUFWriter(OUT / f'{label}.gguf', architecture)
    writer.add_name(label)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(COMMON['rope_theta'])
    writer.add_tokenizer_model('gpt2')
    writer.add_tokenizer_pre('qwen2' if architecture == 'qwen2' else 'smollm')
    writer.add_token_list([*byte_tokens(), '<|im_start|>', '<|im_end|>', *(f'[PAD{i}]' for i in range(258, 288))])
    writer.add_token_types([1] * 256 + [3] * 2 + [5] * 30)
    writer.add_token_merges(['h e'])
    writer.add_eos_token_id(257)
    for name, tensor in state.items():
        if name == 'lm_head.weight' and config.tie_word_embeddings:
            continue
        values = tensor.numpy().astype(np.float32)
        if values.ndim == 1:
            writer.add_tensor(gguf_name(name), values)
            continue
        if architecture == 'llama' and ('q_proj' in name or 'k_proj' in name):
            heads = config.num_attention_heads if 'q_proj' in name else config.num_key_value_heads
            values = permuted(values, heads)
        kind = types(name)
        packed = gguf.quants.quantize(values, kind)
        writer.add_tensor(gguf_name(name), packed, raw_dtype=kind)
        kept = gguf.quants.dequantize(packed, kind).astype(np.float32)
        if architecture == 'llama' and ('q_proj' in name or 'k_proj' in name):
            size = config.head_dim if getattr(config, 'head_dim', None) else config.hidden_size // config.num_attention_heads
            kept = kept.reshape(heads, size // 2, 2, -1).swapaxes(1, 2).reshape(kept.shape)
        state[name].copy_(torch.from_numpy(kept))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    ids = torch.tensor([[(7 * i + i * i) % 256 for i in range(LENGTH)]])
    with torch.no_grad():
        logits = model(ids).logits[0].numpy().astype('<f4')
    (OUT / f'{label}.logits').write_bytes(logits.tobytes())
    print(label, logits.shape, 'std', logits.std())


def randomise(model):
    """Larger weights than the initialiser's, so that attention and logits are not flat."""
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1:
            with torch.no_grad():
                base = 1.0 if 'norm' in name else 0.0
                parameter.copy_(base + 0.2 * torch.randn_like(parameter))
        else:
            torch.nn.init.normal_(parameter, std=1.5 / parameter.shape[1] ** 0.5)
    return model.eval()


with torch.no_grad():
    torch.manual_seed(1)
    make('tiny-qwen2', randomise(Qwen2ForCausalLM(Qwen2Config(**COMMON, tie_word_embeddings=True))), 'qwen2', lambda name: Q.F32)
    mixed = lambda name: Q.Q8_0 if 'lm_head' in name or 'v_proj' in name else Q.Q4_0
    make('tiny-qwen2-mixed', randomise(Qwen2ForCausalLM(Qwen2Config(**COMMON, tie_word_embeddings=False))), 'qwen2', mixed)
    make('tiny-llama', randomise(LlamaForCausalLM(LlamaConfig(**COMMON, tie_word_embeddings=True))), 'llama', lambda name: Q.Q8_0 if 'embed' in name else Q.Q4_1)
