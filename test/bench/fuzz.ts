/**
 * Damaged GGUF and safetensors checkpoints, indexes of shards and adapters, many of them: each must be refused with a CheckpointError, or open and work.
 * test/fuzz runs the first few of other seeds. Ends with an error, naming the case, at anything else.
 *
 *     node test/bench/fuzz.ts [CASES] [SEED]        JSON to standard output
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeMachine } from '../../main/services/system/bench.ts';
import { damagedKinds, fuzzCheckpoints, type FuzzReport } from '../support/damaged-checkpoints.ts';

const [cases = '100000', seed = '1'] = process.argv.slice(2);
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(); // of the code that runs, whatever is committed meanwhile
const folder = await mkdtemp(join(tmpdir(), 'longhand-fuzz-'));
const reports: (FuzzReport & { kind: string; seconds: number })[] = [];
try {
  for (const kind of damagedKinds) {
    const started = performance.now();
    const report = await fuzzCheckpoints(kind, { cases: Number(cases), seed: Number(seed), folder });
    reports.push({ kind, ...report, seconds: Math.round((performance.now() - started) / 1000) });
  }
} finally {
  await rm(folder, { recursive: true });
}
const report = {
  reports,
  peakRssBytes: process.resourceUsage().maxRSS * 1024,
  commit,
  machine: { ...describeMachine(), node: process.version },
  command: `node test/bench/fuzz.ts ${cases} ${seed}`,
};
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
