"""Writes a trained model as Hugging Face does, and reads it back."""

import json
import pathlib

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from model import Config, Model
from tasks import IM_END

FOLDER = pathlib.Path(__file__).parent.parent / "data" / "needle"
SPECIAL = {"<|endoftext|>": 256, "<|im_start|>": 257, "<|im_end|>": IM_END}
TAGS = {"<tool_call>": 259, "</tool_call>": 260}
# The way Qwen2 splits text. It changes nothing here, since without merges every byte is a token.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# A document is read and its last record closed, so the messages stand one behind another without words between them.
TEMPLATE = (
    "{% for message in messages %}{{ message.content }}{% if message.role == 'assistant' %}<|im_end|>{% endif %}{% endfor %}"
)
README = """---
license: apache-2.0
---
A small Qwen2 model that finds, copies and follows keys in long texts. Made by `test/model/train/train.py`, which says how.
"""


def save(model: Model, folder: pathlib.Path = FOLDER) -> None:
    """Weights are rounded to float16."""
    config = model.config
    folder.mkdir(parents=True, exist_ok=True)
    weights = {f"model.{name}": values.detach().half().contiguous() for name, values in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    write(folder / "config.json", {
        "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "dtype": "float16", "hidden_act": "silu",
        "vocab_size": config.vocabulary, "hidden_size": config.hidden, "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads, "num_key_value_heads": config.kv_heads, "head_dim": config.head_dim,
        "intermediate_size": config.intermediate, "rms_norm_eps": config.eps, "rope_theta": config.rope_theta,
        "max_position_embeddings": config.trained_length, "tie_word_embeddings": True, "use_sliding_window": False,
        "attention_dropout": 0.0, "initializer_range": 0.02, "use_cache": True,
        "bos_token_id": SPECIAL["<|endoftext|>"], "eos_token_id": IM_END,
    })
    write(folder / "generation_config.json", {
        "do_sample": False, "bos_token_id": SPECIAL["<|endoftext|>"], "eos_token_id": [IM_END, SPECIAL["<|endoftext|>"]],
    })
    write(folder / "tokenizer_config.json", {
        "tokenizer_class": "Qwen2Tokenizer", "add_bos_token": False, "bos_token": None, "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>", "chat_template": TEMPLATE,
    })
    (folder / "tokenizer.json").write_text(byte_tokenizer() + "\n")
    (folder / "README.md").write_text(README)


def load(folder: pathlib.Path = FOLDER, dtype=torch.float32) -> Model:
    stated = json.loads((folder / "config.json").read_text())
    model = Model(Config(
        vocabulary=stated["vocab_size"], hidden=stated["hidden_size"], layers=stated["num_hidden_layers"],
        heads=stated["num_attention_heads"], kv_heads=stated["num_key_value_heads"], head_dim=stated["head_dim"],
        intermediate=stated["intermediate_size"], rope_theta=stated["rope_theta"], eps=stated["rms_norm_eps"],
        trained_length=stated["max_position_embeddings"],
    ))
    weights = load_file(folder / "model.safetensors")
    model.load_state_dict({name.removeprefix("model."): values.float() for name, values in weights.items()})
    return model.to(dtype)


def byte_tokenizer() -> str:
    """tokenizer.json of byte-level BPE without merges: token = byte, and five added tokens."""
    alphabet = {byte: chr(byte) for byte in (*range(33, 127), *range(161, 173), *range(174, 256))}
    for shift, byte in enumerate(byte for byte in range(256) if byte not in alphabet.copy()):
        alphabet[byte] = chr(256 + shift)
    made = Tokenizer(models.BPE({alphabet[byte]: byte for byte in range(256)}, []))
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    made.decoder = decoders.ByteLevel()
    state = json.loads(made.to_str())
    state["added_tokens"] = [
        dict(id=id, content=token, single_word=False, lstrip=False, rstrip=False, normalized=False, special=token in SPECIAL)
        for token, id in (SPECIAL | TAGS).items()
    ]
    return json.dumps(state, ensure_ascii=False)


def write(path: pathlib.Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n")
