import { encodeModel } from '../../native-models/graph/onnx.ts';
import type { Model } from './model.ts';
import { pinnedFloat32, RuntimeSession } from './runtime/session.ts';
import type { SchedulerClient } from './scheduler.ts';

/** One measured point on a cache of its own, with tokens that mean nothing. @returns tokens per second */
export async function benchPoint(
  model: Model,
  turns: SchedulerClient,
  { kind, tokens, steps }: { kind: 'prefill' | 'decode'; tokens: number; steps: number },
  signal?: AbortSignal,
): Promise<number> {
  const sequence = model.newSequence();
  const ids = Array.from({ length: tokens }, (_, i) => (i * 37) % Math.min(200, model.tokenizer.vocabSize));
  try {
    const started = performance.now();
    if (kind === 'prefill') {
      for (const block of model.blocks.of(ids, 0)) {
        await turns.turn((ended) => model.forward(sequence, block, { signal: ended }), signal);
      }
      return (tokens / (performance.now() - started)) * 1000;
    }
    sequence.pretend(tokens);
    const times: number[] = [];
    for (let i = 0; i < steps; i++) {
      const from = performance.now();
      await turns.turn((ended) => model.forward(sequence, [ids[i % ids.length]!], { signal: ended }), signal);
      times.push(performance.now() - from);
    }
    return 1000 / median(times);
  } finally {
    model.forget(sequence);
  }
}

const BANDWIDTH_ROWS = 1024;
const BANDWIDTH_COLUMNS = 65_536;

/** Read bandwidth in GB/s with as many threads as the model has: the best of several reductions of 256 MiB. */
export async function measureBandwidth(threads: number): Promise<number> {
  const shape = [BANDWIDTH_ROWS, BANDWIDTH_COLUMNS];
  const bytes = encodeModel({
    name: 'bandwidth',
    nodes: [
      { name: 'max', op: 'ReduceMax', domain: '', inputs: ['x', 'axes'], outputs: ['y'], attributes: { keepdims: 0 } },
    ],
    initializers: [{ name: 'axes', type: 'int64', shape: [1], raw: new Uint8Array(BigInt64Array.of(1n).buffer) }],
    inputs: [{ name: 'x', type: 'float32', shape }],
    outputs: [{ name: 'y', type: 'float32', shape: [BANDWIDTH_ROWS] }],
  });
  const session = RuntimeSession.open(bytes, { threads });
  const binding = session.bind();
  try {
    const x = pinnedFloat32(BANDWIDTH_ROWS * BANDWIDTH_COLUMNS).fill(1);
    binding.input('x', { data: x, shape });
    binding.output('y', { data: pinnedFloat32(BANDWIDTH_ROWS), shape: [BANDWIDTH_ROWS] });
    const times: number[] = [];
    for (let i = 0; i < 6; i++) {
      const from = performance.now();
      await binding.run();
      times.push(performance.now() - from);
    }
    return x.byteLength / Math.min(...times) / 1e6;
  } finally {
    binding.release();
    session.release();
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}
