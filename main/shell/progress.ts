import type { Job } from '../contract/jobs.ts';

const LOG_EVERY_MS = 5000;

/** Where progress goes: stderr, so that stdout holds results only. */
export type ProgressStream = {
  write(text: string): unknown;
  isTTY?: boolean | undefined;
  columns?: number | undefined;
};

/**
 * One line that changes: rewritten in place on a terminal, and in a log a fresh line at most every 5 s, or at once when
 * `stage` is another one.
 */
export class ProgressLine {
  readonly #stream: ProgressStream;
  #stage: string | null = null;
  #saidMs = -Infinity;

  constructor(stream: ProgressStream) {
    this.#stream = stream;
  }

  update(text: string, stage = ''): void {
    if (this.#stream.isTTY) {
      const width = Math.max(20, (this.#stream.columns ?? 80) - 1); // a line that wraps could not be rewritten
      this.#stream.write(`\r\x1b[K${text.slice(0, width)}`);
      this.#stage = stage;
    } else if (stage !== this.#stage || Date.now() - this.#saidMs >= LOG_EVERY_MS) {
      this.#stream.write(`${text}\n`);
      this.#stage = stage;
      this.#saidMs = Date.now();
    }
  }

  /** Takes the line off a terminal, so that others can write. */
  clear(): void {
    if (this.#stream.isTTY && this.#stage !== null) this.#stream.write('\r\x1b[K');
    this.#stage = null;
    this.#saidMs = -Infinity;
  }
}

/** "SmolLM2: download, 45.2 of 138.0 MB (33%), 5.1 MB/s, 18 s left" */
export function describeJob({ title, stage, done, total, unit, speed, etaMs }: Job): string {
  const parts = [`${title}: ${stage ?? 'waiting'}`];
  if (total !== null && total > 0) parts.push(`${amount(done, unit, total)} (${Math.floor((done / total) * 100)}%)`);
  else if (done > 0) parts.push(amount(done, unit));
  if (speed !== null && speed > 0) parts.push(`${amount(speed, unit)}/s`);
  if (etaMs !== null) parts.push(`${formatDuration(etaMs)} left`);
  return parts.join(', ');
}

/** Decimal units, as shops and hubs count: "138.0 MB". */
export function formatBytes(bytes: number): string {
  const { unit, size } = byteUnit(bytes);
  return `${(bytes / size).toFixed(unit === 'B' ? 0 : 1)} ${unit}`;
}

/** "8 s", "3 min 10 s", "2 h 5 min" */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

function amount(done: number, unit: string, total?: number): string {
  if (unit !== 'bytes') return `${total === undefined ? count(done) : `${count(done)} of ${count(total)}`} ${unit}`;
  if (total === undefined) return formatBytes(done);
  const { unit: shown, size } = byteUnit(total);
  return `${(done / size).toFixed(shown === 'B' ? 0 : 1)} of ${formatBytes(total)}`;
}

const count = (value: number) => Math.round(value).toLocaleString('en');

function byteUnit(bytes: number): { unit: string; size: number } {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  return { unit: units[power]!, size: 1000 ** power };
}
