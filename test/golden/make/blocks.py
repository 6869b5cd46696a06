"""Writes block-format goldens: random blocks of every type with the values that the gguf package gives them.

    pip install gguf numpy
    python test/golden/make/blocks.py test/golden/data/blocks.json
"""

import base64
import json
import sys

import gguf
import numpy as np

TYPES = [
    "F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "IQ4_NL", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K",
]
BLOCKS = 24
SUPER_BLOCKS = 12
# Where the half-precision scales of a block lie, in bytes.
SCALES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "IQ4_NL": [0],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
}


def blocks_of(name: str, rng: np.random.Generator) -> np.ndarray:
    block_size, bytes_per_block = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]]
    count = SUPER_BLOCKS if block_size == 256 else BLOCKS * 32 // block_size
    raw = rng.integers(0, 256, size=(count, bytes_per_block), dtype=np.uint8)
    if name in SCALES:
        # Bytes of one value throughout: every code, scale and bit at its least and at its most.
        raw[4], raw[5], raw[6] = 0x00, 0xFF, 0x80
        # Scales of every finite magnitude, subnormal ones and both zeros among them; no NaN, no infinity.
        for at in SCALES[name]:
            scales = rng.integers(0, 0x7C00, size=count, dtype=np.uint16)
            scales |= rng.integers(0, 2, size=count, dtype=np.uint16) << 15
            scales[0], scales[1], scales[2], scales[3] = 0x0000, 0x8000, 0x0001, 0x7BFF
            raw[:, at : at + 2] = scales.view(np.uint8).reshape(count, 2)
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
