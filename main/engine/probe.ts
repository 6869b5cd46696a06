import type { KernelSpeed, ProbedKernel } from '../contract/engine.ts';
import { encodeModel, type InitializerSpec, type NodeSpec } from '../../native-models/graph/onnx.ts';
import { PREFILL_BLOCK } from './blocks.ts';
import { pinnedFloat32, RuntimeSession } from './runtime/session.ts';
import { usualMs } from './usual-time.ts';

/** Rows and columns of the probed matrices: as wide as a layer of a 14B model, so that threads have enough to share. */
const WIDTH = 4096;
/** Bytes of codes that one pass reads: more than any cache holds, as a model's weights are. */
const PASS_BYTES = 96 << 20;
/** Matrices of the pass with a block of tokens, which is slower a matrix. */
const BLOCK_MATRICES = 2;

/**
 * How fast this machine multiplies by a matrix of each kind, as a model's decoding (one row) and prefill (a block of rows)
 * do it: matrices one behind the other, each read from memory anew.
 */
export async function probeKernels(kernels: readonly ProbedKernel[], threads: number): Promise<KernelSpeed[]> {
  const speeds: KernelSpeed[] = [];
  for (const kernel of kernels) {
    const matrices = Math.max(BLOCK_MATRICES, Math.round(PASS_BYTES / ((WIDTH * WIDTH * kernel.bits) / 8)));
    const decodeMs = await timeChain(chainOf(kernel, matrices), 1, threads);
    const prefillMs = await timeChain(chainOf(kernel, BLOCK_MATRICES), PREFILL_BLOCK, threads);
    speeds.push({
      ...kernel,
      decodeWeightsPerSecond: (WIDTH * WIDTH * matrices * 1000) / decodeMs,
      prefillWeightsPerSecond: (WIDTH * WIDTH * BLOCK_MATRICES * PREFILL_BLOCK * 1000) / prefillMs,
    });
  }
  return speeds;
}

type Chain = { nodes: NodeSpec[]; initializers: InitializerSpec[] };

/** Every node multiplies what the one before it gave. No two matrices are alike: equal ones would be packed once. */
function chainOf({ bits, block, accuracyLevel }: ProbedKernel, matrices: number): Chain {
  const nodes: NodeSpec[] = [];
  const initializers: InitializerSpec[] = [];
  const scales = new Uint8Array(new Float32Array(bits === 32 ? 0 : (WIDTH * WIDTH) / block).fill(0.01).buffer);
  for (let i = 0; i < matrices; i++) {
    const raw = new Uint8Array((WIDTH * WIDTH * bits) / 8);
    raw.fill(bits === 32 ? 0 : 16 * i + 8);
    raw[0] = i;
    if (bits === 32) {
      initializers.push({ name: `w${i}`, type: 'float32', shape: [WIDTH, WIDTH], raw });
      nodes.push(node('FusedMatMul', [value(i), `w${i}`], value(i + 1), { transB: 1 }));
      continue;
    }
    const blocks = WIDTH / block;
    initializers.push({ name: `w${i}`, type: 'uint8', shape: [WIDTH, blocks, (block * bits) / 8], raw });
    initializers.push({ name: `s${i}`, type: 'float32', shape: [WIDTH, blocks], raw: scales });
    const attributes = { K: WIDTH, N: WIDTH, bits, block_size: block, accuracy_level: accuracyLevel };
    nodes.push(node('MatMulNBits', [value(i), `w${i}`, `s${i}`], value(i + 1), attributes));
  }
  return { nodes, initializers };
}

/** What the chain usually takes over `rows` rows, in milliseconds. */
async function timeChain({ nodes, initializers }: Chain, rows: number, threads: number): Promise<number> {
  const shape = [rows, WIDTH];
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
    binding.input(value(0), { data: pinnedFloat32(rows * WIDTH).fill(1), shape });
    binding.output(value(nodes.length), { data: pinnedFloat32(rows * WIDTH), shape });
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
