import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import type { CompileJournal } from './compile-journal.ts';
import type { WeightPlan } from './graph/weights.ts';
import type { PackError, WriteAt } from './quantize/pack.ts';

/** Packs one step of a plan into the weights file, wherever that is done. */
export type PackStep = (
  index: number,
  options: { signal: AbortSignal; onBytes(bytes: number): void },
) => Promise<PackError>;

/** Several of them, for as many steps at once. */
export type Packers = { steps: readonly PackStep[]; close(): Promise<void> };

/** Rarely enough that waiting for the disk costs little, and often enough that little is lost. */
const RECORD_BYTES = 256 << 20;

/** Writes to `file`, which exists, at the given places. */
export function openWriter(file: string): { write: WriteAt; sync(): void; close(): void } {
  const fd = openSync(file, 'r+');
  return {
    write(bytes, position) {
      for (let at = 0; at < bytes.byteLength;) at += writeSync(fd, bytes, at, bytes.byteLength - at, position + at);
    },
    sync: () => fsyncSync(fd),
    close: () => closeSync(fd),
  };
}

type Writing = {
  plan: WeightPlan;
  file: string;
  journal: CompileJournal;
  /** Where steps are packed; without them, one after another in this thread. */
  packers?: readonly PackStep[] | undefined;
};
type WritingOptions = {
  signal?: AbortSignal | undefined;
  recordBytes?: number | undefined;
  onProgress?: (progress: { done: number; total: number }) => void;
};

/**
 * Writes all that the journal does not know as done. Progress counts bytes of the checkpoint.
 * @returns the error of each step
 * @throws what a step throws, once no other is under way any more; or `signal.reason`
 */
export async function writeWeights(
  { plan, file, journal, packers }: Writing,
  { signal, recordBytes = RECORD_BYTES, onProgress }: WritingOptions,
): Promise<PackError[]> {
  const { steps } = plan;
  const errors = steps.map((_, step) => journal.done.get(step) ?? null);
  const waiting = steps.flatMap((_, step) => (errors[step] === null ? [step] : []));
  const total = steps.reduce((sum, { sourceBytes }) => sum + sourceBytes, 0);
  let done = total - waiting.reduce((sum, step) => sum + steps[step]!.sourceBytes, 0);
  const writer = openWriter(file);
  const packHere: PackStep = (step, options) => plan.writeStep(step, writer.write, options);
  const stop = new AbortController();
  const stopped = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);

  let unrecorded: { step: number; error: PackError }[] = [];
  let unrecordedBytes = 0;
  const record = () => {
    writer.sync();
    journal.record(unrecorded);
    [unrecorded, unrecordedBytes] = [[], 0];
  };
  const work = async (pack: PackStep) => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      stopped.throwIfAborted();
      let told = 0;
      const report = (bytes: number) => {
        told += bytes;
        done += bytes;
        onProgress?.({ done, total });
      };
      const error = await pack(step, { signal: stopped, onBytes: report });
      if (told < steps[step]!.sourceBytes) report(steps[step]!.sourceBytes - told); // other threads tell nothing meanwhile
      errors[step] = error;
      unrecorded.push({ step, error });
      unrecordedBytes += steps[step]!.sourceBytes;
      if (unrecordedBytes >= recordBytes) record();
    }
  };
  try {
    onProgress?.({ done, total });
    const results = await Promise.allSettled(
      (packers ?? [packHere]).map((pack) =>
        work(pack).catch((error: unknown) => {
          stop.abort(error);
          throw error;
        }),
      ),
    );
    if (unrecorded.length > 0) record(); // what is done is kept, however this ends
    signal?.throwIfAborted();
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw stop.signal.aborted ? stop.signal.reason : failed.reason;
  } finally {
    writer.close();
  }
  return errors.map((error) => error!);
}
