/** Where a format keeps a tensor: a stored tensor, or a range of its rows where it stacks several. */
export type StoredPart = {
  tensor: string;
  /** Shape of the whole stored tensor. */
  shape: readonly number[];
  /** Row of the stored tensor, counted over all its leading dimensions, at which this one begins. */
  firstRow: number;
  /** llama.cpp keeps the rows of each head for RoPE on neighbouring pairs (see `readRows` of a GGUF checkpoint). */
  interleavedHeads: boolean;
};

/** A tensor of a family: how the compiler knows it and where each format has it. */
export type ExpectedTensor = {
  /** Hugging Face name. */
  name: string;
  /** Row-major, slowest first: [out, in] for a matrix. */
  shape: readonly number[];
  /** Whether a checkpoint may lack it, as biases that some checkpoints have. */
  optional: boolean;
  gguf: StoredPart;
  /** Alternatives: newer checkpoints stack what older ones keep one by one. */
  huggingFace: readonly StoredPart[];
};

type Options = {
  optional?: boolean;
  interleavedHeads?: boolean;
  /** A stored tensor of which this one is some rows, or which has its values in another shape. */
  ggufStack?: { shape: readonly number[]; firstRow: number };
  /** Another Hugging Face tensor that may hold this one as some of its rows. */
  fused?: { tensor: string; shape: readonly number[]; firstRow: number };
};

/** One tensor under its Hugging Face and its GGUF name (llama.cpp `gguf-py/gguf/tensor_mapping.py`). */
export function tensor(
  name: string,
  ggufName: string,
  shape: readonly number[],
  options: Options = {},
): ExpectedTensor {
  const { optional = false, interleavedHeads = false, ggufStack, fused } = options;
  const alone = { tensor: name, shape, firstRow: 0, interleavedHeads: false };
  return {
    name,
    shape,
    optional,
    gguf: { tensor: ggufName, ...(ggufStack ?? { shape, firstRow: 0 }), interleavedHeads },
    huggingFace: fused ? [alone, { ...fused, interleavedHeads: false }] : [alone],
  };
}
