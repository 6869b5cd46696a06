import type { z } from 'zod';
import type { Progress } from '../../contract/common.ts';

type JsonObject = Record<string, unknown>;

export type JobContext<Params> = {
  id: string;
  params: Params;
  /** Aborted when the job is paused, cancelled or the app ends; `run` then stops soon, by throwing. */
  signal: AbortSignal;
  /** What `saveCheckpoint` kept last, in this run or in one before it; null at first. */
  checkpoint: JsonObject | null;
  saveCheckpoint(checkpoint: JsonObject): void;
  /** May be called as often as is convenient. */
  progress(progress: Progress): void;
};

/** One sort of long work. */
export type JobKind<Params extends JsonObject = JsonObject> = {
  kind: string;
  params: z.ZodType<Params>;
  title(params: Params): string;
  /** What the work is done to, in nobody's language; none where the kind says all. */
  subject?(params: Params): string | null;
  /** Whether a run that died with the app is simply run again; if not, it waits for the user as 'interrupted'. */
  resumable: boolean;
  /** Whether it waits until no other work runs, and has other work wait for it. */
  isAlone?: boolean;
  /** Does the work; what it returns is the job's result. Run again after a pause, it goes on where it was. */
  run(context: JobContext<Params>): Promise<JsonObject>;
  /** Removes what an unfinished run left behind, once the job is cancelled for good. */
  discard?(context: { id: string; params: Params; checkpoint: JsonObject | null }): Promise<void>;
};

/** Only so that the types of params and result are found by themselves. */
export function defineJob<Params extends JsonObject>(kind: JobKind<Params>): JobKind<Params> {
  return kind;
}
