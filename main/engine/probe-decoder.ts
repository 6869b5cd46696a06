import type { DecoderSpeed } from '../contract/engine.ts';
import { findArchitecture } from '../../native-models/architectures/index.ts';
import type { ModelConfig } from '../../native-models/checkpoint/checkpoint.ts';
import { GraphBuilder } from '../../native-models/graph/graph.ts';
import { decodeModel, encodeModel, type InitializerSpec } from '../../native-models/graph/onnx.ts';
import { paperCheckpoint } from '../../native-models/plan/paper-checkpoint.ts';
import { PREFILL_BLOCK } from './prefix-cache.ts';
import { pinnedFloat32, pinnedInt32, pinnedInt64, RuntimeSession } from './runtime/session.ts';
import { usualMs } from './usual-time.ts';

/** A decoder whose matrices are next to nothing, so that what is left is everything else. */
const SHAPE: ModelConfig = {
  architecture: 'llama',
  name: 'probe',
  license: null,
  layers: 16,
  hiddenSize: 256,
  heads: 8,
  kvHeads: 2,
  headDim: 128,
  intermediateSize: 256,
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
const SHORT = 256;
const LONG = 2048;

/** Times a token and a block of tokens through layers without weights, over a short and a long cache. */
export async function probeDecoder(threads: number): Promise<DecoderSpeed> {
  const session = RuntimeSession.open(emptyDecoder(), { threads });
  try {
    const decode = { short: await time(session, 1, SHORT), long: await time(session, 1, LONG) };
    const prefill = {
      short: await time(session, PREFILL_BLOCK, SHORT),
      long: await time(session, PREFILL_BLOCK, LONG),
    };
    const { layers, kvHeads, headDim, heads } = SHAPE;
    const cacheBytesPerSecond =
      (layers * 2 * kvHeads * headDim * 4 * (LONG - SHORT)) / positive(decode.long - decode.short);
    const pairs = layers * heads * PREFILL_BLOCK;
    const attendedPairsPerSecond = (pairs * (LONG - SHORT)) / positive(prefill.long - prefill.short);
    return {
      cacheBytesPerSecond,
      attendedPairsPerSecond,
      decodeSecondsPerLayer: decode.short / layers,
      prefillSecondsPerLayer: positive(prefill.short - (pairs * SHORT) / attendedPairsPerSecond) / layers,
    };
  } finally {
    session.release();
  }
}

function emptyDecoder(): Uint8Array {
  const graph = new GraphBuilder(
    paperCheckpoint(SHAPE, (_name, shape) => (shape.length === 1 ? 'F32' : 'Q4_0')),
    'balanced',
  );
  findArchitecture(SHAPE.architecture).build(graph);
  const { initializers, ...rest } = decodeModel(graph.encode());
  const blank = (spec: InitializerSpec): InitializerSpec =>
    'raw' in spec ? spec : { name: spec.name, type: spec.type, shape: spec.shape, raw: new Uint8Array(spec.length) };
  return encodeModel({ name: SHAPE.name, ...rest, initializers: initializers.map(blank) });
}

/** Seconds of `tokens` at the end of a cache of `capacity`, as usual. */
async function time(session: RuntimeSession, tokens: number, capacity: number): Promise<number> {
  const { layers, kvHeads, headDim, vocabSize } = SHAPE;
  const binding = session.bind();
  try {
    const cached = pinnedInt64(1);
    cached[0] = BigInt(capacity - tokens);
    binding.input('ids', { data: pinnedInt32(tokens), shape: [1, tokens] });
    binding.input('rows', { data: pinnedInt32(1), shape: [1] });
    binding.input('cached', { data: cached, shape: [1] });
    for (const table of ['cos', 'sin']) {
      binding.input(table, { data: pinnedFloat32((capacity * headDim) / 2), shape: [capacity, headDim / 2] });
    }
    for (let layer = 0; layer < layers; layer++) {
      for (const [part, shape] of [
        ['k', [1, kvHeads, 1, headDim, capacity]],
        ['v', [1, kvHeads, 1, capacity, headDim]],
      ] as const) {
        const data = pinnedFloat32(kvHeads * headDim * capacity).fill(0.01); // written: untouched pages share one of zeros
        binding.input(`${part}.${layer}`, { data, shape });
        binding.output(`${part}_out.${layer}`, { data, shape });
      }
    }
    binding.output('logits', { data: pinnedFloat32(vocabSize), shape: [1, 1, vocabSize] });
    return (await usualMs(() => binding.run())) / 1000;
  } finally {
    binding.release();
  }
}

/** Noise may make a difference of two times nothing or less. */
function positive(seconds: number): number {
  return Math.max(seconds, 1e-6);
}
