import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import { changesTo } from './common.ts';

/** How the next token is chosen. Temperature 0 is greedy. Penalties look at prompt and answer, as transformers does. */
export const sampling = z.object({
  temperature: z.number().min(0).max(5).default(0.7),
  topK: z.number().int().min(0).default(20),
  topP: z.number().gt(0).max(1).default(0.8),
  minP: z.number().min(0).max(1).default(0),
  repetitionPenalty: z.number().gt(0).max(10).default(1.05),
  seed: z.number().int().min(0).max(0xffff_ffff).nullable().default(null),
  maxTokens: z.number().int().min(1).nullable().default(null),
  stop: z.array(z.string().min(1)).max(16).default([]),
});
export type Sampling = z.infer<typeof sampling>;

/** What one call wants otherwise than the settings and the model do. */
export const samplingChanges = changesTo(sampling);
export type SamplingChanges = z.infer<typeof samplingChanges>;

/** Forms in which full pages of keys and values are kept. */
export const kvType = z.enum(['float32', 'float16', 'int8']);
/** How a context beyond the trained length is read: in chunks, with stretched positions, both, or as if nothing were. */
export const contextMethod = z.enum(['dca', 'yarn', 'dca+yarn', 'plain']);
export type ContextMethod = z.infer<typeof contextMethod>;

/** How positions from `fromTokens` on are read otherwise than those before; null where a context ends before. */
const beyondTrained = z.object({ method: contextMethod, fromTokens: z.number() }).nullable();

/**
 * From `fromTokens` cached tokens on, each token is read with about `readTokens` of them: the last, and those that seem to
 * matter most. Null where everything is read.
 */
export const sparseReading = z.object({ fromTokens: z.number(), readTokens: z.number() });

/** What of a prompt was read from the disk, and how long that took; only where there was any. */
const fromDisk = { restoredTokens: z.number().optional(), restoreMs: z.number().optional() };

/**
 * Measured on every answer. Speeds are tokens per second; `cachedTokens` were taken from the prefix cache, those from the
 * disk among them.
 */
export const metrics = z.object({
  promptTokens: z.number(),
  cachedTokens: z.number(),
  ...fromDisk,
  newTokens: z.number(),
  generatedTokens: z.number(),
  prefillMs: z.number(),
  decodeMs: z.number(),
  firstTokenMs: z.number(),
  prefillTokensPerSecond: z.number().nullable(),
  decodeTokensPerSecond: z.number().nullable(),
  /** How its keys and values were kept, and whether it went beyond the trained length; absent in older answers. */
  kvType: kvType.optional(),
  beyond: beyondTrained.optional(),
  /** `recall`: of full attention, the share that sparse reading kept in a sample of its steps; null where none was in it. */
  sparse: sparseReading.extend({ recall: z.number().nullable() }).nullable().optional(),
});
export type Metrics = z.infer<typeof metrics>;

/** Token ids as int32, little-endian, in base64: a long conversation has a million, which would be checked one by one. */
const packedTokens = z.base64().transform((text, context) => {
  const bytes = atob(text);
  if (bytes.length % 4 !== 0) context.addIssue({ code: 'custom', message: 'A token id has four bytes.' });
  const ids: number[] = [];
  for (let at = 0; at + 3 < bytes.length; at += 4) {
    const low = bytes.charCodeAt(at) | (bytes.charCodeAt(at + 1) << 8);
    ids.push(low | (bytes.charCodeAt(at + 2) << 16) | (bytes.charCodeAt(at + 3) << 24));
  }
  return ids;
});

/** A call as templates write it out. */
const writtenCall = z.object({ name: z.string(), arguments: z.record(z.string(), z.json()) });

/**
 * `tokens` are ids that the model generated earlier; they are used as they are and never tokenised again. They hold the
 * calls already: `toolCalls` are for where there are none.
 */
export const engineMessage = z.object({
  role: z.enum(['system', 'user', 'assistant', 'tool']),
  content: z.string(),
  tokens: z.union([packedTokens, z.array(z.number().int())]).optional(),
  toolCalls: z.array(writtenCall).optional(),
});
export type EngineMessage = z.infer<typeof engineMessage>;

