import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import type { OutOfMemory } from '../contract/shell.ts';
import type { ProcessExit } from './process.ts';

/** The machine, or the part of it that we are confined to, and one process in it. */
export type Memory = {
  usedBytes: number;
  totalBytes: number;
  /** What the process held; null where the system does not tell. */
  rssBytes: number | null;
  /** How many processes the kernel has ended so far because memory ran out; null where it does not tell. */
  kills: number | null;
};

/** Used beyond this share, memory may have been why the system ended a process. */
const SCARCE = 0.9;
/** What V8, the C++ library and ONNX Runtime print when they are refused memory and end with it. */
const REFUSED = /heap out of memory|bad_alloc|bad allocation|failed to allocate memory|cannot allocate memory/i;

/** @param pid of the process to look at */
export function readMemory(pid: number | null): Memory | null {
  if (process.platform === 'darwin') return null; // what it calls free leaves out all that it would give at once
  const limit = process.constrainedMemory();
  const totalBytes = limit > 0 && limit < totalmem() ? limit : totalmem();
  const usedBytes = Math.max(0, totalBytes - process.availableMemory());
  return { usedBytes, totalBytes, rssBytes: pid === null ? null : residentBytes(pid), kills: kernelKills() };
}

/**
 * Whether a process ended for want of memory; undefined where nothing says so. It is certain where the process said it
 * itself, or where the kernel counts one more that it ended for this; it is a guess where a SIGKILL of nobody's came
 * while memory was scarce.
 * @param before as it was seen last while the process ran; now it has given back what it had
 * @param after `kills` of now
 */
export function whetherOutOfMemory(
  { code, signal, lastLines }: ProcessExit,
  before: Memory | null,
  after: Memory | null,
): OutOfMemory | undefined {
  if (code === 0) return undefined;
  const { usedBytes = 0, totalBytes = 1, rssBytes = null, kills = null } = before ?? {};
  const isScarce = usedBytes / totalBytes >= SCARCE;
  const isKilled = signal === 'SIGKILL' || code === 137; // as a shell in between tells it
  const isByKernel = isKilled && kills !== null && (after?.kills ?? kills) > kills;
  const isCertain = isByKernel || lastLines.some((line) => REFUSED.test(line));
  if (!isCertain && !(isKilled && isScarce)) return undefined;
  // A process may run against a limit of its own while the machine has plenty: then these say nothing.
  const figures = isScarce ? { usedBytes, totalBytes } : { usedBytes: null, totalBytes: null };
  return { isCertain, ...figures, rssBytes };
}

function residentBytes(pid: number): number | null {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readText(`/proc/${pid}/status`))?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) * 1024;
}

/** Of the whole machine; in a container that is more than us, so a count alone proves nothing. */
function kernelKills(): number | null {
  const count = /^oom_kill (\d+)$/m.exec(readText('/proc/vmstat'))?.[1];
  return count === undefined ? null : Number(count);
}

/** '' where there is no such file, as on every system but Linux. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
