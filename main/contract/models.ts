import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import { job } from './jobs.ts';

/** Below the data folder: copies of files that a page without paths has sent. */
export const INCOMING_FOLDER = 'incoming';

export const installedModel = z.object({
  name: z.string(),
  folder: z.string(),
  architecture: z.string(),
  recipe: z.string(),
  parameters: z.number(),
  sizeBytes: z.number(),
  contextTokens: z.number(),
  license: z.string().nullable(),
  sourceName: z.string(),
  compiledMs: z.number(),
  loaded: z.boolean(),
});
export type InstalledModel = z.infer<typeof installedModel>;

/** Which model answers, and what stands between the user and a first answer. */
export const modelStatus = z.object({
  state: z.enum(['none', 'installing', 'loading', 'ready', 'failed']),
  model: installedModel.nullable(),
  contextTokens: z.number().nullable(),
  job: job.nullable(),
  error: z.object({ code: z.string(), message: z.string(), details: z.record(z.string(), z.unknown()) }).nullable(),
});
export type ModelStatus = z.infer<typeof modelStatus>;

/** A model that can be had, with its price. Bytes are of this machine's recipe for it. */
export const modelCard = z.object({
  name: z.string(),
  parameters: z.number(),
  license: z.string(),
  contextTokens: z.number(),
  downloadBytes: z.number(),
  /** In the data folder, once compiled. */
  diskBytes: z.number(),
  /** Weights, keys and values, and 15 %, with this many tokens of conversation. */
  memory: z.array(z.object({ tokens: z.number(), bytes: z.number() })),
  /** Decoding; null while nothing is known of this machine. */
  tokensPerSecond: z.number().nullable(),
  /** 'measured': this model answered here. 'bandwidth': estimated from a probe of this machine's memory. */
  basis: z.enum(['measured', 'bandwidth']).nullable(),
  installed: z.boolean(),
  /** The one that suits this machine best. */
  isStarter: z.boolean(),
  /** Why it can't be had here: bytes needed and free; null where it can. */
  obstacle: z.object({ kind: z.enum(['memory', 'disk']), neededBytes: z.number(), freeBytes: z.number() }).nullable(),
});
export type ModelCard = z.infer<typeof modelCard>;

export const models = {
  list: oc.output(z.array(installedModel)),
  /** The catalogue, smallest first. The first call measures the memory bandwidth of the machine (up to 3 s). */
  cards: oc.output(z.array(modelCard)),
  status: oc.output(modelStatus),
  watch: oc.output(eventIterator(modelStatus)),
  /**
   * Compiles a checkpoint file of the user's as a job; the original is never changed. `path` is the file's, or what the
   * browser shell's `PUT /upload/NAME` answered: such a copy is removed when the job has ended.
   */
  import: oc
    .input(
      z.object({
        path: z.string().min(1),
        name: z.string().optional(),
        recipe: z.enum(['fast', 'balanced', 'exact']).optional(),
      }),
    )
    .output(job),
  /** Downloads and compiles a catalogue entry (`starter` names the default for this machine) as a job. */
  pull: oc.input(z.object({ name: z.string().default('starter') })).output(job),
  /** Chooses what answers from now on; it loads meanwhile. Refused with `model-in-use` while another one answers. */
  use: oc.input(z.object({ name: z.string() })).output(modelStatus),
  /** Refused with `model-in-use` while an answer is being computed with it. */
  remove: oc.input(z.object({ name: z.string() })).output(z.void()),
};
