"""Makes LoRA adapters of the tiny checkpoints as PEFT saves them, and the logits of the adapted models in float32.

    python test/golden/make/lora.py        (needs torch, transformers, peft; huggingface.py runs before)
"""

import shutil

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

from tiny_gguf import LENGTH, OUT

IDS = torch.tensor([[(7 * i + i * i) % 256 for i in range(LENGTH)]])


def base_of(label: str):
    return AutoModelForCausalLM.from_pretrained(OUT / label, dtype=torch.float32)


def save(label: str, base: str, dtype=torch.float32, **settings) -> None:
    folder = OUT / label
    shutil.rmtree(folder, ignore_errors=True)
    plain = base_of(base)(IDS).logits[0]
    model = get_peft_model(base_of(base), LoraConfig(task_type="CAUSAL_LM", lora_dropout=0.05, **settings))
    for name, parameter in model.named_parameters():
        if "lora_" in name or "modules_to_save" in name or parameter.requires_grad:
            parameter.data += 0.1 * torch.randn_like(parameter)
            parameter.data = parameter.data.to(dtype).to(torch.float32)
    model.peft_config["default"].base_model_name_or_path = f"somebody/{base}"
    model.to(dtype).save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink()
    # Read anew, as whoever gets the folder does. Not merged: merging an embedding would change a tied head too.
    adapted = PeftModel.from_pretrained(base_of(base), folder).eval()
    logits = adapted(IDS).logits[0]
    merged = adapted.merge_and_unload()(IDS).logits[0]
    (OUT / f"{label}.logits").write_bytes(logits.numpy().astype("<f4").tobytes())
    print(label, "changed by", (logits - plain).abs().max().item(), "merged differs by", (logits - merged).abs().max().item())


with torch.no_grad():
    torch.manual_seed(4)
    save(
        "lora-qwen2", "hf-qwen2-sharded", r=4, lora_alpha=6, target_modules=["q_proj", "v_proj", "gate_proj", "down_proj"],
        rank_pattern={"v_proj": 2}, alpha_pattern={"layers.1.mlp.down_proj": 9}, bias="lora_only",
    )
    save(
        "lora-llama", "hf-llama", torch.bfloat16, r=4, lora_alpha=4, use_rslora=True,
        target_modules=["o_proj", "up_proj", "embed_tokens"], modules_to_save=["norm"],
    )