export const prompt = z.object({
  messages: z.array(engineMessage),
  /** The last message is an answer to be continued rather than a question. */
  continueFinal: z.boolean().default(false),
  /** What the model may call, as chat templates expect it; only for a model with a `toolFormat`. */
  tools: z.array(z.json()).optional(),
});
export type Prompt = z.infer<typeof prompt>;

/** How a model writes calls: Hermes is JSON between `<tool_call>` and `</tool_call>`, as Qwen2.5 does. */
export const toolFormat = z.enum(['hermes']);
export type ToolFormat = z.infer<typeof toolFormat>;

export const loadedModel = z.object({
  name: z.string(),
  folder: z.string(),
  contextTokens: z.number(),
  /** What the checkpoint claims. */
  claimedTokens: z.number(),
  beyond: beyondTrained,
  sparse: sparseReading.nullable(),
  architecture: z.string(),
  recipe: z.string(),
  weightBytes: z.number(),
  kvBytesPerToken: z.number(),
  kvType,
  threads: z.number(),
  loadMs: z.number(),
  /** What the model's makers recommend, where the checkpoint says it. */
  sampling: samplingChanges.optional(),
  /** Null where its chat template has no place for tools, or another format. */
  toolFormat: toolFormat.nullable(),
});
export type LoadedModel = z.infer<typeof loadedModel>;

export const generateEvent = z.discriminatedUnion('type', [
  /** Sent once, before any work: what will be prefilled. */
  z.object({ type: z.literal('start'), promptTokens: z.number(), cachedTokens: z.number(), ...fromDisk }),
  z.object({ type: z.literal('prefill'), done: z.number(), total: z.number() }),
  /** Text that is final (never half a character, never part of a stop string) with the ids generated for it. */
  z.object({ type: z.literal('token'), text: z.string(), tokens: z.array(z.number()) }),
  z.object({ type: z.literal('end'), finishReason: z.enum(['stop', 'length', 'aborted']), metrics }),
]);
export type GenerateEvent = z.infer<typeof generateEvent>;

/** Tokens of a prompt whose keys and values are known, of all that it has. */
export const prefillProgress = z.object({ done: z.number(), total: z.number() });
export type PrefillProgress = z.infer<typeof prefillProgress>;

/** Natural logarithms of the probabilities of the next tokens of a text, whose first one has none; of `total` tokens. */
export const score = z.object({ total: z.number(), logProbabilities: z.array(z.number()) });
export type Score = z.infer<typeof score>;

export const benchPoint = z.object({
  kind: z.enum(['prefill', 'decode']),
  /** Tokens prefilled, or tokens cached before decoding. */
  tokens: z.number(),
  tokensPerSecond: z.number(),
  runs: z.array(z.number()),
});
export type BenchPoint = z.infer<typeof benchPoint>;

/** A way of multiplying by a matrix: `bits` of a weight (32 is plain float32), weights a scale, `accuracy_level` of MatMulNBits. */
export const probedKernel = z.object({
  bits: z.union([z.literal(4), z.literal(8), z.literal(32)]),
  block: z.number().int().min(0).max(256),
  accuracyLevel: z.number().int().min(0).max(4),
});
export type ProbedKernel = z.infer<typeof probedKernel>;

/** Weights that are multiplied a second: by one row, and by each row of a prefill block; and what a matrix costs besides. */
export const kernelSpeed = probedKernel.extend({
  secondsPerMatrix: z.number(),
  decodeWeightsPerSecond: z.number(),
  prefillWeightsPerSecond: z.number(),
});
export type KernelSpeed = z.infer<typeof kernelSpeed>;

/** What a layer takes besides its matrices: its other operators, and attention over what is cached. */
export const decoderSpeed = z.object({
  /** Of one token with next to nothing cached. */
  decodeSecondsPerLayer: z.number(),
  /** Of keys and values read while one token is decoded. */
  cacheBytesPerSecond: z.number(),
  /** Of a block of a prompt with next to nothing cached. */
  prefillSecondsPerLayer: z.number(),
  /** Products of a query and a key, of 128 values each, while a block is read. */
  attendedPairsPerSecond: z.number(),
  /** Of each value that a matrix gives while a block is read, for what becomes of it. */
  secondsPerRowValue: z.number(),
});
export type DecoderSpeed = z.infer<typeof decoderSpeed>;

