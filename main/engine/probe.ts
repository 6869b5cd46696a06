import type { KernelSpeed, ProbedKernel } from '../contract/engine.ts';
import { encodeModel, type InitializerSpec, type NodeSpec } from '../../native-models/graph/onnx.ts';
import { PREFILL_BLOCK } from '../../native-models/attention/blocks.ts';
import { pinnedFloat32, RuntimeSession } from './runtime/session.ts';
import { usualMs } from './usual-time.ts';

/** Rows and columns of the probed matrices: as wide as a layer of a 14B model, so that threads have enough to share. */
const WIDTH = 4096;
/**
 * Bytes of codes that one pass reads: more than any cache holds, as a model's weights are. Servers have 256 MB and more of
 * it: a pass of 96 MB was a fifth faster there than any model.
 */
const PASS_BYTES = 384 << 20;
/** As much where a pass costs more memory than it reads, and unpacking weights costs more time than reading them. */
const SMALL_PASS_BYTES = 96 << 20;
/** Matrices of the pass with a block of tokens, which is slower a matrix. */
const BLOCK_MATRICES = 2;
/** Matrices with next to no weights, of which what each costs by itself is told. */
const NARROW_WIDTH = 512;
const NARROW_MATRICES = 32;

/**
 * How fast this machine multiplies by a matrix of each kind, as a model's decoding (one row) and prefill (a block of rows)
 * do it: matrices one behind the other, each read from memory anew.
 */
export async function probeKernels(kernels: readonly ProbedKernel[], threads: number): Promise<KernelSpeed[]> {
  const speeds: KernelSpeed[] = [];
  for (const kernel of kernels) {
    const passBytes = kernel.accuracyLevel === ROUNDED ? PASS_BYTES : SMALL_PASS_BYTES;
    const matrices = Math.max(BLOCK_MATRICES, Math.round(passBytes / ((WIDTH * WIDTH * kernel.bits) / 8)));
    const decode = await matrixSeconds(kernel, { width: WIDTH, matrices, rows: 1, threads });
    const prefill = await matrixSeconds(kernel, {
      width: WIDTH,
      matrices: BLOCK_MATRICES,
      rows: PREFILL_BLOCK,
      threads,
    });
    const narrow = await matrixSeconds(kernel, {
      width: NARROW_WIDTH,
      matrices: NARROW_MATRICES,
      rows: 1,
      threads,
    });
    // Of two equations, time = each + weights / speed.
    const [wide, few] = [WIDTH ** 2, NARROW_WIDTH ** 2];
    const secondsPerMatrix = Math.max(0, (narrow * wide - decode * few) / (wide - few));
    speeds.push({
      ...kernel,
      secondsPerMatrix,
      decodeWeightsPerSecond: wide / (decode - Math.min(secondsPerMatrix, decode / 2)),
      prefillWeightsPerSecond: (wide * PREFILL_BLOCK) / prefill,
    });
  }
  return speeds;
}

/** Seconds that one of several square matrices behind one another usually takes, over so many rows. */
export async function matrixSeconds(
  kernel: ProbedKernel,
  { width, matrices, rows, threads }: { width: number; matrices: number; rows: number; threads: number },
): Promise<number> {
  return (await timeChain(chainOf(kernel, width, matrices), { width, rows, threads })) / 1000 / matrices;
}

/** `accuracy_level` at which activations are rounded. Codes are then packed together with their scales. */
const ROUNDED = 4;

type Chain = { nodes: NodeSpec[]; initializers: InitializerSpec[] };

/**
 * Every node multiplies what the one before it gave. No two matrices are alike: equal ones would be packed once. Where codes
 * and scales are packed together other scales are enough, and the codes of all are stored once.
 */
function chainOf({ bits, block, accuracyLevel }: ProbedKernel, width: number, matrices: number): Chain {
  const nodes: NodeSpec[] = [];
  const initializers: InitializerSpec[] = [];
  const addCodes = (name: string, first: number, shape: number[]) => {
    const raw = new Uint8Array((width * width * bits) / 8);
    raw.fill(bits === 32 ? 0 : 0x88);
    raw[0] = first;
    initializers.push({ name, type: bits === 32 ? 'float32' : 'uint8', shape, raw });
    return name;
  };
  const sharesCodes = accuracyLevel === ROUNDED;
  for (let i = 0; i < matrices; i++) {
    if (bits === 32) {
      const weights = addCodes(`w${i}`, i, [width, width]);
      nodes.push(node('FusedMatMul', [value(i), weights], value(i + 1), { transB: 1 }));
      continue;
    }
    const blocks = width / block;
    const shape = [width, blocks, (block * bits) / 8];
    const codes = sharesCodes && i > 0 ? 'w0' : addCodes(`w${i}`, i, shape);
    const raw = new Uint8Array(new Float32Array(width * blocks).fill(0.01 + i / 1e5).buffer);
    initializers.push({ name: `s${i}`, type: 'float32', shape: [width, blocks], raw });
    const attributes = { K: width, N: width, bits, block_size: block, accuracy_level: accuracyLevel };
    nodes.push(node('MatMulNBits', [value(i), codes, `s${i}`], value(i + 1), attributes));
  }
  return { nodes, initializers };
}

/** What the chain usually takes, in milliseconds. */
async function timeChain(
  { nodes, initializers }: Chain,
  { width, rows, threads }: { width: number; rows: number; threads: number },
): Promise<number> {
  const shape = [rows, width];
  const bytes = encodeModel({
    name: 'probe',
    nodes,
    initializers,
    inputs: [{ name: value(0), type: 'float32', shape }],
    outputs: [{ name: value(nodes.length), type: 'float32', shape }],
  });
  const session = RuntimeSession.open(bytes, { threads });
  const binding = session.bind();
  try {
    binding.input(value(0), { data: pinnedFloat32(rows * width).fill(1), shape });
    binding.output(value(nodes.length), { data: pinnedFloat32(rows * width), shape });
    return await usualMs(() => binding.run());
  } finally {
    binding.release();
    session.release();
  }
}

const value = (index: number) => `x${index}`;

function node(op: string, inputs: string[], output: string, attributes: NodeSpec['attributes']): NodeSpec {
  return { op, domain: 'com.microsoft', name: output, inputs, outputs: [output], attributes };
}
