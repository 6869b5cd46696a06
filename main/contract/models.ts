import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import { changesTo } from './common.ts';
import { contextMethod, kvType, loadedModel, sparseReading } from './engine.ts';
import { job } from './jobs.ts';
import { recipe } from './reader.ts';

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

/** What the user wants of a model's context. */
export const contextOptions = z.object({
  /** Null: as many tokens as the checkpoint claims. */
  contextTokens: z.number().int().min(256).max(100_000_000).nullable().default(null),
  /** How a context beyond the trained length is read. */
  method: contextMethod.default('dca'),
  /** Form of the cache; 'auto': float32 while a whole context in it takes at most a quarter of memory, else int8. */
  kvType: z.enum(['auto', ...kvType.options]).default('auto'),
  /** Far down in a long context, only what seems to matter is read: faster, but it may miss something. */
  sparse: z.boolean().default(false),
});
export type ContextOptions = z.infer<typeof contextOptions>;

/** What of a loaded model's context is in force. */
export const contextInForce = loadedModel.pick({
  contextTokens: true,
  claimedTokens: true,
  beyond: true,
  sparse: true,
  kvType: true,
});
export type ContextInForce = z.infer<typeof contextInForce>;

/** Lengths of context that can be chosen for a model, each with what it would take once it is full. */
export const contextChoices = z.object({
  options: contextOptions,
  claimedTokens: z.number(),
  /** What sparse reading is, where it is chosen. */
  sparse: sparseReading,
  choices: z.array(
    z.object({
      contextTokens: z.number(),
      kvType,
      kvBytes: z.number(),
      /** Weights, keys and values, work memory and processes. */
      memoryBytes: z.number(),
      /** Reading a prompt that fills it; null while nothing of this machine was measured. */
      fillSeconds: z.number().nullable(),
      /** Reading all texts of a self-test of this length, with nothing of them cached and nothing missed; null as above. */
      testSeconds: z.number().nullable(),
      fits: z.boolean(),
    }),
  ),
  /** What of this machine's free memory a model may take. */
  usableBytes: z.number(),
});
export type ContextChoices = z.infer<typeof contextChoices>;

/** What the model that answers takes to read a part of a prompt that is not cached. */
export const readingPrice = z.object({
  seconds: z.number(),
  /** The first token of a short question afterwards. */
  followUpSeconds: z.number(),
  /** Keys and values of that part. */
  kvBytes: z.number(),
  /** Whether the whole prompt goes into the memory that is free. */
  fits: z.boolean(),
});
export type ReadingPrice = z.infer<typeof readingPrice>;

/** Of the questions of one task at one length and depth, how many were answered rightly. */
export const verifiedCell = z.object({
  task: z.enum(['passkey', 'needles', 'tracking']),
  tokens: z.number(),
  /** Where the answer stood: 0 is the beginning of the text, 1 its end. */
  depth: z.number(),
  found: z.number(),
  asked: z.number(),
});
export type VerifiedCell = z.infer<typeof verifiedCell>;

/**
 * How well a model foretells a stretch of a book that it reads from the beginning. `tokens` says where the stretch ends; it begins
 * where the one before it does. `surprise` is the mean of the negative natural logarithms of the probabilities of `count` tokens.
 */
export const surprise = z.object({ tokens: z.number(), surprise: z.number(), count: z.number() });
export type Surprise = z.infer<typeof surprise>;

/** What the self-test found of a model as it is loaded now, on this machine. */
export const verification = z.object({
  name: z.string(),
  cells: z.array(verifiedCell),
  /** By position; empty where it was not measured yet. The perplexity is e to the power of a surprise. */
  surprises: z.array(surprise).default([]),
  /** Up to this length every cell passes (see `passes`); null where that is true of none that was tried. */
  verifiedTokens: z.number().nullable(),
  /** There are only results of other conditions: another machine, compiler, form of the cache or way of reading. */
  isStale: z.boolean(),
});
export type Verification = z.infer<typeof verification>;

/** Which model answers, and what stands between the user and a first answer. */
export const modelStatus = z.object({
  state: z.enum(['none', 'installing', 'loading', 'ready', 'failed']),
  model: installedModel.nullable(),
  contextTokens: z.number().nullable(),
  /** Null while no model is loaded. */
  context: contextInForce.nullable(),
  /** Up to this length every cell of the self-test passes here; null where that is true of none, or it was not made. */
  verifiedTokens: z.number().nullable().default(null),
  job: job.nullable(),
  error: z.object({ code: z.string(), message: z.string(), details: z.record(z.string(), z.unknown()) }).nullable(),
});
export type ModelStatus = z.infer<typeof modelStatus>;

