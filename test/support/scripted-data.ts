import type { Message } from '../../main/contract/chat.ts';
import type { Job } from '../../main/contract/jobs.ts';
import type {
  ContextChoices,
  HubModel,
  InstalledModel,
  ModelCard,
  ModelStatus,
  Verification,
} from '../../main/contract/models.ts';
import type { ProcessInfo } from '../../main/contract/shell.ts';
import type { Finding } from '../../main/contract/system.ts';

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
  context: { contextTokens: 8192, claimedTokens: 8192, beyond: null, sparse: null, kvType: 'float32' },
  verifiedTokens: null,
  job: null,
  error: null,
};

/** What a model of 8,192 tokens can be loaded with; the last length does not fit. */
export const contextChoices: ContextChoices = {
  options: { contextTokens: null, method: 'dca', kvType: 'auto', sparse: false },
  claimedTokens: 8192,
  sparse: { fromTokens: 16_384, readTokens: 6144 },
  choices: [2048, 4096, 8192, 16_384, 32_768, 65_536].map((contextTokens) => ({
    contextTokens,
    kvType: contextTokens > 16_384 ? ('int8' as const) : ('float32' as const),
    kvBytes: contextTokens * (contextTokens > 16_384 ? 12_240 : 46_080),
    memoryBytes: 400_000_000 + contextTokens * (contextTokens > 16_384 ? 12_240 : 46_080),
    fillSeconds: contextTokens / 400 + (contextTokens / 8192) ** 2,
    testSeconds: contextTokens / 6,
    fits: contextTokens <= 32_768,
  })),
  usableBytes: 900_000_000,
};

/** All found up to 2,048 tokens, and less and less behind. */
export const verified: Verification = {
  name: smolModel.name,
  cells: [1024, 2048, 4096].flatMap((tokens) =>
    (['passkey', 'needles', 'tracking'] as const).flatMap((task, row) =>
      [0, 0.25, 0.5, 0.75, 1].map((depth, column) => ({
        ...{ task, tokens, depth, asked: 2 },
        found: tokens < 4096 ? 2 : Math.max(0, 2 - ((row + column) % 3)),
      })),
    ),
  ),
  surprises: [
    { tokens: 1024, surprise: 3.1, count: 1023 },
    { tokens: 2048, surprise: 2.9, count: 1024 },
  ],
  verifiedTokens: 2048,
  isStale: false,
};

/** One that is here, one that can be had, and one that does not fit. */
export const modelCards: ModelCard[] = [
  {
    name: 'smollm2-135m-instruct',
    parameters: 134_515_008,
    license: 'apache-2.0',
    needsAcknowledgement: false,
    page: null,
    contextTokens: 8192,
    downloadBytes: 92_871_040,
    diskBytes: 217_533_760,
    memory: [
      { tokens: 4096, bytes: 354_000_000 },
      { tokens: 8192, bytes: 571_000_000 },
    ],
    tokensPerSecond: 65.8,
    basis: 'measured',
    installed: true,
    isStarter: false,
    rank: null,
    obstacle: null,
  },
  {
    name: 'qwen2.5-0.5b-instruct',
    parameters: 494_032_768,
    license: 'apache-2.0',
    needsAcknowledgement: false,
    page: null,
    contextTokens: 32_768,
    downloadBytes: 430_000_000,
    diskBytes: 860_000_000,
    memory: [
      { tokens: 4096, bytes: 610_000_000 },
      { tokens: 32_768, bytes: 1_421_000_000 },
    ],
    tokensPerSecond: 38,
    basis: 'bandwidth',
    installed: false,
    isStarter: true,
    rank: 1,
    obstacle: null,
  },
  {
    name: 'qwen2.5-1.5b-instruct',
    parameters: 1_543_714_304,
    license: 'apache-2.0',
    needsAcknowledgement: false,
    page: null,
    contextTokens: 32_768,
    downloadBytes: 1_900_000_000,
    diskBytes: 3_800_000_000,
    memory: [
      { tokens: 4096, bytes: 2_455_000_000 },
      { tokens: 32_768, bytes: 4_346_000_000 },
    ],
    tokensPerSecond: 9,
    basis: 'bandwidth',
    installed: false,
    isStarter: false,
    rank: null,
    obstacle: {
      kind: 'memory',
      neededBytes: 2_455_000_000,
      freeBytes: 2_100_000_000,
      nearest: { kind: 'model', name: 'qwen2.5-0.5b-instruct', recipe: 'balanced', contextTokens: 4096 },
    },
  },
];

