import { availableParallelism, cpus, totalmem } from 'node:os';
import type { BenchPoint, LoadedModel } from '../../contract/engine.ts';
import { LonghandError } from '../../contract/errors.ts';
import type { BenchReport } from '../../contract/system.ts';
import type { Engine } from '../../engine/client.ts';
import type { Models } from '../models/models.ts';

type Point = Pick<BenchPoint, 'kind' | 'tokens'>;
type BenchEvent =
  { type: 'progress'; done: number; total: number; label: string } | { type: 'report'; report: BenchReport };

const POINTS: readonly Point[] = [
  { kind: 'prefill', tokens: 512 },
  { kind: 'prefill', tokens: 2048 },
  { kind: 'decode', tokens: 128 },
  { kind: 'decode', tokens: 2048 },
];
const STEPS = 32;

/**
 * Measures the loaded model: every point once a round, so that what else the machine does meets all of them alike, and
 * the median of the rounds. Points beyond the model's context are left out.
 * @throws LonghandError `no-model` | `model-in-use` while an answer runs, which would be measured with it
 */
export async function* bench(
  { repeats, signal = new AbortController().signal }: { repeats: number; signal?: AbortSignal },
  { engine, models }: { engine: Engine; models: Models },
): AsyncGenerator<BenchEvent, void> {
  const { model, release } = await models.acquire(signal);
  try {
    if ((await engine.status()).running > 0) {
      throw new LonghandError('model-in-use', `${model.name} is answering just now.`, { name: model.name });
    }
    const points = POINTS.filter(({ tokens }) => tokens + STEPS <= model.contextTokens);
    const total = 1 + repeats * points.length;
    const runs = points.map((): number[] => []);
    let rssBytes = 0;
    let done = 0;
    yield { type: 'progress', done, total, label: 'memory bandwidth' };
    const { gigabytesPerSecond } = await engine.bandwidth({ signal });
    for (let round = 0; round < repeats; round++) {
      for (const [index, point] of points.entries()) {
        signal.throwIfAborted();
        yield { type: 'progress', done: ++done, total, label: labelOf(point) };
        const result = await engine.bench({ ...point, steps: STEPS }, { signal });
        runs[index]!.push(result.tokensPerSecond);
        rssBytes = Math.max(rssBytes, result.rssBytes);
      }
    }
    yield { type: 'progress', done: total, total, label: 'done' };
    const measured = points.map((point, index) => ({
      ...point,
      tokensPerSecond: median(runs[index]!),
      runs: runs[index]!,
    }));
    const report: BenchReport = {
      machine: describeMachine(),
      model: model.name,
      threads: model.threads,
      points: measured,
      rssBytes,
      bandwidthGBs: gigabytesPerSecond,
      shareOfBound: measured
        .filter(({ kind }) => kind === 'decode')
        .map(({ tokens, tokensPerSecond }) => ({
          tokens,
          share: tokensPerSecond / decodeBound(model, tokens, gigabytesPerSecond),
        })),
    };
    yield { type: 'report', report };
  } finally {
    release();
  }
}

/**
 * Tokens per second at which memory would be read without a pause: each decoded token needs all weights and the keys
 * and values of what is cached once. The cache grows while it is measured, so its mean length counts.
 */
export function decodeBound(model: LoadedModel, cachedTokens: number, gigabytesPerSecond: number): number {
  const bytes = model.weightBytes + model.kvBytesPerToken * (cachedTokens + STEPS / 2);
  return (gigabytesPerSecond * 1e9) / bytes;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function describeMachine(): BenchReport['machine'] {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    platform: `${process.platform} ${process.arch}`,
  };
}

function labelOf({ kind, tokens }: Point): string {
  return kind === 'prefill' ? `prefill of ${tokens} tokens` : `decode behind ${tokens} tokens`;
}
