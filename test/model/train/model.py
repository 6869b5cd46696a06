"""A Qwen2 decoder in plain torch: to train, and to compute attention schemes with that transformers does not have.

Parameters have the names of Hugging Face's Qwen2ForCausalLM without the leading `model.`.
Shapes: B batch, T tokens, H hidden size, N query heads, K key/value heads, D head size.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass(frozen=True)
class Config:
    vocabulary: int = 264
    hidden: int = 160
    layers: int = 2
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 64
    intermediate: int = 256
    rope_theta: float = 20_000.0
    eps: float = 1e-6
    trained_length: int = 256


@dataclass(frozen=True)
class Plain:
    """Positions as they are."""


@dataclass(frozen=True)
class Yarn:
    """Frequencies stretched by `factor`; cos and sin grow by 0.1 ln(factor) + 1 (arXiv 2309.00071)."""

    factor: float
    original: int


@dataclass(frozen=True)
class DualChunk:
    """Dual chunk attention (arXiv 2402.17463, 2501.15383): no distance exceeds `chunk_size`.

    The temperature is the query's own: its logits grow by m², m = max(1, 0.1 ln((i + 1) / original) + 1).
    """

    chunk_size: int
    local_size: int
    original: int


Scheme = Plain | Yarn | DualChunk


class RMSNorm(nn.Module):
    def __init__(self, size: int, eps: float):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps))


class Attention(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        wide, narrow = config.heads * config.head_dim, config.kv_heads * config.head_dim
        self.q_proj = nn.Linear(config.hidden, wide)
        self.k_proj = nn.Linear(config.hidden, narrow)
        self.v_proj = nn.Linear(config.hidden, narrow)
        self.o_proj = nn.Linear(wide, config.hidden, bias=False)

    def project(self, x):
        """q [B, N, T, D], k and v [B, K, T, D], not rotated yet."""
        def split(projected):
            return projected.unflatten(-1, (-1, self.config.head_dim)).transpose(1, 2)

        return split(self.q_proj(x)), split(self.k_proj(x)), split(self.v_proj(x))

    def forward(self, x, table):
        q, k, v = self.project(x)
        q, k = rotate(q, table), rotate(k, table)
        shared = self.config.heads // self.config.kv_heads
        k, v = k.repeat_interleave(shared, 1), v.repeat_interleave(shared, 1)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o_proj(mixed.transpose(1, 2).flatten(2))


class MLP(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden, config.intermediate, bias=False)
        self.up_proj = nn.Linear(config.hidden, config.intermediate, bias=False)
        self.down_proj = nn.Linear(config.intermediate, config.hidden, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden, config.eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RMSNorm(config.hidden, config.eps)
        self.mlp = MLP(config)


class Model(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocabulary, config.hidden)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = RMSNorm(config.hidden, config.eps)

    def forward(self, ids, wanted=None):
        """Logits of ids [B, T] under plain attention: [B, T, vocabulary], or of the positions in mask `wanted` only."""
        x = self.embed_tokens(ids)
        table = rotary_table(torch.arange(ids.shape[1]), frequencies(self.config), 1.0, x.dtype)
        for layer in self.layers:
            x = x + layer.self_attn(layer.input_layernorm(x), table)
            x = x + layer.mlp(layer.post_attention_layernorm(x))
        x = self.norm(x)
        return self.head(x if wanted is None else x[wanted])

    def head(self, x):
        return x @ self.embed_tokens.weight.T


def rotate(x, table):
    """RoPE, rotate-half, of x [..., T, D] by the cosines and sines [T, D] of a `rotary_table`."""
    cos, sin = table
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat((-second, first), -1) * sin


def frequencies(config: Config, scheme: Scheme = Plain()):
    """Radians a position, one for each pair of a head: [D/2], float64."""
    d, base = config.head_dim, config.rope_theta
    pair = torch.arange(d // 2, dtype=torch.float64)
    plain = base ** (-2 * pair / d)
    if not isinstance(scheme, Yarn):
        return plain

    def pair_of(turns: float) -> float:
        return d * math.log(scheme.original / (2 * math.pi * turns)) / (2 * math.log(base))

    low, high = max(math.floor(pair_of(32)), 0), min(math.ceil(pair_of(1)), d - 1)
    stretched = ((pair - low) / max(high - low, 0.001)).clamp(0, 1)
    return plain * (1 - stretched) + plain / scheme.factor * stretched


def rotary_table(positions, frequency, magnitude: float, dtype):
    """cos and sin [T, D], computed in float64."""
    angles = positions.double()[:, None] * frequency
    angles = torch.cat((angles, angles), -1)
    return (angles.cos() * magnitude).to(dtype), (angles.sin() * magnitude).to(dtype)


@torch.no_grad()
def logits_under(model: Model, ids, scheme: Scheme, last: int | None = None):
    """Logits [rows, vocabulary] of ids [T] under an attention scheme, in the precision of the model's weights.

    Computed as the definitions say, a stretch of queries at a time (for dual chunk attention a chunk), so that long
    texts fit into memory. `last`: of how many positions at the end logits are wanted; of all by default.
    """
    config, length = model.config, len(ids)
    x = model.embed_tokens(ids[None])
    positions, stretch = torch.arange(length), 512
    magnitude = 0.1 * math.log(scheme.factor) + 1 if isinstance(scheme, Yarn) else 1.0
    key_positions, query_positions = positions, [positions]
    sharpness = torch.ones(length, dtype=x.dtype)
    if isinstance(scheme, DualChunk):
        stretch = scheme.chunk_size - scheme.local_size
        key_positions = positions % stretch
        query_positions = [
            positions % stretch,  # keys of the same chunk
            (positions % stretch + stretch).clamp(max=scheme.chunk_size),  # of the chunk before
            torch.full_like(positions, min(2 * stretch - 1, scheme.chunk_size)),  # of all earlier ones
        ]
        grown = 0.1 * torch.log((positions + 1).double() / scheme.original) + 1
        sharpness = (grown.clamp(min=1) ** 2).to(x.dtype)
    frequency = frequencies(config, scheme)
    key_table = rotary_table(key_positions, frequency, magnitude, x.dtype)
    query_tables = [rotary_table(p, frequency, magnitude, x.dtype) for p in query_positions]

    for number, layer in enumerate(model.layers):
        # Of the last layer only the rows that were asked for matter.
        first = length - last if last is not None and number == config.layers - 1 else 0
        q, k, v = layer.self_attn.project(layer.input_layernorm(x))
        k, v = rotate(k, key_table)[0], v[0]
        mixed = []
        q = q[0] * (sharpness[:, None] / math.sqrt(config.head_dim))
        for start in range(first // stretch * stretch, length, stretch):
            begin, end = max(start, first), min(start + stretch, length)
            # Where the keys end that each rotation of the queries meets, its own stretch first, the oldest keys last.
            ends = [end, *(max(0, start - n * stretch) for n in range(len(query_tables) - 1)), 0]
            parts = []
            for (cos, sin), key_begin, key_end in zip(query_tables, ends[1:], ends):
                turned = rotate(q[:, begin:end], (cos[begin:end], sin[begin:end]))
                turned = turned.reshape(config.kv_heads, -1, config.head_dim)  # heads that share keys, one below another
                parts.insert(0, turned @ k[:, key_begin:key_end].transpose(1, 2))
            scores = torch.cat(parts, -1).view(config.heads, end - begin, end)
            ahead = torch.arange(start, end)[None] > torch.arange(begin, end)[:, None]
            scores[..., start:].masked_fill_(ahead, -math.inf)
            weights = scores.softmax(-1).view(config.kv_heads, -1, end)
            mixed.append((weights @ v[:, :end]).view(config.heads, end - begin, config.head_dim))
        x = x[:, first:] + layer.self_attn.o_proj(torch.cat(mixed, 1).transpose(0, 1).flatten(1))
        x = x + layer.mlp(layer.post_attention_layernorm(x))
    return model.head(model.norm(x))[0]


@torch.no_grad()
def begin_as_induction(model: Model, seed: int) -> Model:
    """First weights: random, but for a circuit that finds what followed the last three tokens the time before.

    From noise, training spends nearly all of its time on finding this circuit: at texts of 128 tokens a loss of 0.4 took some
    two million tokens, and two hundred thousand from here. The hidden values are five slots: a token's own code, and room for
    the codes of the four tokens before it. The heads of layer 0 fill them: biases of q and k, turned by RoPE, make head h
    look back h + 1 tokens. Layer 1 looks for the position whose slots 1 to 4 resemble the query's slots 0 to 3, in those
    pairs of the head that hardly turn within the trained length, and copies that position's own code.
    """
    torch.manual_seed(seed)
    config = model.config
    hidden, heads, kv_heads, dim = config.hidden, config.heads, config.kv_heads, config.head_dim
    slot, half, shared = hidden // 5, dim // 2, heads // kv_heads
    frequency = frequencies(config).float()
    for name, values in model.named_parameters():
        if values.dim() == 2:
            loud = 1.0 if "gate_proj" in name or "up_proj" in name else 0.1
            nn.init.normal_(values, std=loud * values.shape[1] ** -0.5)
        elif name.endswith("bias"):
            nn.init.zeros_(values)
    code = torch.randn(config.vocabulary, slot)
    model.embed_tokens.weight[:, :slot] = code / code.norm(dim=1, keepdim=True)

    back = model.layers[0].self_attn
    sharp = 8**0.5 * dim**0.25 * (frequency > 0.02)  # 8 logits for each pair that turns fast
    query_bias = back.q_proj.bias.view(heads, dim)
    back.k_proj.bias.view(kv_heads, dim)[:, :half] = sharp
    values, output = back.v_proj.weight.view(kv_heads, dim, hidden), back.o_proj.weight.view(hidden, heads, dim)
    values[:, :slot, :slot] = torch.eye(slot)
    for head in range(heads):
        distance = head + 1
        query_bias[head, :half] = sharp * torch.cos(frequency * distance)
        query_bias[head, half:] = -sharp * torch.sin(frequency * distance)
        output[slot * distance : slot * (distance + 1), head, :slot] = torch.eye(slot) * hidden**-0.5

    match = model.layers[1].self_attn
    slow = (frequency < 1 / config.trained_length).nonzero()[:, 0]
    slow = torch.cat((slow, slow + half))
    queries, keys = match.q_proj.weight.view(heads, dim, hidden), match.k_proj.weight.view(kv_heads, dim, hidden)
    values, output = match.v_proj.weight.view(kv_heads, dim, hidden), match.o_proj.weight.view(hidden, heads, dim)
    values[:, :slot, :slot] = torch.eye(slot)
    scale = (16 * dim**0.5 * 5 / hidden / len(slow)) ** 0.5  # about 16 logits for each token that agrees
    for group in range(kv_heads):
        own = range(group * shared, (group + 1) * shared)
        for n in range(4):
            seen = torch.randn(len(slow), slot) * scale
            keys[group, slow, slot * (n + 1) : slot * (n + 2)] += seen
            for head in own:
                queries[head, slow, slot * n : slot * (n + 1)] += seen
        for head in own:
            output[:slot, head, :slot] = torch.eye(slot) * 2 / heads * (5 / hidden) ** 0.5
    return model
