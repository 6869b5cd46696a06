"""Writes a small GGUF with the gguf package's own writer, and what a reader must find in it.

    pip install gguf numpy
    python test/golden/make/gguf_file.py test/golden/data

The model is a `llama`, so q and k are stored with their rows permuted as llama.cpp's converter does.
"""

import json
import sys
from pathlib import Path

import gguf
import numpy as np

HIDDEN, HEADS, KV_HEADS, FEED, VOCAB = 32, 4, 2, 64, 8
HEAD = HIDDEN // HEADS


def permute(weights: np.ndarray, heads: int) -> np.ndarray:
    """`LlamaModel.permute` of llama.cpp's convert_hf_to_gguf.py."""
    return weights.reshape(heads, 2, weights.shape[0] // heads // 2, *weights.shape[1:]).swapaxes(1, 2).reshape(weights.shape)


def main(folder: str) -> None:
    rng = np.random.default_rng(3)
    matrix = lambda rows, columns: rng.standard_normal((rows, columns)).astype(np.float32)
    q, k = matrix(HIDDEN, HIDDEN), matrix(KV_HEADS * HEAD, HIDDEN)

    writer = gguf.GGUFWriter(Path(folder) / "reference.gguf", "llama")
    writer.add_name("Reference")
    writer.add_license("mit")
    writer.add_block_count(1)
    writer.add_context_length(128)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(FEED)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(100000.0)
    writer.add_rope_dimension_count(HEAD)
    writer.add_vocab_size(VOCAB)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list([*"abcdef", "ab", "<|im_end|>"])
    writer.add_token_types([1] * 7 + [3])
    writer.add_token_merges(["a b"])
    writer.add_eos_token_id(7)
    writer.add_chat_template("{{ messages }}")
    # One value of every kind, so that each reader of a value is used.
    for kind in ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"):
        getattr(writer, f"add_{kind}")(f"test.{kind}", 7)
    writer.add_float32("test.float32", 0.5)
    writer.add_float64("test.float64", 0.25)
    writer.add_bool("test.bool", True)
    writer.add_array("test.floats", [0.5, 1.5])
    writer.add_array("test.bools", [True, False])

    writer.add_tensor("token_embd.weight", matrix(VOCAB, HIDDEN))
    writer.add_tensor("blk.0.attn_norm.weight", np.ones(HIDDEN, dtype=np.float32))
    quantised = gguf.quants.quantize(permute(q, HEADS), gguf.GGMLQuantizationType.Q8_0)
    writer.add_tensor("blk.0.attn_q.weight", quantised, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.add_tensor("blk.0.attn_k.weight", permute(k, KV_HEADS))
    writer.add_tensor("blk.0.attn_v.weight", matrix(KV_HEADS * HEAD, HIDDEN))
    writer.add_tensor("blk.0.attn_output.weight", matrix(HIDDEN, HIDDEN).astype(np.float16))
    writer.add_tensor("blk.0.ffn_norm.weight", np.ones(HIDDEN, dtype=np.float32))
    for name, rows, columns in (("gate", FEED, HIDDEN), ("up", FEED, HIDDEN), ("down", HIDDEN, FEED)):
        half = gguf.quants.quantize(matrix(rows, columns), gguf.GGMLQuantizationType.Q4_0)
        writer.add_tensor(f"blk.0.ffn_{name}.weight", half, raw_dtype=gguf.GGMLQuantizationType.Q4_0)
    writer.add_tensor("output_norm.weight", np.ones(HIDDEN, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    round_trip = gguf.quants.dequantize(gguf.quants.quantize(q, gguf.GGMLQuantizationType.Q8_0), gguf.GGMLQuantizationType.Q8_0)
    expected = {"q_proj": round_trip.flatten().tolist(), "k_proj": k.flatten().tolist()}
    (Path(folder) / "reference-gguf.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")


main(*sys.argv[1:])
