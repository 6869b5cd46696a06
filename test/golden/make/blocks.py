"""Writes block-format goldens: random blocks of every type with the values that the gguf package gives them.

    pip install gguf numpy
    python test/golden/make/blocks.py test/golden/data/blocks.json
"""

import base64
import json
import sys

import gguf
import numpy as np

TYPES = ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q8_0"]
BLOCKS = 24


def blocks_of(name: str, rng: np.random.Generator) -> np.ndarray:
    block_size, bytes_per_block = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]]
    count = BLOCKS * 32 // block_size
    raw = rng.integers(0, 256, size=(count, bytes_per_block), dtype=np.uint8)
    if name in ("Q4_0", "Q4_1", "Q8_0"):
        # Scales of every finite magnitude, subnormal ones and both zeros among them; no NaN, no infinity.
        halves = 2 if name == "Q4_1" else 1
        scales = rng.integers(0, 0x7C00, size=(count, halves), dtype=np.uint16)
        scales |= rng.integers(0, 2, size=scales.shape, dtype=np.uint16) << 15
        scales[0], scales[1], scales[2], scales[3] = 0x0000, 0x8000, 0x0001, 0x7BFF
        raw[:, : 2 * halves] = scales.view(np.uint8)
    else:
        values = raw.view({"F32": np.uint32, "F16": np.uint16, "BF16": np.uint16}[name])
        exponent = {"F32": 0x7F800000, "F16": 0x7C00, "BF16": 0x7F80}[name]
        values[(values & exponent) == exponent] &= ~np.array(exponent, dtype=values.dtype)
    return raw


def main(path: str) -> None:
    rng = np.random.default_rng(7)
    cases = {}
    for name in TYPES:
        raw = blocks_of(name, rng)
        values = gguf.quants.dequantize(raw.reshape(1, -1), gguf.GGMLQuantizationType[name]).astype("<f4")
        encode = lambda array: base64.b64encode(array.tobytes()).decode()
        cases[name] = {"bytes": encode(raw), "values": encode(values)}
    with open(path, "w") as file:
        file.write("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in cases.items()) + "\n}\n")


main(*sys.argv[1:])
