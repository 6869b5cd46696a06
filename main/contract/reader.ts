import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import { progress } from './common.ts';

export const recipe = z.enum(['fast', 'balanced', 'exact']);
export type RecipeName = z.infer<typeof recipe>;

export const checkpointSummary = z.object({
  path: z.string(),
  name: z.string(),
  architecture: z.string(),
  parameters: z.number(),
  sizeBytes: z.number(),
  contextTokens: z.number(),
  tensorTypes: z.record(z.string(), z.number()),
  license: z.string().nullable(),
});
export type CheckpointSummary = z.infer<typeof checkpointSummary>;

/** The reader process: files that may lie. Errors: `not-a-checkpoint`, `unsupported-checkpoint`, `checkpoint-unreadable`, `disk-full`. */
export const reader = {
  inspect: oc.input(z.object({ path: z.string() })).output(checkpointSummary),
  /** Compiles into `<folder>`, which appears whole or not at all; `end` names the folder. */
  compile: oc
    .input(z.object({ path: z.string(), folder: z.string(), name: z.string(), recipe }))
    .output(
      eventIterator(
        z.discriminatedUnion('type', [
          progress.extend({ type: z.literal('progress') }),
          z.object({ type: z.literal('end'), folder: z.string() }),
        ]),
      ),
    ),
};
