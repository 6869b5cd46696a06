import type { GgufTensor } from './gguf-writer.ts';

/** How the reference reads positions: straight from the definitions, without a line of the product's. */
export type ReferencePositions = {
  base: number;
  /** YaRN (arXiv 2309.00071) with the published betas, over this length. */
  yarn?: { factor: number; original: number };
  /** Dual Chunk Attention; scores beyond `sharpenedFrom` tokens are sharpened. */
  chunks?: { chunkSize: number; localSize: number; sharpenedFrom?: number };
};
export type ReferenceShape = { layers: number; heads: number; kvHeads: number; headDim: number };

type Matrix = { rows: number; columns: number; values: Float64Array };

/**
 * A Qwen2 decoder in float64, from the equations: every key is rotated for every query anew.
 * @param tensors of a tiny GGUF checkpoint in F32 (test/support/tiny-checkpoint.ts)
 * @returns logits float64 [tokens, vocabulary]
 */
export function referenceLogits(
  tensors: readonly GgufTensor[],
  shape: ReferenceShape,
  tokens: readonly number[],
  positions: ReferencePositions,
): Float64Array[] {
  const { layers, heads, kvHeads, headDim: D } = shape;
  const weight = (name: string): Matrix => {
    const { shape: dims, data } = tensors.find((tensor) => tensor.name === name)!;
    const values = Float64Array.from(new Float32Array(new Uint8Array(data).buffer));
    return { rows: dims.length === 1 ? 1 : dims[0]!, columns: dims.at(-1)!, values };
  };
  const embedding = weight('token_embd.weight');
  const rows = tokens.map((id) => embedding.values.slice(id * embedding.columns, (id + 1) * embedding.columns));
  const distances = rotations(tokens.length, D, positions);
  for (let layer = 0; layer < layers; layer++) {
    const of = (name: string) => weight(`blk.${layer}.${name}`);
    const norm = of('attn_norm.weight').values;
    const project = (part: string) => {
      const [w, b] = [of(`attn_${part}.weight`), of(`attn_${part}.bias`).values];
      return rows.map((x) => multiply(w, rmsNorm(x, norm)).map((value, i) => value + b[i]!));
    };
    const [q, k, v] = [project('q'), project('k'), project('v')];
    const mixed = rows.map((_, i) => {
      const out = new Float64Array(heads * D);
      for (let head = 0; head < heads; head++) {
        const kvHead = Math.floor(head / (heads / kvHeads));
        const scores = rows.slice(0, i + 1).map((__, j) => distances(q[i]!, head * D, i, k[j]!, kvHead * D, j));
        const most = Math.max(...scores);
        const powers = scores.map((score) => Math.exp(score - most));
        const sum = powers.reduce((a, b) => a + b);
        powers.forEach((power, j) => {
          for (let d = 0; d < D; d++) out[head * D + d]! += (power / sum) * v[j]![kvHead * D + d]!;
        });
      }
      return out;
    });
    const [output, ffn] = [of('attn_output.weight'), of('ffn_norm.weight').values];
    const [gate, up, down] = [of('ffn_gate.weight'), of('ffn_up.weight'), of('ffn_down.weight')];
    rows.forEach((x, i) => {
      add(x, multiply(output, mixed[i]!));
      const u = rmsNorm(x, ffn);
      const [g, h] = [multiply(gate, u), multiply(up, u)];
      add(
        x,
        multiply(
          down,
          g.map((value, f) => (value / (1 + Math.exp(-value))) * h[f]!),
        ),
      );
    });
  }
  const last = weight('output_norm.weight').values;
  return rows.map((x) => multiply(embedding, rmsNorm(x, last)));
}

/** The score of a query and a key: both rotated, multiplied, scaled. */
function rotations(length: number, D: number, { base, yarn, chunks }: ReferencePositions) {
  const half = D / 2;
  const theta = Array.from({ length: half }, (_, p) => base ** ((-2 * p) / D));
  let stretch = 1;
  if (yarn !== undefined) {
    const at = (turns: number) => (D * Math.log(yarn.original / (turns * 2 * Math.PI))) / (2 * Math.log(base));
    const [low, high] = [Math.max(Math.floor(at(32)), 0), Math.min(Math.ceil(at(1)), D - 1)];
    for (let p = 0; p < half; p++) {
      const share = Math.min(Math.max((p - low) / Math.max(high - low, 0.001), 0), 1);
      theta[p] = theta[p]! * (1 - share) + (theta[p]! / yarn.factor) * share;
    }
    stretch = (0.1 * Math.log(yarn.factor) + 1) ** 2; // on cos and sin of both sides
  }
  const chunk = chunks === undefined ? length + 1 : chunks.chunkSize - chunks.localSize;
  const place = (i: number, j: number): number => {
    const apart = Math.floor(i / chunk) - Math.floor(j / chunk);
    if (chunks === undefined || apart === 0) return i % chunk;
    return apart === 1 ? Math.min((i % chunk) + chunk, chunks.chunkSize) : Math.min(2 * chunk - 1, chunks.chunkSize);
  };
  // The product of two rotations depends on their difference alone.
  const turns = new Map<number, { cos: number[]; sin: number[] }>();
  const turn = (apart: number) => {
    const known = turns.get(apart);
    if (known !== undefined) return known;
    const angles = theta.map((frequency) => apart * frequency);
    const made = { cos: angles.map(Math.cos), sin: angles.map(Math.sin) };
    turns.set(apart, made);
    return made;
  };
  return (q: Float64Array, qAt: number, i: number, k: Float64Array, kAt: number, j: number): number => {
    const { cos, sin } = turn(place(i, j) - (j % chunk));
    let sum = 0;
    for (let p = 0; p < half; p++) {
      const [a, b] = [q[qAt + p]!, q[qAt + p + half]!];
      const [c, d] = [k[kAt + p]!, k[kAt + p + half]!];
      sum += (a * c + b * d) * cos[p]! + (a * d - b * c) * sin[p]!;
    }
    const from = chunks?.sharpenedFrom ?? Infinity;
    const sharper = Math.max(1, 0.1 * Math.log((i + 1) / from) + 1) ** 2;
    return (sum * stretch * sharper) / Math.sqrt(D);
  };
}

function rmsNorm(x: Float64Array, weight: Float64Array): Float64Array {
  const mean = x.reduce((sum, value) => sum + value * value, 0) / x.length;
  return x.map((value, i) => (value / Math.sqrt(mean + 1e-6)) * weight[i]!);
}

function multiply({ rows, columns, values }: Matrix, x: Float64Array): Float64Array {
  return Float64Array.from({ length: rows }, (_, row) => {
    let sum = 0;
    for (let column = 0; column < columns; column++) sum += values[row * columns + column]! * x[column]!;
    return sum;
  });
}

function add(x: Float64Array, y: Float64Array): void {
  for (let i = 0; i < x.length; i++) x[i]! += y[i]!;
}
