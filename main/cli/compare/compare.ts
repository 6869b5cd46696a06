import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect } from '../../contract/client.ts';
import type { EngineClient } from '../../contract/index.ts';
import type { RecipeName } from '../../contract/reader.ts';
import { median } from '../../services/system/bench.ts';
import { createChannel } from '../../shell/node/channel.ts';
import { spawnNode } from '../../shell/node/node-process.ts';
import { compile } from '../../../native-models/compile.ts';
import { openLlamaCpp, type LlamaCpp } from './llama-cpp.ts';

export type ComparePoint = {
  kind: 'prefill' | 'decode';
  tokens: number;
  /** Medians of tokens per second, and of the ratios ours / theirs run by run. */
  longhand: number;
  flashOff: number;
  flashOn: number;
  ratioFlashOff: number;
  ratioFlashOn: number;
  /**
   * The smaller of the two: ours against the better setting of theirs. (The better of each round would be the luckier
   * of two draws against one of ours.)
   */
  ratioBest: number;
  rounds: { longhand: number; flashOff: number; flashOn: number }[];
};
export type CompareReport = {
  source: string;
  recipe: RecipeName;
  threads: number;
  repeats: number;
  weightBytes: number;
  bandwidthGBs: number;
  llamaCpp: string;
  points: ComparePoint[];
};

const points = [
  { kind: 'prefill', tokens: 512 },
  { kind: 'prefill', tokens: 2048 },
  { kind: 'decode', tokens: 128 },
  { kind: 'decode', tokens: 2048 },
] as const;
const STEPS = 32;
const CONTEXT_TOKENS = 2048 + 2 * STEPS;

/**
 * Measures Longhand and llama.cpp on the same GGUF file with the same number of threads, in turn within every round,
 * so that a machine that gets slower or faster does so for both.
 */
export async function compareWithLlamaCpp(options: {
  path: string;
  recipe: RecipeName;
  threads: number;
  repeats: number;
  toolsFolder: string;
  say(line: string): void;
}): Promise<CompareReport> {
  const { path, recipe, threads, repeats, say } = options;
  const temporary = await mkdtemp(join(tmpdir(), 'longhand-compare-'));
  let theirs: LlamaCpp | null = null;
  const ours = startEngine(say);
  try {
    say(`Compiling ${path} (${recipe}) …`);
    const folder = join(temporary, 'model');
    await compile(path, folder, { name: 'comparison', recipe });
    const { weightBytes } = await ours.client.load({ folder, threads });
    theirs = await openLlamaCpp({ ...options, contextTokens: CONTEXT_TOKENS });
    const measured: ComparePoint[] = [];
    for (const { kind, tokens } of points) {
      const rounds: ComparePoint['rounds'] = [];
      for (let round = 0; round <= repeats; round++) {
        const longhand = (await ours.client.bench({ kind, tokens, steps: STEPS })).tokensPerSecond;
        const flashOff = await theirs[kind]({ tokens, steps: STEPS, flashAttention: false });
        const flashOn = await theirs[kind]({ tokens, steps: STEPS, flashAttention: true });
        if (round > 0) rounds.push({ longhand, flashOff, flashOn }); // the first warms up
      }
      const point = summarise(kind, tokens, rounds);
      say(describe(point));
      measured.push(point);
    }
    const { gigabytesPerSecond } = await ours.client.bandwidth();
    const llamaCpp = theirs.systemInfo;
    return {
      source: path,
      recipe,
      threads,
      repeats,
      weightBytes,
      bandwidthGBs: gigabytesPerSecond,
      llamaCpp,
      points: measured,
    };
  } finally {
    theirs?.close();
    ours.end();
    await rm(temporary, { recursive: true, force: true });
  }
}

function startEngine(say: (line: string) => void): { client: EngineClient; end(): void } {
  const file = fileURLToPath(new URL('../../engine/process.ts', import.meta.url));
  const engine = spawnNode({ role: 'engine', file, args: [], env: {} }, say);
  const [near, far] = createChannel();
  engine.postMessage('client', [far]);
  return { client: connect<EngineClient>(near), end: () => engine.end() };
}

function summarise(kind: ComparePoint['kind'], tokens: number, rounds: ComparePoint['rounds']): ComparePoint {
  const over = (value: (round: ComparePoint['rounds'][number]) => number) => median(rounds.map(value));
  const ratioFlashOff = over((r) => r.longhand / r.flashOff);
  const ratioFlashOn = over((r) => r.longhand / r.flashOn);
  return {
    kind,
    tokens,
    longhand: over((r) => r.longhand),
    flashOff: over((r) => r.flashOff),
    flashOn: over((r) => r.flashOn),
    ratioFlashOff,
    ratioFlashOn,
    ratioBest: Math.min(ratioFlashOff, ratioFlashOn),
    rounds,
  };
}

/** One line for a reader. */
export function describe(point: ComparePoint): string {
  const speeds = `${point.longhand.toFixed(1)} tok/s, llama.cpp ${point.flashOff.toFixed(1)} (flash attention on: ${point.flashOn.toFixed(1)})`;
  return `${point.kind} at ${point.tokens}: ${speeds}, ratio to the better ${point.ratioBest.toFixed(2)}`;
}
