import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import { storedError } from './common.ts';

export const jobState = z.enum(['queued', 'running', 'paused', 'done', 'failed', 'cancelled', 'interrupted']);

/** Long work: download, compile and what comes later, in one form. */
export const job = z.object({
  id: z.string(),
  kind: z.string(),
  /** In English, for the command line and logs; pages have their own words for `kind` and `subject`. */
  title: z.string(),
  /** What it is done to: a file, a model; null where the kind says all. */
  subject: z.string().nullable(),
  state: jobState,
  stage: z.string().nullable(),
  done: z.number(),
  total: z.number().nullable(),
  unit: z.string(),
  /** Units per second over the last seconds and the time left at that speed; null while unknown. */
  speed: z.number().nullable(),
  etaMs: z.number().nullable(),
  result: z.record(z.string(), z.unknown()).nullable(),
  error: storedError.nullable(),
  createdMs: z.number(),
  updatedMs: z.number(),
});
export type Job = z.infer<typeof job>;
export type JobState = z.infer<typeof jobState>;

const byId = z.object({ id: z.string() });

export const jobs = {
  list: oc.output(z.array(job)),
  /** The job `id` until it has ended; without it, the unfinished ones and then every change of any. */
  watch: oc.input(z.object({ id: z.string().nullish() }).default({})).output(eventIterator(job)),
  pause: oc.input(byId).output(job),
  resume: oc.input(byId).output(job),
  cancel: oc.input(byId).output(job),
};
