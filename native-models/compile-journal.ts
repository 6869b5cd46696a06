import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { PackError } from './quantize/pack.ts';

export const JOURNAL_FILE = 'journal.jsonl';

const head = z.object({ key: z.string(), sha256: z.string(), run: z.string() });
const entry = z.object({
  run: z.string(),
  step: z.number().int().nonnegative(),
  squaredError: z.number(),
  squaredValue: z.number(),
});

/**
 * What is already in an unfinished folder. The first line tells what it is made of, each other one a step of the weights
 * whose bytes were on the disk before the line was written. So a compile that was ended at any moment goes on from there.
 * Lines tell the run that wrote them: one that was stopped may still write when the next has begun, perhaps of a folder that
 * is gone.
 */
export class CompileJournal {
  readonly done: ReadonlyMap<number, PackError>;
  /** Of the checkpoint, where it was computed before. */
  readonly sha256: string | null;
  readonly #path: string;
  readonly #key: string;
  readonly #run = randomUUID();

  private constructor(path: string, key: string, sha256: string | null, done: ReadonlyMap<number, PackError>) {
    this.#path = path;
    this.#key = key;
    this.sha256 = sha256;
    this.done = done;
  }

  /** The journal of `folder`; empty where there is none, or that of another checkpoint, recipe or compiler. */
  static open(folder: string, key: string): CompileJournal {
    const path = join(folder, JOURNAL_FILE);
    const [first, ...rest] = readLines(path);
    const known = head.safeParse(first);
    if (!known.success || known.data.key !== key) return new CompileJournal(path, key, null, new Map());
    const done = new Map<number, PackError>();
    for (const line of rest) {
      const parsed = entry.safeParse(line);
      if (!parsed.success) break; // torn by a crash: it and what follows is done again
      if (parsed.data.run === known.data.run) done.set(parsed.data.step, parsed.data);
    }
    return new CompileJournal(path, key, known.data.sha256, done);
  }

  /** Starts the file: what it knew is kept, and what was torn is gone. */
  begin(sha256: string): void {
    const lines = [...this.done].map(([step, { squaredError, squaredValue }]) => ({
      run: this.#run,
      step,
      squaredError,
      squaredValue,
    }));
    this.#write('w', [{ key: this.#key, sha256, run: this.#run }, ...lines]);
  }

  /** Records steps whose bytes are on the disk. */
  record(steps: readonly { step: number; error: PackError }[]): void {
    this.#write(
      'a',
      steps.map(({ step, error }) => ({ run: this.#run, step, ...error })),
    );
  }

  #write(flag: 'w' | 'a', lines: readonly object[]): void {
    const fd = openSync(this.#path, flag);
    try {
      writeSync(fd, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }
}

function readLines(path: string): unknown[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return [];
  }
  return text.split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as unknown];
    } catch {
      return [null];
    }
  });
}
