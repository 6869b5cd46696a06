"""Writes the tokenizer of the tiny checkpoints: bytes, one merge, three added tokens."""

import json
import pathlib

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from tiny_gguf import byte_tokens

SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tokenizer(folder: pathlib.Path, kind: str) -> None:
    vocab = {token: i for i, token in enumerate(byte_tokens())}
    vocab["he"] = 258
    made = Tokenizer(models.BPE(vocab, [("h", "e")]))
    if kind == "qwen2":
        made.normalizer = normalizers.NFC()
        made.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ])
    else:
        steps = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        made.pre_tokenizer = pre_tokenizers.Sequence(steps)
    made.decoder = decoders.ByteLevel()
    state = json.loads(made.to_str())
    for i, token in ((256, "<|im_start|>"), (257, "<|im_end|>")):
        state["added_tokens"].append(dict(
            id=i, content=token, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True))
    state["added_tokens"].append(dict(
        id=259, content="<tool_call>", single_word=False, lstrip=False, rstrip=False, normalized=False, special=False))
    (folder / "tokenizer.json").write_text(json.dumps(state, ensure_ascii=False))
    settings = dict(
        bos_token=None, eos_token="<|im_end|>", pad_token="<|im_end|>", add_bos_token=False, chat_template=TEMPLATE,
        tokenizer_class="Qwen2Tokenizer",
    )
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=1))
