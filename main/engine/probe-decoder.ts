import type { DecoderSpeed, ProbedKernel } from '../contract/engine.ts';
import { buildGraph } from '../../native-models/architectures/build-graph.ts';
import { KV_PAGE } from '../../native-models/attention/kv-type.ts';
import { AttentionScheme } from '../../native-models/attention/scheme.ts';
import type { ModelConfig } from '../../native-models/checkpoint/checkpoint.ts';
import type { CacheForm } from '../../native-models/graph/attention.ts';
import { CONTRIB, GraphEmitter } from '../../native-models/graph/emitter.ts';
import { decodeModel, encodeModel, type InitializerSpec } from '../../native-models/graph/onnx.ts';
import { paperCheckpoint } from '../../native-models/plan/paper-checkpoint.ts';
import { PREFILL_BLOCK } from '../../native-models/attention/blocks.ts';
import { Decoder } from './decoder.ts';
import { matrixSeconds } from './probe.ts';
import { pinnedFloat32, RuntimeSession } from './runtime/session.ts';
import { usualMs } from './usual-time.ts';

/** A decoder whose matrices are next to nothing, so that what is left is everything else. */
const SHAPE: ModelConfig = {
  architecture: 'llama',
  name: 'probe',
  license: null,
  layers: 16,
  hiddenSize: 64,
  heads: 8,
  kvHeads: 2,
  headDim: 128,
  intermediateSize: 64,
  moe: null,
  vocabSize: 256,
  rmsNormEps: 1e-6,
  ropeTheta: 1e4,
  ropeScaling: null,
  contextLength: 4096,
  tiedEmbeddings: true,
  bosTokenId: null,
  eosTokenIds: [],
};
/** How its matrices are multiplied, and how many a layer has: what they cost is not the layer's. */
const KERNEL: ProbedKernel = { bits: 4, block: 32, accuracyLevel: 4 };
const MATRICES = 4;
/** Cached tokens, of which the last page is not full: filling it is not what is timed. */
const SHORT = 128;
const LONG = 2048 + SHORT;

/** Times a token and a block of tokens through layers without weights, over a short and a long cache. */
export async function probeDecoder(threads: number): Promise<DecoderSpeed> {
  const { layers, kvHeads, headDim, heads } = SHAPE;
  const form = { kvPage: KV_PAGE, kvType: 'float32' } as const;
  const session = RuntimeSession.open(emptyDecoder(form), { threads });
  const scheme = new AttentionScheme({ ...SHAPE, trainedTokens: SHAPE.contextLength, chunks: null }, KV_PAGE);
  const decoder = new Decoder(session, { ...SHAPE, ...form, contextTokens: SHAPE.contextLength }, scheme);
  try {
    const decode = { short: await time(decoder, 1, SHORT), long: await time(decoder, 1, LONG) };
    const prefill = {
      short: await time(decoder, PREFILL_BLOCK, SHORT),
      long: await time(decoder, PREFILL_BLOCK, LONG),
    };
    const chain = { width: SHAPE.hiddenSize, matrices: layers * MATRICES, threads };
    const matrices = {
      decode: MATRICES * (await matrixSeconds(KERNEL, { ...chain, rows: 1 })),
      prefill: MATRICES * (await matrixSeconds(KERNEL, { ...chain, rows: PREFILL_BLOCK })),
    };
    const cacheBytesPerSecond =
      (layers * 2 * kvHeads * headDim * 4 * (LONG - SHORT)) / positive(decode.long - decode.short);
    const pairs = layers * heads * PREFILL_BLOCK;
    const attendedPairsPerSecond = (pairs * (LONG - SHORT)) / positive(prefill.long - prefill.short);
    return {
      cacheBytesPerSecond,
      attendedPairsPerSecond,
      decodeSecondsPerLayer: positive(decode.short / layers - matrices.decode),
      prefillSecondsPerLayer: positive(
        (prefill.short - (pairs * SHORT) / attendedPairsPerSecond) / layers - matrices.prefill,
      ),
      secondsPerRowValue: await rowValueSeconds(threads),
    };
  } finally {
    decoder.release();
  }
}

function emptyDecoder(form: CacheForm): Uint8Array {
  const checkpoint = paperCheckpoint(SHAPE, (_name, shape) => (shape.length === 1 ? 'F32' : 'Q4_0'));
  const { initializers, ...rest } = decodeModel(buildGraph(checkpoint, 'balanced', form).encode());
  const blank = (spec: InitializerSpec): InitializerSpec =>
    'raw' in spec ? spec : { name: spec.name, type: spec.type, shape: spec.shape, raw: new Uint8Array(spec.length) };
  return encodeModel({ name: SHAPE.name, ...rest, initializers: initializers.map(blank) });
}

/** A block of rows as wide as the feed-forward of a 1.5B model, and as many of them as one run takes. */
const ROW_VALUES = 16_384;
const ROWS_AT_ONCE = 8;

/** What becomes of a value that a matrix gave, as far as that depends on how many there are: silu(gate) * up. */
async function rowValueSeconds(threads: number): Promise<number> {
  const emit = new GraphEmitter();
  const shape = [1, PREFILL_BLOCK, ROW_VALUES];
  const x = emit.input('x', 'float32', shape);
  const half = [1, PREFILL_BLOCK, ROW_VALUES / 2];
  for (let i = 0; i < ROWS_AT_ONCE; i++) {
    const [gate, up] = emit.split(`split${i}`, x, [ROW_VALUES / 2, ROW_VALUES / 2]);
    const silu = emit.node(`silu${i}`, 'QuickGelu', [gate], { alpha: { float: 1 } }, CONTRIB);
    emit.node(`y${i}`, 'Mul', [silu, up]);
    emit.output(`y${i}`, 'float32', half);
  }
  const session = RuntimeSession.open(encodeModel(emit.spec('rows', [])), { threads });
  const binding = session.bind();
  try {
    binding.input('x', { data: pinnedFloat32(PREFILL_BLOCK * ROW_VALUES).fill(0.5), shape });
    for (let i = 0; i < ROWS_AT_ONCE; i++)
      binding.output(`y${i}`, { data: pinnedFloat32((PREFILL_BLOCK * ROW_VALUES) / 2), shape: half });
    return (await usualMs(() => binding.run())) / 1000 / (ROWS_AT_ONCE * PREFILL_BLOCK * ROW_VALUES);
  } finally {
    binding.release();
    session.release();
  }
}

/** Seconds of `tokens` behind `cached` others, as usual. */
async function time(decoder: Decoder, tokens: number, cached: number): Promise<number> {
  const sequence = decoder.newSequence();
  const ids = Array<number>(tokens).fill(0);
  try {
    sequence.pretend(cached);
    const run = async () => {
      await decoder.forward(sequence, ids);
      sequence.truncate(cached);
    };
    return (await usualMs(run)) / 1000;
  } finally {
    decoder.forget(sequence);
  }
}

/** Noise may make a difference of two times nothing or less. */
function positive(seconds: number): number {
  return Math.max(seconds, 1e-6);
}
