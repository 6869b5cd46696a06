import { execFileSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';

/** Where and on what a figure was measured: goes beside it into the result file. */
export function describeMachine(): { commit: string; machine: string } {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const memory = `${Math.round(totalmem() / 1e9)} GB`;
  const machine = `${cpus().length} cores of ${cpus()[0]?.model}, ${memory}, ${process.platform} ${process.arch}, Node ${process.versions.node}`;
  return { commit, machine };
}