/** A repository as the hub would list it. */
export const hubModel: HubModel = {
  repository: 'Qwen/Qwen2.5-3B-Instruct-GGUF',
  host: 'hub.example',
  page: 'https://hub.example/Qwen/Qwen2.5-3B-Instruct-GGUF',
  license: 'qwen-research',
  needsAcknowledgement: true,
  choices: [
    { name: 'Qwen/Qwen2.5-3B-Instruct-GGUF:Q4_0', label: 'Q4_0', files: 1, bytes: 2_000_000_000 },
    { name: 'Qwen/Qwen2.5-3B-Instruct-GGUF:Q8_0', label: 'Q8_0', files: 2, bytes: 3_620_000_000 },
  ],
};

export const processes: ProcessInfo[] = [
  { role: 'assistant', pid: 4021, restarts: 0, failed: false, lastExit: null },
  { role: 'engine', pid: 4034, restarts: 1, failed: false, lastExit: 'SIGKILL' },
  { role: 'reader', pid: null, restarts: 0, failed: false, lastExit: null },
  { role: 'embedder', pid: 4061, restarts: 0, failed: false, lastExit: null },
];

/** What the doctor says of a machine with little disk and no pip. */
export const findings: Finding[] = [
  found('node', 'ok', 'node-ok', { version: '24.21.0' }, 'Node 24.21.0'),
  found('data-folder', 'ok', 'folder-ok', { path: '/home/ada/.local/share/longhand' }, 'It can be written to'),
  found('disk', 'warning', 'disk-little', { freeBytes: 1_400_000_000 }, '1.4 GB free', 'Free some space.'),
  found('database', 'ok', 'database-ok', {}, 'The database is sound.'),
  found('engine', 'ok', 'engine-ok', { pid: '4034', rssBytes: 312_000_000 }, 'The model process runs.'),
  found('model', 'ok', 'model-ok', { name: 'SmolLM2-135M', recipe: 'balanced' }, 'SmolLM2-135M is whole.'),
  found(
    'context',
    'ok',
    'context-beyond',
    { contextTokens: 16_384, kvType: 'int8', method: 'dca', fromTokens: 8192 },
    '',
  ),
  found('cache', 'ok', 'cache-ok', { cacheBytes: 1_240_000_000 }, '1.2 GB of computed conversations on the disk'),
  found('pip', 'note', 'pip-none', {}, 'There is no pip.', 'Install Python with pip if you need it.'),
];

function found(
  id: string,
  level: Finding['level'],
  code: string,
  values: Finding['values'],
  summary: string,
  action: string | null = null,
): Finding {
  return { id, level, code, values, summary, action };
}

/** A job in the middle of its download, for the states of the model notice. */
export function downloadJob(change: Partial<Job> = {}): Job {
  return {
    id: 'job',
    kind: 'pull',
    title: 'Install SmolLM2-135M',
    subject: 'SmolLM2-135M',
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

/** Of a conversation that is being read ahead. */
export function readingJob(subject: string): Job {
  const figures = { stage: 'prefill', done: 12_400, total: 38_000, unit: 'tokens', speed: 204, etaMs: 125_500 };
  return downloadJob({ id: 'reading', kind: 'prefill', title: 'Read a conversation', subject, ...figures });
}
