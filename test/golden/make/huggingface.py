"""Makes tiny checkpoints as transformers saves them, and their logits in float32.

    python test/golden/make/huggingface.py        (needs torch, transformers, tokenizers)
"""

import shutil

import torch
from transformers import (
    GenerationConfig, LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM,
)

from tiny_gguf import LENGTH, OUT, randomise
from tiny_tokenizer import tokenizer

COMMON = dict(
    vocab_size=288, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=512, rms_norm_eps=1e-5, bos_token_id=256, eos_token_id=257,
)


def save(label: str, model, kind: str, dtype, shard: str = "5GB") -> None:
    folder = OUT / label
    shutil.rmtree(folder, ignore_errors=True)
    model = randomise(model).to(dtype)
    model.generation_config = GenerationConfig(
        do_sample=True, temperature=0.7, top_p=0.8, top_k=20, repetition_penalty=1.05, eos_token_id=[257, 256])
    model.save_pretrained(folder, max_shard_size=shard)
    tokenizer(folder, kind)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    ids = torch.tensor([[(7 * i + i * i) % 256 for i in range(LENGTH)]])
    with torch.no_grad():
        # Read anew: a model that was converted has rounded its rotary frequencies too.
        logits = type(model).from_pretrained(folder, dtype=torch.float32)(ids).logits[0].numpy().astype("<f4")
    (OUT / f"{label}.logits").write_bytes(logits.tobytes())
    print(label, sorted(path.name for path in folder.iterdir()), "std", logits.std())


torch.manual_seed(3)
save("hf-qwen2-sharded", Qwen2ForCausalLM(Qwen2Config(tie_word_embeddings=False, **COMMON)), "qwen2", torch.bfloat16, "150KB")
save("hf-llama", LlamaForCausalLM(LlamaConfig(tie_word_embeddings=True, **COMMON)), "smollm", torch.float16)
save("hf-qwen3", Qwen3ForCausalLM(Qwen3Config(tie_word_embeddings=True, head_dim=32, **COMMON)), "qwen2", torch.float32)
