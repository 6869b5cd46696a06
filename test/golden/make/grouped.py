"""Makes tiny Qwen2 checkpoints as GPTQ and AWQ publish them, and what transformers makes of the dequantised weights.

    BUILD_CUDA_EXT=0 pip install --no-deps --no-build-isolation auto-gptq==0.7.1 autoawq==0.2.9
    python test/golden/make/grouped.py        (needs torch, transformers, tokenizers, safetensors)

Codes, scales and zero points are random. AutoGPTQ and AutoAWQ pack them; their own arithmetic, on the CPU and with scales
in float32, gives the weights back, of which the digests are kept (float32, row-major [out, in]).
"""

import hashlib
import importlib.util
import json
import pathlib
import shutil
import sys
import types

import torch
from safetensors.torch import save_file
from transformers import Qwen2Config, Qwen2ForCausalLM

from tiny_gguf import LENGTH, OUT, randomise
from tiny_tokenizer import tokenizer


def without_start(package: str) -> None:
    """Lets parts of a package be imported without the whole, which needs older releases of transformers."""
    spec = importlib.util.find_spec(package)
    stub = types.ModuleType(package)
    stub.__path__ = list(spec.submodule_search_locations)
    sys.modules[package] = stub


for name in ("auto_gptq", "auto_gptq.nn_modules", "auto_gptq.nn_modules.qlinear", "awq", "awq.modules", "awq.utils"):
    without_start(name)
from auto_gptq.nn_modules.qlinear.qlinear_cuda import QuantLinear  # noqa: E402
from awq.modules.linear.gemm import WQLinear_GEMM  # noqa: E402
from awq.utils.packing_utils import dequantize_gemm  # noqa: E402


def group_order(inputs: int, group: int, scattered: bool, seed: str) -> torch.Tensor:
    """g_idx: the group of each input, as `desc_act` leaves it."""
    in_order = torch.arange(inputs, dtype=torch.int32) // group
    generator = torch.Generator().manual_seed(int(hashlib.sha256(seed.encode()).hexdigest()[:8], 16))
    return in_order[torch.randperm(inputs, generator=generator)] if scattered else in_order


