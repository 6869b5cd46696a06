/**
 * What a plan says of a checkpoint beside what compiling and running it takes, in processes of their own as in the app:
 * bytes, memory and speeds. Two steps, since only the second needs the machine alone; what the first found lies in the
 * compiled folder. Probes of the machine and runs of the model take turns, so that a machine that gets slower does so for
 * both.
 *
 *     node test/bench/plan.ts compile FILE RECIPE FOLDER
 *     node test/bench/plan.ts measure FOLDER [ROUNDS] [STEPS] [CONTEXT]     JSON to standard output; both need Linux
 */
import { execFileSync } from 'node:child_process';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { connect } from '../../main/contract/client.ts';
import type { EngineClient, ReaderClient } from '../../main/contract/index.ts';
import { recipe as recipeName, type RecipeName } from '../../main/contract/reader.ts';
import { kernelsOf } from '../../main/services/models/planner.ts';
import { describeMachine, median } from '../../main/services/system/bench.ts';
import { createChannel } from '../../main/shell/node/channel.ts';
import { spawnNode } from '../../main/shell/node/node-process.ts';
import { WEIGHTS_FILE } from '../../native-models/graph/weights.ts';
import { GRAPH_FILES } from '../../native-models/manifest.ts';
import { decodeSeconds, plan, prefillSeconds, type Footprint } from '../../native-models/plan/index.ts';

const POINTS = [
  { kind: 'prefill', tokens: 512 },
  { kind: 'decode', tokens: 128 },
  { kind: 'decode', tokens: 1024 },
  { kind: 'decode', tokens: 2048 },
] as const;
type Point = (typeof POINTS)[number];
/** What the first step found, for the second. */
const FOUND_FILE = 'bench.json';
type Found = { source: string; recipe: RecipeName; sourceBytes: number; footprint: Footprint; compile: Compile };
/** `cpuSeconds` of all threads together: what else the machine does is not in it. */
type Compile = { seconds: number; cpuSeconds: number; peakBytes: number; commit: string };

const [step, ...rest] = process.argv.slice(2);
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(); // of the code that runs, whatever is committed meanwhile
if (step === 'compile' && rest.length === 3) await compile(rest[0]!, recipeName.parse(rest[1]), rest[2]!);
else if (step === 'measure' && rest.length > 0) {
  const [rounds = 5, steps = 32, contextTokens = 4096] = rest.slice(1).map(Number);
  await measure(rest[0]!, { rounds, steps, contextTokens });
} else throw new Error('usage: plan.ts compile FILE RECIPE FOLDER | measure FOLDER [ROUNDS] [STEPS] [CONTEXT]');

async function compile(file: string, recipe: RecipeName, folder: string): Promise<void> {
  const reader = start<ReaderClient>('reader');
  try {
    const footprint = await reader.client.footprint({ path: file, recipe });
    const started = performance.now();
    for await (const event of await reader.client.compile({ path: file, folder, name: 'plan', recipe })) void event;
    const seconds = round1((performance.now() - started) / 1000);
    const { size: sourceBytes } = await stat(file);
    const cpuSeconds = await cpuSecondsOf(reader.pid);
    const compile = { seconds, cpuSeconds, peakBytes: (await memoryOf(reader.pid)).VmHWM, commit };
    const found: Found = { source: basename(file), recipe, sourceBytes, footprint, compile };
    await writeFile(join(folder, FOUND_FILE), JSON.stringify(found));
    console.error(found.compile);
  } finally {
    reader.end();
  }
}

type Extent = { rounds: number; steps: number; contextTokens: number };

/** Points beyond the context are left out: a large model reads its prompts slowly. */
async function measure(folder: string, { rounds, steps, contextTokens }: Extent): Promise<void> {
  const { footprint, recipe, ...found } = JSON.parse(await readFile(join(folder, FOUND_FILE), 'utf8')) as Found;
  const engine = start<EngineClient>('engine');
  try {
    const { loadMs } = await engine.client.load({ folder });
    const points = POINTS.filter(({ tokens }) => tokens + steps <= contextTokens);
    const speeds = points.map((): { planned: number; measured: number }[] => []);
    for (let round = 0; round < rounds; round++) {
      const machine = await engine.client.probe({ kernels: kernelsOf(footprint) });
      for (const [index, { kind, tokens }] of points.entries()) {
        const { costs, shape } = footprint;
        const planned =
          kind === 'decode'
            ? 1 / decodeSeconds(costs, shape, tokens + steps / 2, machine)
            : tokens / prefillSeconds(costs, shape, tokens, machine);
        const { tokensPerSecond } = await engine.client.bench({ kind, tokens, steps });
        speeds[index]!.push({ planned, measured: tokensPerSecond });
      }
    }
    const request = { recipe, contextTokens, missingBytes: 0 };
    const { memory: planned, compiledBytes } = plan(footprint, request, { memoryBytes: 0, diskBytes: 0, speed: null });
    const written = [WEIGHTS_FILE, ...Object.values(GRAPH_FILES)].map((name) => stat(join(folder, name)));
    const made = (await Promise.all(written)).reduce((sum, { size }) => sum + size, 0);
    const report = {
      ...found,
      recipe,
      compiledBytes: { planned: compiledBytes, measured: made },
      loadSeconds: round1(loadMs / 1000),
      memory: { contextTokens, planned, engine: await memoryAt(folder, contextTokens) },
      points: points.map((point, index) => compare(point, speeds[index]!)),
      commit,
      machine: { ...describeMachine(), node: process.version },
      command: `node test/bench/plan.ts measure FOLDER ${rounds} ${steps} ${contextTokens}`,
    };
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  } finally {
    engine.end();
  }
}

/** What an engine that has done nothing else holds before and after loading, and with a conversation that fills the context. */
async function memoryAt(folder: string, contextTokens: number) {
  const engine = start<EngineClient>('engine');
  try {
    await engine.client.status();
    const started = await memoryOf(engine.pid);
    await engine.client.load({ folder });
    const loaded = await memoryOf(engine.pid);
    await engine.client.bench({ kind: 'decode', tokens: contextTokens - 1, steps: 1 });
    return { started, loaded, full: await memoryOf(engine.pid) };
  } finally {
    engine.end();
  }
}

/** Medians of the rounds, and by how much the plan is above what was measured. */
function compare(point: Point, rounds: readonly { planned: number; measured: number }[]) {
  const [planned, measured] = (['planned', 'measured'] as const).map((key) => median(rounds.map((one) => one[key])));
  const errorPercent = round1((planned! / measured! - 1) * 100);
  const each = rounds.map((one) => ({ planned: round1(one.planned), measured: round1(one.measured) }));
  return { ...point, planned: round1(planned!), measured: round1(measured!), errorPercent, rounds: each };
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

/** Bytes of memory of a process as Linux counts it: the most it ever had, and now, its own and of mapped files. */
async function memoryOf(pid: number | null) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
  return { VmHWM: bytes('VmHWM'), RssAnon: bytes('RssAnon'), RssFile: bytes('RssFile') };
}

/** User and system time, in ticks of a hundredth (proc(5), `stat`). */
async function cpuSecondsOf(pid: number | null): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function round1(value: number): number {
  return Math.round(value * 10) / 10;
}