/** Caches on the disk. `mode`: 'read' where another process writes there or nobody can, 'off' where there are none. */
export const snapshotStatus = z.object({ mode: z.enum(['off', 'read', 'write']), bytes: z.number() });
export type SnapshotStatus = z.infer<typeof snapshotStatus>;

/** The engine process. Errors: `model-not-found`, `model-damaged`, `no-model`, `context-length-exceeded`, `runtime-failed`. */
export const engine = {
  /**
   * Without `contextTokens`: as many as the checkpoint claims; beyond them, `method` decides ('dca' unless said otherwise).
   * Without `kvType`: float32. `sparse`: only some is read of what lies far behind. Null or no `threads`: as many as suit this machine.
   */
  load: oc
    .input(
      z.object({
        folder: z.string(),
        contextTokens: z.number().int().min(1).nullish(),
        method: contextMethod.optional(),
        kvType: kvType.optional(),
        sparse: z.boolean().optional(),
        threads: z.number().int().min(1).nullish(),
      }),
    )
    .output(loadedModel),
  unload: oc.output(z.void()),
  status: oc.output(
    z.object({
      pid: z.number(),
      model: loadedModel.nullable(),
      running: z.number(),
      cacheTokens: z.number(),
      cacheBytes: z.number(),
      rssBytes: z.number(),
      snapshots: snapshotStatus.optional(),
    }),
  ),
  count: oc
    .input(prompt)
    .output(z.object({ promptTokens: z.number(), contextTokens: z.number(), cachedTokens: z.number() })),
  /** Tokens of the prompt that each text would make as the only message, a question. */
  countEach: oc.input(z.object({ texts: z.array(z.string()) })).output(z.array(z.number())),
  generate: oc
    .input(
      z.object({
        prompt,
        sampling,
        /** Whose prompt it is, such as `conversation:ID`: its cache is saved, and deleted, for them. */
        owner: z.string().max(300).nullish(),
        priority: z.enum(['interactive', 'background']).default('interactive'),
      }),
    )
    .output(eventIterator(generateEvent)),
  /** Reads a prompt into the cache while nobody waits for an answer, for what will go on with it. */
  prefill: oc.input(z.object({ prompt, owner: z.string().max(300) })).output(eventIterator(prefillProgress)),
  /**
   * Caches are saved below `folder` from now on, in at most `budgetBytes`. Nothing fails here: see `mode`.
   * Returns the owners that something is saved for.
   */
  useSnapshots: oc
    .input(z.object({ folder: z.string(), budgetBytes: z.number().min(0) }))
    .output(snapshotStatus.extend({ owners: z.array(z.string()) })),
  /** Deletes what was computed for these owners, in memory and on the disk; null: on the disk everything, for whoever. */
  forget: oc.input(z.object({ owners: z.array(z.string()).nullable() })).output(z.object({ freedBytes: z.number() })),
  /** How well the model foretells a text, as far as `maxTokens`, block by block in the background; first, how long it is. */
  score: oc.input(z.object({ text: z.string(), maxTokens: z.number().int().min(2) })).output(eventIterator(score)),
  /** Raw logits of the last position (float32, vocabulary size) after a token sequence: for tests and evaluation. */
  logits: oc.input(z.object({ tokens: z.array(z.number().int()) })).output(z.object({ logits: z.instanceof(Blob) })),
  /** One measured point with tokens that mean nothing, on a cache of its own; the caller interleaves and repeats. */
  bench: oc
    .input(
      z.object({ kind: z.enum(['prefill', 'decode']), tokens: z.number().int(), steps: z.number().int().default(32) }),
    )
    .output(z.object({ tokensPerSecond: z.number(), rssBytes: z.number() })),
  /** Read bandwidth of this machine with the engine's threads, GB/s. */
  bandwidth: oc.output(z.object({ gigabytesPerSecond: z.number() })),
  /** How fast this machine computes with the engine's threads: about 2 s, and 2 s a kernel. */
  probe: oc
    .input(z.object({ kernels: z.array(probedKernel).max(32) }))
    .output(z.object({ threads: z.number(), decoder: decoderSpeed, kernels: z.array(kernelSpeed) })),
};
