"""Writes a transformers model as a GGUF file and its logits, in float32, beside it.

Quantised files are compared with transformers on the dequantised values, so that only the arithmetic is judged.
"""

import pathlib

import gguf
import numpy as np
import torch

OUT = pathlib.Path(__file__).parent.parent / 'data'
LENGTH = 40
Q = gguf.GGMLQuantizationType
NAMES = {
    'input_layernorm': 'attn_norm', 'post_attention_layernorm': 'ffn_norm', 'self_attn.q_proj': 'attn_q',
    'self_attn.k_proj': 'attn_k', 'self_attn.v_proj': 'attn_v', 'self_attn.o_proj': 'attn_output',
    'self_attn.q_norm': 'attn_q_norm', 'self_attn.k_norm': 'attn_k_norm',
    'mlp.gate_proj': 'ffn_gate', 'mlp.up_proj': 'ffn_up', 'mlp.down_proj': 'ffn_down', 'mlp.gate': 'ffn_gate_inp',
    'mlp.experts.gate_proj': 'ffn_gate_exps', 'mlp.experts.up_proj': 'ffn_up_exps', 'mlp.experts.down_proj': 'ffn_down_exps',
    'mlp.shared_expert.gate_proj': 'ffn_gate_shexp', 'mlp.shared_expert.up_proj': 'ffn_up_shexp',
    'mlp.shared_expert.down_proj': 'ffn_down_shexp', 'mlp.shared_expert_gate': 'ffn_gate_inp_shexp',
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


def stored(state: dict):
    """Parameters as llama.cpp's converter writes them: gate and up of the experts apart, a gate of one row as a vector."""
    for name, tensor in state.items():
        if name.endswith('experts.gate_up_proj'):
            gate, up = tensor.chunk(2, dim=1)
            yield name.replace('gate_up_proj', 'gate_proj.weight'), gate
            yield name.replace('gate_up_proj', 'up_proj.weight'), up
        elif name.endswith('experts.down_proj'):
            yield f'{name}.weight', tensor
        elif name.endswith('shared_expert_gate.weight'):
            yield name, tensor[0]
        else:
            yield name, tensor


def pack(values: np.ndarray, kind: Q) -> np.ndarray:
    """Blocks of any type. The package can't write K types: those get random codes under scales that fit the values' size."""
    scales = {Q.IQ4_NL: [0], Q.Q2_K: [80, 82], Q.Q3_K: [108], Q.Q4_K: [0, 2], Q.Q5_K: [0, 2], Q.Q6_K: [208]}
    if kind not in scales:
        return gguf.quants.quantize(values, kind)
    size, length = gguf.GGML_QUANT_SIZES[kind]
    rng = np.random.default_rng(values.size)
    packed = rng.integers(0, 256, size=(values.size // size, length), dtype=np.uint8)
    for at in scales[kind]:
        factor = rng.uniform(0.5, 1.5, size=len(packed)).astype(np.float16)
        packed[:, at : at + 2] = factor.view(np.uint8).reshape(-1, 2)
    spread = gguf.quants.dequantize(packed, kind).std()
    for at in scales[kind]:
        factor = packed[:, at : at + 2].copy().view(np.float16) * np.float16(values.std() / spread)
        packed[:, at : at + 2] = factor.view(np.uint8)
    return packed.reshape(values.shape[0], -1)


def make(label: str, model, architecture: str, types, settings=lambda writer: None) -> None:
    """`types` gives the GGML type of a matrix by its name; `settings` writes what only this family has."""
    config = model.config
    writer = gguf.GGUFWriter(OUT / f'{label}.gguf', architecture)
    writer.add_name(label)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters['rope_theta'])
    settings(writer)
    writer.add_tokenizer_model('gpt2')
    writer.add_tokenizer_pre('smollm' if architecture == 'llama' else 'qwen2')
    writer.add_token_list([*byte_tokens(), '<|im_start|>', '<|im_end|>', *(f'[PAD{i}]' for i in range(258, 288))])
    writer.add_token_types([1] * 256 + [3] * 2 + [5] * 30)
    writer.add_token_merges(['h e'])
    writer.add_eos_token_id(257)
    for name, tensor in stored(dict(model.state_dict())):
        if name == 'lm_head.weight' and config.tie_word_embeddings:
            continue
        values = tensor.numpy().astype(np.float32)
        rotary = architecture == 'llama' and ('q_proj' in name or 'k_proj' in name)
        heads = config.num_attention_heads if 'q_proj' in name else config.num_key_value_heads
        if rotary:
            values = permuted(values, heads)
        if values.ndim == 1:
            writer.add_tensor(gguf_name(name), values)
            continue
        kind = types(name)
        packed = pack(values, kind)
        writer.add_tensor(gguf_name(name), packed, raw_dtype=kind)
        kept = gguf.quants.dequantize(packed, kind).astype(np.float32).reshape(values.shape)
        if rotary:
            kept = kept.reshape(heads, kept.shape[0] // heads // 2, 2, -1).swapaxes(1, 2).reshape(kept.shape)
        tensor.copy_(torch.from_numpy(kept))
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
            torch.nn.init.normal_(parameter, std=1.5 / parameter.shape[-1] ** 0.5)
    return model.eval()
