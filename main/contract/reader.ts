import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import { progress } from './common.ts';
import { extractionEvent, extractionInput, unpackEvent, unpackInput } from './extraction.ts';

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

/** What a checkpoint would become, and take, under a recipe: native-models/plan says what each figure is. */
export const footprint = z.object({
  shape: z.object({
    layers: z.number(),
    heads: z.number(),
    kvHeads: z.number(),
    headDim: z.number(),
    hiddenSize: z.number(),
    vocabSize: z.number(),
    contextTokens: z.number(),
  }),
  graphBytes: z.number(),
  costs: z.object({
    weightBytes: z.number(),
    residentBytes: z.number(),
    operators: z.number(),
    widestRow: z.number(),
    rowValues: z.number(),
    multiplications: z.array(
      z.object({
        kernel: z.object({
          bits: z.union([z.literal(4), z.literal(8), z.literal(32)]),
          block: z.number(),
          accuracyLevel: z.number(),
        }),
        matricesPerToken: z.number(),
        weights: z.number(),
        weightsPerToken: z.number(),
        headWeights: z.number(),
      }),
    ),
  }),
  checkpointBytes: z.number().nullable(),
});

/** The reader process: files that may lie. `base` is the path of what an adapter adapts. Errors: `not-a-checkpoint`, `unsupported-checkpoint`, `adapter-needs-base`, `checkpoint-unreadable`, `disk-full`. */
export const reader = {
  inspect: oc.input(z.object({ path: z.string(), base: z.string().optional() })).output(checkpointSummary),
  footprint: oc.input(z.object({ path: z.string(), base: z.string().optional(), recipe })).output(footprint),
  /** Compiles into `<folder>`, which appears whole or not at all; `end` names the folder. */
  compile: oc
    .input(z.object({ path: z.string(), base: z.string().optional(), folder: z.string(), name: z.string(), recipe }))
    .output(
      eventIterator(
        z.discriminatedUnion('type', [
          progress.extend({ type: z.literal('progress') }),
          z.object({ type: z.literal('end'), folder: z.string() }),
        ]),
      ),
    ),
  /**
   * What a document holds, as it is read. Errors: `unsupported-document`, `document-unreadable`, `document-encrypted`,
   * `document-too-large`.
   */
  extract: oc.input(extractionInput).output(eventIterator(extractionEvent)),
  /** What an `attachments` note of `extract` told of. Errors as of `extract`; files written before one stay. */
  unpack: oc.input(unpackInput).output(eventIterator(unpackEvent)),
};
