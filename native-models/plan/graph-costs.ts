import type { Attributes, GraphSpec, InitializerSpec, NodeSpec } from '../graph/onnx.ts';

/** A way of multiplying by a matrix: bits of a weight (32 is float32), weights a scale (0: none), `accuracy_level`. */
export type Kernel = { bits: 4 | 8 | 32; block: number; accuracyLevel: number };

/** Matrices of one kernel, those of routed experts apart from what every token goes through. */
export type Multiplication = {
  kernel: Kernel;
  /** Of them, those that one token goes through; some of which a router chooses count as parts. */
  matricesPerToken: number;
  /** Values in all of them. */
  weights: number;
  /** Of these, what one token is multiplied by: fewer where a router chooses among experts. */
  weightsPerToken: number;
  /** Of these, what is used once a block of a prompt rather than once a token of it: the head. */
  headWeights: number;
};

/** What a compiled graph takes, read from the graph itself. */
export type GraphCosts = {
  /** Of the weights file. */
  weightBytes: number;
  /** Weights in memory once loaded, in the form that the runtime packs them into. The file beside it is mapped, and need not stay. */
  residentBytes: number;
  operators: number;
  /** Values of the widest row that a token becomes between two operators, the logits left out. */
  widestRow: number;
  /** Values that a token becomes in all matrices together, the logits left out. */
  rowValues: number;
  multiplications: Multiplication[];
};

export type GraphParts = Pick<GraphSpec, 'nodes' | 'initializers' | 'outputs'>;

/** Operators whose weights are a table of which a token reads one row. */
const LOOKUPS: readonly string[] = ['Gather', 'GatherBlockQuantized'];

/** @param graph one of ours, just built or decoded */
export function graphCosts({ nodes, initializers, outputs }: GraphParts): GraphCosts {
  const vocabulary = outputs.find(({ name }) => name === 'logits')?.shape.at(-1);
  const weights = new Map(initializers.map((spec) => [spec.name, spec]));
  const routed = routedPieces(nodes, weights);
  const sums = new Map<string, Multiplication>();
  const resident = new Map<string, number>();
  let [widestRow, rowValues] = [0, 0];
  for (const node of nodes) {
    const matrix = LOOKUPS.includes(node.op) ? null : matrixOf(node, weights);
    const { share, perToken } = routed.get(node.inputs[0] ?? '') ?? EVERY_TOKEN;
    for (const input of node.inputs) {
      const spec = weights.get(input);
      if (spec !== undefined && 'file' in spec && matrix === null && !LOOKUPS.includes(node.op))
        resident.set(input, spec.length);
    }
    if (matrix === null) continue;
    resident.set(node.name, matrix.residentBytes);
    const isHead = matrix.rows === vocabulary;
    if (!isHead) {
      widestRow = Math.max(widestRow, matrix.rows * perToken);
      rowValues += matrix.rows * share;
    }
    const key = JSON.stringify([matrix.kernel, share]);
    const sum = sums.get(key) ?? {
      ...{ kernel: matrix.kernel, matricesPerToken: 0, weights: 0, weightsPerToken: 0, headWeights: 0 },
    };
    sum.matricesPerToken += share;
    sum.weights += matrix.weights;
    sum.weightsPerToken += matrix.weights * share;
    if (isHead) sum.headWeights += matrix.weights;
    sums.set(key, sum);
  }
  const ends = initializers.map((spec) => ('file' in spec ? spec.offset + spec.length : 0));
  return {
    weightBytes: ends.reduce((most, end) => Math.max(most, end), 0),
    residentBytes: [...resident.values()].reduce((sum, bytes) => sum + bytes, 0),
    operators: nodes.length,
    widestRow,
    rowValues,
    multiplications: [...sums.values()],
  };
}

/** Weights that a token of a prompt is multiplied by; the head is not for all of them. */
export function weightsPerToken({ multiplications }: GraphCosts): number {
  return multiplications.reduce((sum, one) => sum + one.weightsPerToken - one.headWeights, 0);
}

type Matrix = {
  kernel: Kernel;
  weights: number;
  rows: number;
  residentBytes: number;
};

/** The matrix that a node multiplies by; null where it multiplies by none of the weights. */
function matrixOf({ op, inputs, attributes }: NodeSpec, weights: Map<string, InitializerSpec>): Matrix | null {
  if (op === 'MatMulNBits') {
    const [N, K] = [integer(attributes, 'N'), integer(attributes, 'K')];
    const kernel: Kernel = {
      bits: integer(attributes, 'bits') === 4 ? 4 : 8,
      block: integer(attributes, 'block_size'),
      accuracyLevel: integer(attributes, 'accuracy_level'),
    };
    return { kernel, weights: N * K, rows: N, residentBytes: packedBytes(N * K, kernel) };
  }
  const spec = inputs
    .slice(1)
    .map((input) => weights.get(input))
    .find((one) => one !== undefined && 'file' in one);
  if (!['MatMul', 'FusedMatMul', 'Gemm'].includes(op) || spec === undefined || spec.shape.length < 2) return null;
  const count = product(spec.shape);
  const rows = count / (spec.shape.at(integer(attributes, 'transB') === 1 ? -1 : -2) ?? 1);
  const kernel: Kernel = { bits: 32, block: 0, accuracyLevel: 0 };
  return { kernel, weights: count, rows, residentBytes: 4 * count };
}

/** How tokens meet a matrix: the share of its weights that one token is multiplied by, and rows that a token becomes. */
type Meeting = { share: number; perToken: number };
const EVERY_TOKEN: Meeting = { share: 1, perToken: 1 };

/** The inputs of routed experts: a router's `TopK` chooses k of the pieces of its splits, whose sizes only a run tells. */
function routedPieces(nodes: readonly NodeSpec[], weights: Map<string, InitializerSpec>): Map<string, Meeting> {
  const chosen = new Map<string, number>();
  const pieces = new Map<string, Meeting>();
  for (const { op, name, inputs, outputs } of nodes) {
    const router = name.slice(0, name.lastIndexOf('/'));
    const constant = weights.get(inputs[1] ?? '');
    if (op === 'TopK' && constant !== undefined && 'raw' in constant) chosen.set(router, firstInteger(constant.raw));
    if (op !== 'Split' || constant !== undefined) continue;
    const perToken = chosen.get(router) ?? outputs.length;
    for (const piece of outputs) pieces.set(piece, { share: perToken / outputs.length, perToken });
  }
  return pieces;
}

/** Codes and a float32 scale a block; where activations are rounded too, a sum of each block besides. */
function packedBytes(weights: number, { bits, block, accuracyLevel }: Kernel): number {
  return (weights * bits) / 8 + (weights / block) * (accuracyLevel === 4 ? 8 : 4);
}

function integer(attributes: Attributes, name: string): number {
  const value = attributes[name];
  return typeof value === 'number' ? value : 0;
}

function firstInteger(raw: Uint8Array): number {
  return Number(new DataView(raw.buffer, raw.byteOffset, raw.byteLength).getBigInt64(0, true));
}

const product = (shape: readonly number[]) => shape.reduce((all, size) => all * size, 1);