/** What is nearest to a wish that this machine cannot fulfil: one thing is otherwise, and then it fits. */
export const nearest = z.object({
  kind: z.enum(['context', 'recipe', 'model']),
  name: z.string(),
  recipe,
  contextTokens: z.number(),
});
export type Nearest = z.infer<typeof nearest>;

/** A model that can be had, with its price. Bytes are of this machine's recipe for it. */
export const modelCard = z.object({
  name: z.string(),
  parameters: z.number(),
  license: z.string(),
  /** Whether the licence must be acknowledged before the model is fetched: see `pull`. */
  needsAcknowledgement: z.boolean(),
  /** Address of the page where it is published, its licence with it; null where it is at no hub. */
  page: z.string().nullable(),
  contextTokens: z.number(),
  downloadBytes: z.number(),
  /** In the data folder, once compiled. */
  diskBytes: z.number(),
  /** Weights, keys and values, work memory and processes, with this many tokens of conversation. */
  memory: z.array(z.object({ tokens: z.number(), bytes: z.number() })),
  /** Decoding; null while nothing is known of this machine. */
  tokensPerSecond: z.number().nullable(),
  /** 'measured': this model answered here. 'bandwidth': estimated from what was measured of this machine. */
  basis: z.enum(['measured', 'bandwidth']).nullable(),
  installed: z.boolean(),
  /** The one that suits this machine best. */
  isStarter: z.boolean(),
  /** Place among the few to propose to whoever has no model yet, from 1; null for all others. */
  rank: z.number().nullable(),
  /** Why it can't be had here: bytes needed and free, and what is nearest to it; null where it can. */
  obstacle: z
    .object({
      kind: z.enum(['memory', 'disk']),
      neededBytes: z.number(),
      freeBytes: z.number(),
      nearest: nearest.nullable().default(null),
    })
    .nullable(),
});
export type ModelCard = z.infer<typeof modelCard>;

/** What a model would take and give here, before anything of it is there. Bytes, seconds, tokens a second. */
export const modelPlan = z.object({
  name: z.string(),
  /** Where the figures come from: a file, a compiled model, or the published shape of a catalogue entry. */
  origin: z.enum(['catalogue', 'file', 'installed']),
  source: z.string().nullable(),
  parameters: z.number().nullable(),
  license: z.string().nullable(),
  recipe,
  contextTokens: z.number(),
  /** What the model was made for; a longer context is read in chunks. */
  longestContext: z.number(),
  /** Form of the cache that `memory` reckons with. */
  kvType,
  /** Still to be fetched; 'about' until a hub has told. */
  downloadBytes: z.number(),
  weightBytes: z.number(),
  compiledBytes: z.number(),
  /** Still to be written: the download, and what is compiled of it. */
  missingBytes: z.number(),
  memory: z.object({
    weights: z.number(),
    kv: z.number(),
    work: z.number(),
    processes: z.number(),
    total: z.number(),
  }),
  /** Keys and values of the whole context in each form. */
  kv: z.object({ float32: z.number(), float16: z.number(), int8: z.number() }),
  speed: z
    .object({
      decodeTokensPerSecond: z.number(),
      decodeTokensPerSecondAtContext: z.number(),
      prefillTokensPerSecond: z.number(),
      fillSeconds: z.number(),
    })
    .nullable(),
  /** What the speed was estimated from; null while nothing of this machine was measured. */
  basis: z
    .object({
      kind: z.literal('probe'),
      measuredMs: z.number(),
      cpu: z.string(),
      threads: z.number(),
      cacheBytesPerSecond: z.number(),
      kernels: z.array(
        z.object({
          bits: z.number(),
          block: z.number(),
          accuracyLevel: z.number(),
          decodeWeightsPerSecond: z.number(),
          prefillWeightsPerSecond: z.number(),
        }),
      ),
    })
    .nullable(),
  fits: z.boolean(),
  /** In bytes. Of free memory, a fifth is left to everything else. */
  obstacle: z.object({ kind: z.enum(['memory', 'disk']), needed: z.number(), available: z.number() }).nullable(),
  nearest: nearest.nullable(),
});
export type ModelPlan = z.infer<typeof modelPlan>;

/** A repository at a hub, and what of it could be fetched. */
export const hubModel = z.object({
  /** As `pull` takes it. */
  repository: z.string(),
  host: z.string(),
  /** Address of its page, where its licence can be read. */
  page: z.string(),
  license: z.string().nullable(),
  needsAcknowledgement: z.boolean(),
  /** Checkpoints in it, the preferred first; `name` is what `pull` takes. */
  choices: z.array(z.object({ name: z.string(), label: z.string(), files: z.number(), bytes: z.number() })),
});
export type HubModel = z.infer<typeof hubModel>;

