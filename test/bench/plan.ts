/**
 * What a plan says of a checkpoint beside what compiling and running it takes, in processes of their own as in the app:
 * bytes, the most memory that compiling took, and speeds. Probes of the machine and runs of the model take turns, so that
 * a machine that gets slower does so for both.
 *
 *     node test/bench/plan.ts FILE [fast|balanced|exact] [ROUNDS]        JSON to standard output; needs Linux
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { connect } from '../../main/contract/client.ts';
import type { EngineClient, ReaderClient } from '../../main/contract/index.ts';
import type { RecipeName } from '../../main/contract/reader.ts';
import { kernelsOf } from '../../main/services/models/planner.ts';
import { describeMachine, median } from '../../main/services/system/bench.ts';
import { createChannel } from '../../main/shell/node/channel.ts';
import { spawnNode } from '../../main/shell/node/node-process.ts';
import { GRAPH_FILES } from '../../native-models/manifest.ts';
import { decodeSeconds, plan, prefillSeconds } from '../../native-models/plan/index.ts';

const CONTEXT_TOKENS = 4096;
const STEPS = 32;
const POINTS = [
  { kind: 'prefill', tokens: 1024 },
  { kind: 'decode', tokens: 128 },
  { kind: 'decode', tokens: 1024 },
  { kind: 'decode', tokens: 2048 },
] as const;

const [file, recipe = 'balanced', rounds = '5'] = process.argv.slice(2);
if (file === undefined || (recipe !== 'fast' && recipe !== 'balanced' && recipe !== 'exact'))
  throw new Error('usage: plan.ts FILE [fast|balanced|exact] [ROUNDS]');

const named: RecipeName = recipe;
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(); // of the code that runs, whatever is committed meanwhile
const temporary = await mkdtemp(join(dirname(file), 'plan-')); // beside the file: both may be large
const reader = start<ReaderClient>('reader');
const engine = start<EngineClient>('engine');
try {
  const folder = join(temporary, 'model');
  const footprint = await reader.client.footprint({ path: file, recipe });
  const started = performance.now();
  for await (const event of await reader.client.compile({ path: file, folder, name: 'plan', recipe })) void event;
  const compileSeconds = (performance.now() - started) / 1000;
  const compilePeakBytes = await peakBytes(reader.pid);
  reader.end();

  await engine.client.load({ folder });
  const speeds = POINTS.map((): { planned: number; measured: number }[] => []);
  for (let round = 0; round <= Number(rounds); round++) {
    const machine = await engine.client.probe({ kernels: kernelsOf(footprint) });
    for (const [index, { kind, tokens }] of POINTS.entries()) {
      const { costs, shape } = footprint;
      const planned =
        kind === 'decode'
          ? 1 / decodeSeconds(costs, shape, tokens + STEPS / 2, machine)
          : tokens / prefillSeconds(costs, shape, tokens, machine);
      const { tokensPerSecond } = await engine.client.bench({ kind, tokens, steps: STEPS });
      if (round > 0) speeds[index]!.push({ planned, measured: tokensPerSecond }); // the first warms up
    }
  }
  const { rssBytes } = await engine.client.bench({ kind: 'prefill', tokens: CONTEXT_TOKENS - STEPS, steps: 1 });
  const request = { recipe: named, contextTokens: CONTEXT_TOKENS, missingBytes: 0 };
  const { memory, compiledBytes } = plan(footprint, request, { memoryBytes: 0, diskBytes: 0, speed: null });
  const written = ['weights.bin', ...Object.values(GRAPH_FILES)].map((name) => stat(join(folder, name)));
  const made = (await Promise.all(written)).reduce((sum, { size }) => sum + size, 0);
  const report = {
    ...{ recipe, sourceBytes: (await stat(file)).size, compileSeconds: round1(compileSeconds), compilePeakBytes },
    compiledBytes: { planned: compiledBytes, measured: made },
    memoryBytes: { contextTokens: CONTEXT_TOKENS, planned: Math.round(memory.total), measuredEngineRss: rssBytes },
    points: POINTS.map((point, index) => {
      const [planned, measured] = (['planned', 'measured'] as const).map((key) =>
        median(speeds[index]!.map((one) => one[key])),
      );
      return {
        ...point,
        ...{
          planned: round1(planned!),
          measured: round1(measured!),
          errorPercent: round1((planned! / measured! - 1) * 100),
        },
        rounds: speeds[index]!.map((one) => ({ planned: round1(one.planned), measured: round1(one.measured) })),
      };
    }),
    commit,
    machine: { ...describeMachine(), node: process.version },
    command: `node test/bench/plan.ts FILE ${recipe} ${rounds}`,
  };
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
} finally {
  reader.end();
  engine.end();
  await rm(temporary, { recursive: true, force: true });
}

function start<Client>(role: 'reader' | 'engine') {
  const process = spawnNode(
    { role, file: join(import.meta.dirname, `../../main/${role}/process.ts`), args: [], env: {} },
    console.error,
  );
  const [near, far] = createChannel();
  process.postMessage('client', [far]);
  return { client: connect<Client>(near), pid: process.pid, end: () => process.end() };
}

/** The most memory that a process ever had resident, as Linux counts it (VmHWM). */
async function peakBytes(pid: number | null): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
}

function round1(value: number): number {
  return Math.round(value * 10) / 10;
}
