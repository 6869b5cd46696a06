/**
 * Time of a decode step by operator, as ONNX Runtime's profiler sees it.
 *
 *     node test/bench/profile.ts COMPILED_FOLDER [CACHED_TOKENS] [STEPS]
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchPoint } from '../../main/engine/bench.ts';
import { Model } from '../../main/engine/model.ts';
import { newScheduler } from '../support/answers.ts';

type Event = { cat: string; name: string; dur: number; ts: number; args?: { op_name?: string } };

const [folder, tokens = '128', steps = '64'] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: profile.ts COMPILED_FOLDER [CACHED_TOKENS] [STEPS]');
const temporary = await mkdtemp(join(tmpdir(), 'longhand-profile-'));
const model = await Model.load(folder, { threads: 2, profilePrefix: join(temporary, 'profile') });
const point = { kind: 'decode' as const, tokens: Number(tokens), steps: Number(steps) };
const speed = await benchPoint(model, newScheduler().client('interactive'), point);
const events = JSON.parse(await readFile(model.endProfile(), 'utf8')) as Event[];
await rm(temporary, { recursive: true, force: true });

const runs = events.filter(({ name }) => name === 'model_run').slice(-point.steps);
const from = Math.min(...runs.map(({ ts }) => ts));
const byOperator = new Map<string, { count: number; microseconds: number }>();
for (const { cat, name, dur, ts, args } of events) {
  if (cat !== 'Node' || !name.endsWith('_kernel_time') || ts < from) continue;
  const operator = args?.op_name ?? name;
  const entry = byOperator.get(operator) ?? { count: 0, microseconds: 0 };
  byOperator.set(operator, { count: entry.count + 1, microseconds: entry.microseconds + dur });
}
const perStep = runs.reduce((sum, { dur }) => sum + dur, 0) / runs.length / 1000;
console.log(`${speed.toFixed(1)} tokens/s at ${tokens} cached; ${perStep.toFixed(2)} ms a run with the profiler on`);
for (const [operator, { count, microseconds }] of [...byOperator].sort(
  (a, b) => b[1].microseconds - a[1].microseconds,
)) {
  const ms = microseconds / runs.length / 1000;
  console.log(
    `${operator.padEnd(40)} ${String(count / runs.length).padStart(5)} nodes ${ms.toFixed(3).padStart(8)} ms`,
  );
}
