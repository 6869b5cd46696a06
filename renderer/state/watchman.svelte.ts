import type { OutOfMemory, ProcessInfo, ProcessRole } from '../../main/contract/shell.ts';
import type { Connection } from '../app/connection.ts';

/** What happened behind the page that the user should hear of. */
export type Incident =
  | { kind: 'restarted' | 'failed'; role: ProcessRole; lastExit: string | null; outOfMemory?: OutOfMemory | undefined }
  | { kind: 'slept'; ms: number };

const BEAT_MS = 5000;
/** A tab in the background is woken once a minute at least; longer than this, the machine itself stood still. */
const SLEEP_MS = 150_000;
const SLEEP_MATTERS_MS = 30_000;

/** Notices that a process behind the page ended, or that the computer slept, and says so until it is dismissed. */
export class Watchman {
  incident = $state.raw<Incident | null>(null);
  #known = new Map<ProcessRole, number>();
  #slept: { ms: number; untilMs: number } | null = null;
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Compares the processes with those of the last look; the first look only remembers. */
  async look(): Promise<void> {
    const processes = await this.#connection.call((client) => client.system.processes()).catch(() => []);
    this.compare(processes);
  }

  compare(processes: ProcessInfo[]): void {
    for (const { role, restarts, failed, lastExit, outOfMemory } of processes) {
      const before = this.#known.get(role);
      this.#known.set(role, restarts);
      if (failed) this.incident = { kind: 'failed', role, lastExit, outOfMemory };
      else if (before !== undefined && restarts > before)
        this.incident = { kind: 'restarted', role, lastExit, outOfMemory };
    }
    const shown = this.incident;
    // A process that was given up runs again: somebody started it.
    if (shown?.kind === 'failed' && processes.some(({ role, failed }) => role === shown.role && !failed))
      this.dismiss();
  }

  /** Watches the clock until `signal` aborts. `onWake` runs when the computer has slept. */
  watchClock(signal: AbortSignal, onWake: () => void): void {
    let last = Date.now();
    const timer = setInterval(() => {
      const now = Date.now();
      if (now - last > SLEEP_MS) {
        this.#slept = { ms: now - last, untilMs: now + SLEEP_MATTERS_MS };
        onWake();
      }
      last = now;
    }, BEAT_MS);
    signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  }

  /** The line was lost and is there again. */
  reconnected(): void {
    if (this.#slept !== null && Date.now() < this.#slept.untilMs) this.incident = { kind: 'slept', ms: this.#slept.ms };
    this.#slept = null;
  }

  dismiss = () => (this.incident = null);
}
