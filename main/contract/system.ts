import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import { changesTo, language } from './common.ts';
import { benchPoint } from './engine.ts';
import { job } from './jobs.ts';
import { contextOptions } from './models.ts';
import { processInfo } from './shell.ts';

/** Settings with their defaults, written once here. */
export const settings = z.object({
  theme: z.enum(['system', 'light', 'dark', 'contrast']).default('system'),
  language: z.enum(['system', ...language.options]).default('system'),
  /** The face of answers. */
  reading: z.enum(['serif', 'sans']).default('serif'),
  /** What a screen reader hears of an answer: each sentence, or only that it began and ended. */
  announce: z.enum(['sentences', 'ends']).default('ends'),
  model: z.string().nullable().default(null),
  threads: z.number().int().min(1).max(256).nullable().default(null),
  /** How models keep and read their context, by the model's name; of the others, as the checkpoint claims. */
  contexts: z.record(z.string().max(300), contextOptions).default({}),
  /** GiB of disk for what was computed of conversations; null: a tenth of what is free, at most 8; 0: none. */
  cacheGigabytes: z.number().min(0).max(100_000).nullable().default(null),
  /** Hosts that documents may be fetched from whenever their addresses are given; others are asked about each time. */
  documentHosts: z.array(z.string().max(300)).max(1000).default([]),
  systemPrompt: z.string().nullable().default(null),
  temperature: z.number().min(0).max(5).nullable().default(null),
  topP: z.number().gt(0).max(1).nullable().default(null),
  topK: z.number().int().min(0).nullable().default(null),
  minP: z.number().min(0).max(1).nullable().default(null),
  repetitionPenalty: z.number().gt(0).max(10).nullable().default(null),
  seed: z.number().int().min(0).nullable().default(null),
  maxTokens: z.number().int().min(1).nullable().default(null),
  /** Keys of commands as the user chose them, by the command's id; of the others, those that it comes with. */
  keys: z.record(z.string().max(64), z.array(z.string().min(1).max(40)).max(4)).default({}),
});
export type Settings = z.infer<typeof settings>;

export const finding = z.object({
  id: z.string(),
  level: z.enum(['ok', 'note', 'warning', 'failure']),
  summary: z.string(),
  action: z.string().nullable(),
  /** What was found and its values, for words in other languages: `summary` and `action` are English. */
  code: z.string(),
  values: z.record(z.string(), z.union([z.string(), z.number()])),
});
export type Finding = z.infer<typeof finding>;

export const benchReport = z.object({
  machine: z.object({ cpu: z.string(), cores: z.number(), memoryBytes: z.number(), platform: z.string() }),
  model: z.string(),
  threads: z.number(),
  points: z.array(benchPoint),
  rssBytes: z.number(),
  bandwidthGBs: z.number(),
  /** Bytes of weights and KV read for one token at each decode point, over bandwidth, against the time taken: 0 to 1. */
  shareOfBound: z.array(z.object({ tokens: z.number(), share: z.number() })),
});
export type BenchReport = z.infer<typeof benchReport>;

/** Why data are not moved to a place. */
export const moveRefusal = z.enum([
  'not-a-path',
  'same',
  'nested',
  'not-a-folder',
  'not-empty',
  'unwritable',
  'running',
]);
export type MoveRefusal = z.infer<typeof moveRefusal>;

export const movePlan = z.object({
  /** The folder that would hold the data: the one that was named, or `Longhand` in it where that one is in use. */
  target: z.string(),
  bytes: z.number(),
  freeBytes: z.number(),
});
export type MovePlan = z.infer<typeof movePlan>;

const place = z.object({ path: z.string().min(1).max(32_768) });

export const system = {
  /** What moving the data folder to `path` would mean. Errors: `move-refused` with a reason, `disk-full`. */
  planMove: oc.input(place).output(movePlan),
  /** Moves it as a job that goes on where it was, also after a kill. At its end everything starts again in the new place. */
  moveData: oc.input(place).output(job),
  hello: oc.output(z.object({ version: z.string(), dataFolder: z.string(), pid: z.number() })),
  processes: oc.output(z.array(processInfo)),
  settings: oc.output(settings),
  changeSettings: oc.input(changesTo(settings)).output(settings),
  /** What was computed of conversations and is kept on the disk, and how much may be; null while that is unknown. */
  cache: oc.output(z.object({ bytes: z.number(), budgetBytes: z.number() }).nullable()),
  /** Deletes what was computed of conversations and kept on the disk: it is computed again when it is needed. */
  clearCache: oc.output(z.object({ freedBytes: z.number() })),
  doctor: oc.output(z.array(finding)),
  bench: oc
    .input(z.object({ repeats: z.number().int().min(1).max(20).default(3) }).default({ repeats: 3 }))
    .output(
      eventIterator(
        z.discriminatedUnion('type', [
          z.object({ type: z.literal('progress'), done: z.number(), total: z.number(), label: z.string() }),
          z.object({ type: z.literal('report'), report: benchReport }),
        ]),
      ),
    ),
};
