import type { Message } from '../../main/contract/chat.ts';
import type { Job } from '../../main/contract/jobs.ts';
import type { InstalledModel, ModelStatus } from '../../main/contract/models.ts';

export const smolModel: InstalledModel = {
  name: 'SmolLM2-135M',
  folder: '/models/smollm2-135m',
  architecture: 'llama',
  recipe: 'balanced',
  parameters: 134_515_008,
  sizeBytes: 145_000_000,
  contextTokens: 8192,
  license: 'apache-2.0',
  sourceName: 'SmolLM2-135M-Instruct-Q8_0.gguf',
  compiledMs: 0,
  loaded: true,
};

export const readyStatus: ModelStatus = {
  state: 'ready',
  model: smolModel,
  contextTokens: 8192,
  job: null,
  error: null,
};

/** A job in the middle of its download, for the states of the model notice. */
export function downloadJob(change: Partial<Job> = {}): Job {
  return {
    id: 'job',
    kind: 'pull',
    title: 'SmolLM2-135M',
    state: 'running',
    stage: 'download',
    done: 48_000_000,
    total: 145_000_000,
    unit: 'bytes',
    speed: 5_200_000,
    etaMs: 18_600,
    result: null,
    error: null,
    createdMs: 0,
    updatedMs: 0,
    ...change,
  };
}

/** "to be" -> "to ", "be": pieces like a model's tokens. */
export function words(text: string): string[] {
  return text.match(/\S+\s*|\s+/gu) ?? [];
}

/** Four characters a token: near enough for a script. */
export const tokens = (text: string) => Math.ceil(text.length / 4);

export function metricsOf(text: string, promptTokens: number): Message['metrics'] {
  const times = { prefillMs: 40, decodeMs: 900, firstTokenMs: 55, prefillTokensPerSecond: 800 };
  const cachedTokens = Math.max(0, promptTokens - 32);
  const newTokens = promptTokens - cachedTokens;
  return {
    promptTokens,
    cachedTokens,
    newTokens,
    generatedTokens: tokens(text),
    ...times,
    decodeTokensPerSecond: 41.3,
  };
}