export const models = {
  list: oc.output(z.array(installedModel)),
  /**
   * The catalogue, smallest first, or what of it `query` finds (name, family, size, purpose). The first call measures the
   * machine, unless `measure` is false.
   */
  cards: oc
    .input(
      z
        .object({ query: z.string().max(200).default(''), measure: z.boolean().default(true) })
        .default({ query: '', measure: true }),
    )
    .output(z.array(modelCard)),
  /**
   * The price of a catalogue entry, an installed model or a checkpoint (a whole path; of an adapter with the `base` that
   * `import` would take) at `contextTokens`. Errors: `model-not-found`, `unsupported-checkpoint`, those of the reader.
   */
  plan: oc
    .input(
      z.object({
        name: z.string().min(1),
        base: z.string().min(1).optional(),
        contextTokens: z.number().int().min(1).max(100_000_000).default(4096),
        recipe: recipe.optional(),
        kvType: contextOptions.shape.kvType.optional(),
      }),
    )
    .output(modelPlan),
  /** Asks the hub, and else its mirror, what `owner/name` holds. Errors: `not-at-hub`, `offline`, `download-failed`. */
  look: oc.input(z.object({ name: z.string().min(1).max(300) })).output(hubModel),
  status: oc.output(modelStatus),
  watch: oc.output(eventIterator(modelStatus)),
  /**
   * Compiles a checkpoint of the user's as a job; the original is never changed. `path` is a file's, the folder's of
   * safetensors, the first part's of a split GGUF file, or what the browser shell's `PUT /upload/NAME` answered: such a
   * copy is removed when the job has ended, unless it failed and can be tried again. Of a LoRA adapter, `base` is what it
   * adapts: a whole path, or a name of what was fetched; left out, it is looked for near the adapter. Errors:
   * `model-not-found` for a base whose files are not here; of the job, `adapter-needs-base`.
   */
  import: oc
    .input(
      z.object({
        path: z.string().min(1),
        base: z.string().min(1).optional(),
        name: z.string().optional(),
        recipe: recipe.optional(),
      }),
    )
    .output(job),
  /**
   * Downloads and compiles as a job: a catalogue entry (`starter` names the default for this machine), one in another
   * form (`NAME:Q8_0`), or a repository of the hub (`OWNER/NAME`, `OWNER/NAME:Q4_K_M`, `OWNER/NAME:FILE`). Jobs of this
   * kind run one at a time. Errors: `model-not-found`, and `license-not-acknowledged` for a licence that restricts use
   * (of a repository: of the job, as the hub must be asked first).
   */
  pull: oc
    .input(z.object({ name: z.string().max(300).default('starter'), acknowledged: z.boolean().default(false) }))
    .output(job),
  /** Chooses what answers from now on; it loads meanwhile. Refused with `model-in-use` while another one answers. */
  use: oc.input(z.object({ name: z.string() })).output(modelStatus),
  /**
   * The price of reading a prompt of `promptTokens`, `cachedTokens` of which are cached, with the model that answers; null while
   * it cannot be told. For a long one the first call may measure the machine. Errors: `no-model`.
   */
  readingPrice: oc
    .input(z.object({ promptTokens: z.number().int().min(1), cachedTokens: z.number().int().min(0) }))
    .output(readingPrice.nullable()),
  /** Lengths of context to choose from for an installed model. The first call may measure the machine. */
  contexts: oc.input(z.object({ name: z.string() })).output(contextChoices),
  /**
   * Changes how the context of an installed model is kept and read. A loaded one is loaded anew as soon as no answer runs.
   * Errors: `model-not-found`, `context-too-large` with the bytes that it needs and those that there are.
   */
  setContext: oc.input(changesTo(contextOptions).extend({ name: z.string() })).output(modelStatus),
  /**
   * Tests as a job in the background what the model that answers finds in texts of up to `to` tokens, else its whole
   * context. Errors: `model-not-found`; of the job, `model-in-use` where another model answers.
   */
  verify: oc.input(z.object({ name: z.string(), to: z.number().int().min(256).optional() })).output(job),
  verification: oc.input(z.object({ name: z.string() })).output(verification),
  /** Refused with `model-in-use` while an answer is being computed with it. */
  remove: oc.input(z.object({ name: z.string() })).output(z.void()),
};
