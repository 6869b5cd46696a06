"""References for our engine on the trained model, computed by others' code or straight from definitions.

    VENV/bin/python test/model/train/golden.py

Writes test/model/data/needle-golden.json:
- `samples`: synthetic samples, which the TypeScript generator must repeat letter by letter
- `transformers`: logits of Qwen2ForCausalLM in float32 at every position of a short prompt
- `schemes`: logits in float64 at chosen positions of one long text under dual chunk attention and YaRN
  (model.py, `logits_under`, here checked against `pair_by_pair`), each row the logits of all 264 tokens. With dual chunk attention a row depends on nothing
  behind it, so one text serves every length: reading the first p + 1 tokens must give the row of position p.
  YaRN here is static: the factor belongs to the session, not to the length.
"""

import json
import math

import torch
from transformers import Qwen2ForCausalLM

from checkpoint import FOLDER, load
from model import DualChunk, Model, Scheme, Yarn, frequencies, logits_under, rotary_table, rotate
from tasks import TASKS, sample

LONG = 4096
SHORT = 60


def main() -> None:
    prompt, answer = sample("tracking", 5, LONG - 8, 0.4)
    text = prompt + answer
    ids = torch.tensor(list(text.encode()))
    assert len(ids) == LONG
    model = load(dtype=torch.float64)
    for small in (DualChunk(16, 4, 16), DualChunk(7, 2, 7)):
        differs = (logits_under(model, ids[:60], small) - pair_by_pair(model, ids[:60], small)).abs().max().item()
        assert differs < 1e-9, (small, differs)
    schemes = [
        scheme_rows(model, ids, "a chunk of the trained length", DualChunk(256, 32, 256)),
        scheme_rows(model, ids, "small chunks, which many borders cross", DualChunk(48, 16, 64)),
        scheme_rows(model, ids, "YaRN", Yarn(16.0, 256)),
    ]
    theirs = Qwen2ForCausalLM.from_pretrained(FOLDER, dtype=torch.float32)
    opening = "".join(sample("passkey", 6, SHORT, 0.3))
    with torch.no_grad():
        logits = theirs(torch.tensor([list(opening.encode())])).logits[0]
    golden = dict(
        madeBy="test/model/train/golden.py",
        samples=[
            dict(task=task, seed=seed, length=length, depth=depth, **dict(zip(("prompt", "answer"), sample(task, seed, length, depth))))
            for task in TASKS for seed, length, depth in ((1, 160, 0.0), (2, 400, 0.5), (3, 256, 1.0))
        ],
        transformers=dict(text=opening, logits=[rounded(row) for row in logits[::8]], positions=list(range(0, len(opening), 8))),
        text=text, schemes=schemes,
    )
    path = FOLDER.parent / "needle-golden.json"
    path.write_text(json.dumps(golden) + "\n")
    print(path.name, path.stat().st_size, "bytes")


@torch.no_grad()
def pair_by_pair(model: Model, ids, scheme: DualChunk):
    """Logits under dual chunk attention, each pair of a query and a key on its own: slow, and hard to get wrong."""
    config, cl, length = model.config, scheme.chunk_size - scheme.local_size, len(ids)
    x = model.embed_tokens(ids[None])
    for layer in model.layers:
        q, k, v = layer.self_attn.project(layer.input_layernorm(x))
        mixed = torch.zeros_like(q)
        for head in range(config.heads):
            group = head // (config.heads // config.kv_heads)
            for i in range(length):
                scores = []
                for j in range(i + 1):
                    chunks_apart = i // cl - j // cl
                    at = (i % cl, min(i % cl + cl, scheme.chunk_size), min(2 * cl - 1, scheme.chunk_size))[min(chunks_apart, 2)]
                    table = rotary_table(torch.tensor([at - j % cl]), frequencies(config), 1.0, x.dtype)
                    scores.append((rotate(q[0, head, i : i + 1], table) @ k[0, group, j])[0])
                m = max(1, 0.1 * math.log((i + 1) / scheme.original) + 1)
                weights = (torch.stack(scores) * m**2 / math.sqrt(config.head_dim)).softmax(0)
                mixed[0, head, i] = weights @ v[0, group, : i + 1]
        x = x + layer.self_attn.o_proj(mixed.transpose(1, 2).flatten(2))
        x = x + layer.mlp(layer.post_attention_layernorm(x))
    return model.head(model.norm(x))[0]


def scheme_rows(model, ids, what: str, scheme: Scheme) -> dict:
    if isinstance(scheme, DualChunk):
        chunk, cl = scheme.chunk_size, scheme.chunk_size - scheme.local_size
        # Below, at and just above: one stride of chunks, the local window behind it, one chunk, two strides; then far above.
        borders = (cl, cl + scheme.local_size, 2 * cl, 3 * cl, 4 * chunk, 8 * chunk)
        positions = {cl // 2, *(border + step for border in borders for step in (-1, 0, 1)), 4 * cl + cl // 2, len(ids) - 1}
        stated = dict(kind="dual-chunk", chunkSize=chunk, localSize=scheme.local_size, originalTokens=scheme.original)
    else:
        positions = {100, 255, 256, 300, 1024, len(ids) - 1}
        stated = dict(kind="yarn", factor=scheme.factor, originalTokens=scheme.original)
    chosen = sorted(p for p in positions if p < len(ids))
    logits = logits_under(model, ids, scheme)
    return dict(what=what, **stated, positions=chosen, logits=[rounded(logits[p]) for p in chosen])


def rounded(row) -> list[float]:
    return [float(f"{value:.7g}") for value in row.tolist()]


if __name__ == "__main__":
    main()