def parts(linear: torch.nn.Linear, settings: dict, order_seed: str):
    """Packed tensors of a layer with random codes, and its weight [out, in] as the packer's own package unpacks it."""
    bits, awq = settings["bits"], settings["quant_method"] == "awq"
    rows, inputs = linear.weight.shape
    group = settings["group_size"] if settings["group_size"] > 0 else inputs
    groups = inputs // group
    high = 2**bits
    codes = torch.randint(0, high, (rows, inputs))
    symmetric = settings.get("sym", False)
    zeros = torch.full((rows, groups), high // 2) if symmetric else torch.randint(0 if awq else 1, high, (rows, groups))
    spread = 1.5 / inputs**0.5 / (high * 0.29)
    scales = (spread * (0.5 + torch.rand(rows, groups))).half().float()
    g_idx = group_order(inputs, group, settings.get("desc_act", False), order_seed)
    plain = torch.nn.Linear(inputs, rows, bias=False)
    plain.weight.data = (codes - zeros[:, g_idx.long()]) * scales[:, g_idx.long()]
    if awq:
        packed = WQLinear_GEMM.from_linear(plain, bits, group, scales=scales.t(), zeros=zeros.t().contiguous())
        weight = dequantize_gemm(packed.qweight, packed.qzeros, packed.scales.float(), bits, group).t()
        return dict(qweight=packed.qweight, qzeros=packed.qzeros, scales=packed.scales), weight
    packed = QuantLinear(bits, group, inputs, rows, bias=False, weight_dtype=torch.float32)
    packed.pack(plain, scales, zeros.clone(), g_idx)
    with torch.no_grad():
        weight = packed(torch.eye(inputs)).t()  # a sum with zeros: exact
    return dict(qweight=packed.qweight, qzeros=packed.qzeros, scales=packed.scales.half(), g_idx=packed.g_idx), weight


def save(label: str, settings: dict, kept=(), idle_biases=False, **shape) -> None:
    """`kept`: parts of the names of layers that stay as they are. `idle_biases`: a bias of zeros wherever there is none."""
    config = Qwen2Config(
        vocab_size=288, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512,
        rms_norm_eps=1e-5, bos_token_id=256, eos_token_id=257, tie_word_embeddings=True, **shape,
    )
    model = randomise(Qwen2ForCausalLM(config))
    for parameter in model.parameters():
        parameter.data = parameter.data.half().float()
    stored, digests = {}, DIGESTS.setdefault(label, {})
    for name, tensor in model.state_dict().items():
        if name != "lm_head.weight":
            stored[name] = tensor.half()
    for name, module in model.named_modules():
        if not name.endswith("_proj") or any(part in name for part in kept):
            continue
        # In the first layer modules that read one input share its order, as in published files; in the second none do.
        reader = name.rsplit(".", 1)[0] if "layers.0" in name and not name.endswith(("o_proj", "down_proj")) else name
        packed, weight = parts(module, settings, reader)
        del stored[f"{name}.weight"]
        stored |= {f"{name}.{part}": tensor.contiguous() for part, tensor in packed.items()}
        if idle_biases and f"{name}.bias" not in stored:
            stored[f"{name}.bias"] = torch.zeros(module.out_features, dtype=torch.float16)
        module.weight.data = weight.float().contiguous()
        digests[f"{name}.weight"] = hashlib.sha256(module.weight.detach().numpy().astype("<f4").tobytes()).hexdigest()

    folder = OUT / label
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    config.architectures = ["Qwen2ForCausalLM"]
    config.save_pretrained(folder)
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"quantization_config": settings}, indent=1))
    tokenizer(folder, "qwen2")
    save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
    ids = torch.tensor([[(7 * i + i * i) % 256 for i in range(LENGTH)]])
    with torch.no_grad():
        logits = model(ids).logits[0].numpy().astype("<f4")
    (OUT / f"{label}.logits").write_bytes(logits.tobytes())
    print(label, "std", logits.std(), sum(path.stat().st_size for path in folder.iterdir()), "bytes")


DIGESTS: dict[str, dict[str, str]] = {}
SMALL = dict(hidden_size=64, intermediate_size=96)
WIDE = dict(hidden_size=128, intermediate_size=256)
# As Qwen publishes them.
GPTQ = dict(
    quant_method="gptq", bits=4, group_size=128, sym=True, desc_act=False, batch_size=1, dataset=None, damp_percent=0.01,
    block_name_to_quantize=None, cache_block_outputs=True, exllama_config={"version": 1}, model_seqlen=2048,
    module_name_preceding_first_block=None, modules_in_block_to_quantize=None, pad_token_id=None, static_groups=False,
    tokenizer=None, true_sequential=True, use_cuda_fp16=False, use_exllama=True, max_input_length=None,
)
AWQ = dict(
    quant_method="awq", bits=4, group_size=128, modules_to_not_convert=None, version="gemm", zero_point=True,
)
torch.manual_seed(4)
save("hf-gptq-int4", GPTQ, idle_biases=True, **WIDE)
save("hf-gptq-int8", GPTQ | dict(bits=8, group_size=32), **SMALL)
save("hf-gptq-desc-act", GPTQ | dict(sym=False, desc_act=True, group_size=32), **SMALL)
save("hf-gptq-rows", GPTQ | dict(bits=8, sym=False, group_size=-1), **SMALL)
save("hf-awq", AWQ, **WIDE)
save("hf-awq-kept", AWQ | dict(group_size=32, modules_to_not_convert=["v_proj", "layers.1.mlp"]), ("v_proj", "layers.1.mlp"), **SMALL)
(OUT / "grouped.json").write_text(json.dumps(DIGESTS, indent=1) + "\n")
