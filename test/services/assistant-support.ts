import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { implement } from '@orpc/server';
import { onTestFinished } from 'vitest';
import type { ConversationEvent, Message } from '../../main/contract/chat.ts';
import { connect, type Port } from '../../main/contract/client.ts';
import type {
  GenerateEvent,
  LoadedModel,
  PrefillProgress,
  ProbedKernel,
  Prompt,
  Sampling,
  Score,
} from '../../main/contract/engine.ts';
import { LonghandError } from '../../main/contract/errors.ts';
import type { LoadInput } from '../../main/engine/client.ts';
import {
  embedderContract,
  engineContract,
  readerContract,
  shellContract,
  type LonghandClient,
} from '../../main/contract/index.ts';
import { createServer } from '../../main/contract/serve.ts';
import type { ProcessInfo } from '../../main/contract/shell.ts';
import { extractInThread, unpackInThread } from '../../main/reader/documents/thread.ts';
import { openAssistant, type Assistant, type AssistantOptions } from '../../main/services/assistant.ts';
import { catalog } from '../../native-models/catalog/index.ts';
import { footprintOf, publishedCheckpoint, type Footprint } from '../../native-models/plan/index.ts';
import { COMPILER_VERSION, GRAPH_FILES } from '../../native-models/manifest.ts';

/** An empty folder that is gone after the test. */
export function tempFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'longhand-services-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true, maxRetries: 3 }));
  return dir;
}

export type Setup = Partial<AssistantOptions> & {
  connectEngine?: boolean;
  connectReader?: boolean;
  connectEmbedder?: boolean;
  /** How the model that is loaded calls tools. */
  toolFormat?: LoadedModel['toolFormat'];
};

/** The assistant over a real store, with a scripted engine, reader and shell behind real ports. */
export function startAssistant(setup: Setup = {}) {
  const { connectEngine = true, connectReader = true, connectEmbedder = true, toolFormat = null, ...options } = setup;
  const dataDir = options.dataDir ?? tempFolder();
  const log: string[] = [];
  const assistant = openAssistant({
    version: 'test',
    env: {},
    log: (line) => void log.push(line),
    ...options,
    dataDir,
  });
  const engine = new ScriptedEngine();
  engine.toolFormat = toolFormat;
  const reader = new ScriptedReader();
  const embedder = new ScriptedEmbedder();
  const shell = new ScriptedShell();
  if (connectEngine) attach(assistant, 'engine', engine);
  if (connectReader) attach(assistant, 'reader', reader);
  if (connectEmbedder) attach(assistant, 'embedder', embedder);
  attach(assistant, 'shell', shell);
  let closed = false;
  const close = async () => {
    if (!closed) await assistant.close();
    closed = true;
  };
  onTestFinished(close);
  return { assistant, client: connectClient(assistant), engine, reader, embedder, shell, dataDir, log, close };
}

export function connectClient(
  assistant: Assistant,
  peer: 'client' | 'page' = 'client',
): LonghandClient & { port: Port } {
  const { port1, port2 } = new MessageChannel();
  assistant.connect(peer, port2);
  onTestFinished(() => port1.close());
  return Object.assign(Object.create(connect<LonghandClient>(port1 as Port) as object) as LonghandClient, {
    port: port1,
  });
}

/** Joins a scripted process; the port it returns is the process's end, and closing it is its death. */
export function attach(
  assistant: Assistant,
  peer: 'engine' | 'reader' | 'embedder' | 'shell',
  process: Scripted,
): MessagePort {
  const { port1, port2 } = new MessageChannel();
  createServer(process.router() as never).serve(port2);
  assistant.connect(peer, port1);
  process.port = port2;
  onTestFinished(() => port2.close());
  return port2;
}

abstract class Scripted {
  port: MessagePort | null = null;
  abstract router(): object;
  die(): void {
    this.port?.close();
  }
}

/** One call of `generate`, answered by the test. */
export class Answer {
  readonly prompt: Prompt;
  readonly sampling: Sampling;
  readonly signal: AbortSignal;
  readonly owner: string | null;
  #events: (GenerateEvent | Error)[] = [];
  #wake = () => {};

  constructor(prompt: Prompt, sampling: Sampling, signal: AbortSignal, owner: string | null = null) {
    this.owner = owner;
    this.prompt = prompt;
    this.sampling = sampling;
    this.signal = signal;
    signal.addEventListener('abort', () => this.#wake());
  }

  say(text: string, tokens = [text.length]): this {
    return this.send({ type: 'token', text, tokens });
  }

  prefill(done: number, total: number): this {
    return this.send({ type: 'prefill', done, total });
  }

  end(finishReason: 'stop' | 'length' = 'stop'): this {
    return this.send({ type: 'end', finishReason, metrics });
  }

  fail(error: Error): this {
    return this.send(error);
  }

  send(event: GenerateEvent | Error): this {
    this.#events.push(event);
    this.#wake();
    return this;
  }

  async *events(): AsyncGenerator<GenerateEvent> {
    for (;;) {
      if (this.signal.aborted) return;
      const event = this.#events.shift();
      if (event instanceof Error) throw event;
      if (event === undefined) await new Promise<void>((resolve) => (this.#wake = resolve));
      else yield event;
      if (event?.type === 'end') return;
    }
  }
}

/** One call of `prefill`, whose progress the test tells. */
export class Prefilling {
  readonly prompt: Prompt;
  readonly owner: string;
  readonly signal: AbortSignal;
  #steps: (PrefillProgress | Error | null)[] = [];
  #wake = () => {};

  constructor({ prompt, owner }: { prompt: Prompt; owner: string }, signal: AbortSignal) {
    this.prompt = prompt;
    this.owner = owner;
    this.signal = signal;
    signal.addEventListener('abort', () => this.#wake());
  }

  reach(done: number, total: number): this {
    return this.#add({ done, total });
  }

  end(error: Error | null = null): void {
    this.#add(error);
  }

  async *steps(): AsyncGenerator<PrefillProgress> {
    while (!this.signal.aborted) {
      const step = this.#steps.shift();
      if (step instanceof Error) throw step;
      if (step === null) return;
      if (step === undefined) await new Promise<void>((resolve) => (this.#wake = resolve));
      else yield step;
    }
  }

  #add(step: PrefillProgress | Error | null): this {
    this.#steps.push(step);
    this.#wake();
    return this;
  }
}

export const metrics = {
  promptTokens: 7,
  cachedTokens: 3,
  newTokens: 4,
  generatedTokens: 2,
  prefillMs: 10,
  decodeMs: 20,
  firstTokenMs: 10,
  prefillTokensPerSecond: 400,
  decodeTokensPerSecond: 100,
};

export class ScriptedEngine extends Scripted {
  loads: string[] = [];
  unloads = 0;
  /** Fails the next loads. */
  loadError: LonghandError | null = null;
  contextTokens = 100;
  model: LoadedModel | null = null;
  sampling: LoadedModel['sampling'];
  toolFormat: LoadedModel['toolFormat'] = null;
  threads: (number | null | undefined)[] = [];
  inputs: LoadInput[] = [];
  /** When true, nothing is answered any more. */
  hung = false;
  counted: Prompt[] = [];
  countedTexts: string[] = [];
  holdLoads: Promise<void> | null = null;
  benched: string[] = [];
  probed: ProbedKernel[] = [];
  snapshots: { folder: string; budgetBytes: number } | null = null;
  /** Whom it says to hold caches of. */
  owners: string[] = [];
  forgotten: string[] = [];
  holdBench: Promise<void> | null = null;
  /** How far texts were scored, and how long they are. */
  scored: number[] = [];
  bookTokens = 3000;
  prefills: Prefilling[] = [];
  #answers: Answer[] = [];
  #asked: ((answer: Answer) => void)[] = [];

  /** The next answer that is asked for, or was already. */
  nextAnswer(): Promise<Answer> {
    const answer = this.#answers.shift();
    if (answer) return Promise.resolve(answer);
    return new Promise((resolve) => this.#asked.push(resolve));
  }

  router() {
    const os = implement(engineContract);
    const alive = () => (this.hung ? new Promise<never>(() => {}) : null);
    const offer = (answer: Answer) => this.#offer(answer);
    const saved = { snapshots: { mode: 'write' as const, bytes: 11 } };
    const status = () => ({
      pid: 1,
      model: this.model,
      running: 0,
      cacheTokens: 0,
      cacheBytes: 0,
      rssBytes: 5,
      ...saved,
    });
    return os.router({
      load: os.load.handler(async ({ input }) => {
        this.loads.push(basename(input.folder));
        this.threads.push(input.threads);
        this.inputs.push(input);
        await this.holdLoads;
        if (this.loadError) throw this.loadError;
        this.model = loadedModel(input, this.contextTokens, this);
        return this.model;
      }),
      unload: os.unload.handler(() => {
        this.unloads++;
        this.model = null;
      }),
      status: os.status.handler(async () => (await alive()) ?? status()),
      count: os.count.handler(async ({ input }) => {
        await alive();
        this.counted.push(input);
        const words = input.messages.flatMap(({ content }) => content.split(/\s+/)).length;
        return { promptTokens: words, contextTokens: this.contextTokens, cachedTokens: 1 };
      }),
      countEach: os.countEach.handler(async ({ input }) => {
        await alive();
        this.countedTexts.push(...input.texts);
        return input.texts.map((text) => text.split(/\s+/).length);
      }),
      generate: os.generate.handler(async function* ({ input, signal }) {
        const answer = new Answer(input.prompt, input.sampling, signal!, input.owner);
        offer(answer);
        yield* answer.events();
      }),
      prefill: os.prefill.handler(({ input, signal }) => {
        const prefilling = new Prefilling(input, signal!);
        this.prefills.push(prefilling);
        return prefilling.steps();
      }),
      score: os.score.handler(({ input }) => {
        this.scored.push(input.maxTokens);
        return this.score(Math.min(input.maxTokens, this.bookTokens));
      }),
      useSnapshots: os.useSnapshots.handler(({ input }) => {
        this.snapshots = input;
        return { mode: 'write' as const, bytes: 11, owners: this.owners };
      }),
      forget: os.forget.handler(({ input }) => {
        this.forgotten.push(...(input.owners ?? ['everything']));
        return { freedBytes: 11 };
      }),
      bench: os.bench.handler(async ({ input }) => {
        await this.holdBench;
        this.benched.push(`${input.kind} ${input.tokens}`);
        return { tokensPerSecond: input.kind === 'prefill' ? 200 : this.benched.length, rssBytes: 9 };
      }),
      bandwidth: os.bandwidth.handler(() => ({ gigabytesPerSecond: 2 })),
      probe: os.probe.handler(({ input }) => {
        this.probed.push(...input.kernels);
        return { threads: 2, decoder: decoderSpeed, kernels: input.kernels.map((one) => ({ ...one, ...kernelSpeed })) };
      }),
      logits: os.logits.handler(() => ({ logits: new Blob([]) })),
    });
  }

  /** Foretells the tokens of each next thousand a little better. */
  async *score(total: number): AsyncGenerator<Score> {
    yield { total, logProbabilities: [] };
    const all = Array.from({ length: total - 1 }, (_, index) => -3 + (index + 1 >= 1024 ? 1 : 0));
    while (all.length > 0) yield { total, logProbabilities: all.splice(0, 700) };
  }

  #offer(answer: Answer): void {
    const asked = this.#asked.shift();
    if (asked) asked(answer);
    else this.#answers.push(answer);
  }
}

/** Makes a vector of the words of a text; words that mean the same have the same component. */
export class ScriptedEmbedder extends Scripted {
  loads: string[] = [];
  embedded: string[] = [];
  /** Words that mean the same, and any of them. */
  synonyms: Record<string, string> = {};
  hold: Promise<void> | null = null;
  #loaded: string | null = null;

  router() {
    const os = implement(embedderContract);
    return os.router({
      load: os.load.handler(({ input }) => {
        this.loads.push(basename(input.folder));
        this.#loaded = input.folder;
        return { name: basename(input.folder), dimensions: EMBEDDED };
      }),
      unload: os.unload.handler(() => void (this.#loaded = null)),
      embed: os.embed.handler(async ({ input, signal }) => {
        if (this.#loaded !== input.folder) throw new LonghandError('no-model', 'It is not loaded.');
        if (input.as === 'passage') await this.hold;
        signal?.throwIfAborted();
        if (input.as === 'passage') this.embedded.push(...input.texts);
        const vectors = Float32Array.from(input.texts.flatMap((text) => this.#vector(text)));
        return { vectors: new Blob([vectors]) };
      }),
    });
  }

  #vector(text: string): number[] {
    const vector = new Array<number>(EMBEDDED).fill(-0.01);
    for (const word of text.toLowerCase().match(/[\p{L}]+/gu) ?? []) {
      const meant = this.synonyms[word] ?? word;
      let at = 0;
      for (const letter of meant) at = (at * 31 + letter.charCodeAt(0)) % EMBEDDED;
      vector[at]! += 1;
    }
    const length = Math.hypot(...vector);
    return vector.map((value) => value / length);
  }
}
const EMBEDDED = 256;

/** A machine whose figures are easy to reckon with. */
export const kernelSpeed = { secondsPerMatrix: 1e-5, decodeWeightsPerSecond: 10e9, prefillWeightsPerSecond: 100e9 };
export const decoderSpeed = {
  decodeSecondsPerLayer: 1e-4,
  cacheBytesPerSecond: 10e9,
  prefillSecondsPerLayer: 1e-3,
  attendedPairsPerSecond: 200e6,
  secondsPerRowValue: 1e-9,
};

export class ScriptedReader extends Scripted {
  inspected: string[] = [];
  compiled: { path: string; folder: string; name: string; recipe: string }[] = [];
  planned: { path: string; base?: string | undefined }[] = [];
  error: LonghandError | null = null;
  /** Every checkpoint is an adapter of it. */
  needsBase: string | null = null;
  /** Compiling waits for it between its progress and its end. */
  hold: Promise<void> | null = null;
  stopped = 0;
  modelName = 'Tiny';
  /** Reads documents as the real one does, unless a test has other events for them. */
  extract: typeof extractInThread = extractInThread;
  unpack: typeof unpackInThread = unpackInThread;
  footprint: Footprint = footprintOf(publishedCheckpoint(catalog[0]!.config, catalog[0]!.sources[0]!), 'fast');

  router() {
    const os = implement(readerContract);
    const compile = (input: { path: string; folder: string; name: string; recipe: string }) => this.#compile(input);
    const stop = () => this.stopped++;
    const hold = () => this.hold;
    const extract: typeof extractInThread = (input, options) => this.extract(input, options);
    const unpack: typeof unpackInThread = (input, options) => this.unpack(input, options);
    return os.router({
      inspect: os.inspect.handler(({ input }) => {
        this.inspected.push(input.path);
        if (this.error) throw this.error;
        this.#expectBase(input);
        const size = bytesAt(input.path);
        return {
          path: input.path,
          name: this.modelName,
          architecture: 'qwen2',
          parameters: 1000,
          sizeBytes: size,
          contextTokens: 100,
          tensorTypes: { F32: 3 },
          license: null,
        };
      }),
      extract: os.extract.handler(async function* ({ input, signal }) {
        yield* extract(input, { signal: signal! });
      }),
      unpack: os.unpack.handler(async function* ({ input, signal }) {
        yield* unpack(input, { signal: signal! });
      }),
      footprint: os.footprint.handler(({ input }) => {
        if (this.error) throw this.error;
        this.#expectBase(input);
        this.planned.push(input);
        return this.footprint;
      }),
      compile: os.compile.handler(async function* ({ input, signal }) {
        try {
          mkdirSync(`${input.folder}.partial`, { recursive: true });
          yield { type: 'progress' as const, stage: 'hash', done: 5, total: 10, unit: 'bytes' };
          yield { type: 'progress' as const, stage: 'weights', done: 5, total: 10, unit: 'bytes' };
          const aborted = new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()));
          await Promise.race([hold(), aborted]);
          signal?.throwIfAborted();
          compile(input);
          yield { type: 'end' as const, folder: input.folder };
        } catch (error) {
          stop();
          throw error;
        } finally {
          rmSync(`${input.folder}.partial`, { recursive: true, force: true });
        }
      }),
    });
  }

  #expectBase({ path, base }: { path: string; base?: string | undefined }): void {
    if (this.needsBase === null || base !== undefined) return;
    throw new LonghandError('adapter-needs-base', 'An adapter.', { path, base: this.needsBase });
  }

  #compile(input: { path: string; folder: string; name: string; recipe: string }): void {
    this.compiled.push(input);
    const source = { name: basename(input.path), sizeBytes: bytesAt(input.path), sha256: '0'.repeat(64) };
    writeModel(input.folder, { name: input.name, recipe: input.recipe, source });
  }
}

/** Of a file, or of the files in a folder. */
function bytesAt(path: string): number {
  const files = statSync(path).isFile() ? [path] : readdirSync(path).map((name) => join(path, name));
  return files.reduce((sum, file) => sum + readFileSync(file).length, 0);
}

export class ScriptedShell extends Scripted {
  restarts: { role: string; reason: string }[] = [];
  infos: ProcessInfo[] = [];
  chosen: string[] = [];
  onMoved = () => {};

  router() {
    const os = implement(shellContract);
    return os.router({
      processes: os.processes.handler(() => this.infos),
      isChosen: os.isChosen.handler(({ input }) => this.chosen.includes(input.path)),
      moved: os.moved.handler(() => this.onMoved()),
      restart: os.restart.handler(({ input }) => void this.restarts.push(input)),
    });
  }
}

/** A compiled folder as the services see it; nothing could run it. */
export function installModel(dataDir: string, name = 'tiny', manifest: Record<string, unknown> = {}): string {
  const folder = join(dataDir, 'models', name);
  writeModel(folder, { name, ...manifest });
  return folder;
}

let createdMs = 1_000_000;

function writeModel(folder: string, manifest: Record<string, unknown>): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'weights.bin'), 'weights');
  for (const file of Object.values(GRAPH_FILES)) writeFileSync(join(folder, file), 'graph');
  writeFileSync(join(folder, 'tokenizer.json'), `the vocabulary of ${String(manifest.name)}`);
  const whole = {
    format: 1,
    compilerVersion: COMPILER_VERSION,
    architecture: 'qwen2',
    recipe: 'balanced',
    license: null,
    parameters: 1000,
    weightsPerToken: 1000,
    contextTokens: 100,
    source: { name: 'tiny.gguf', sizeBytes: 10, sha256: '0'.repeat(64) },
    weightsBytes: 7,
    graphBytes: { float32: 5, float16: 5, int8: 5 },
    kvPage: 256,
    createdMs: createdMs++,
    ...manifest,
  };
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(whole));
}

function loadedModel(
  input: LoadInput,
  claimedTokens: number,
  { sampling, toolFormat }: Pick<LoadedModel, 'sampling' | 'toolFormat'>,
): LoadedModel {
  const { folder, kvType = 'float32', method = 'dca', sparse = false } = input;
  const contextTokens = input.contextTokens ?? claimedTokens;
  const { name } = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as { name: string };
  return {
    name,
    folder,
    contextTokens,
    architecture: 'qwen2',
    recipe: 'balanced',
    weightBytes: 1e6,
    kvBytesPerToken: 1000,
    claimedTokens,
    beyond: contextTokens > claimedTokens ? { method, fromTokens: claimedTokens } : null,
    sparse: sparse && contextTokens > 16_384 ? { fromTokens: 16_384, readTokens: 6144 } : null,
    kvType,
    threads: 2,
    loadMs: 1,
    sampling,
    toolFormat,
  };
}

/** Waits for what the services do by themselves. */
export async function until<T>(find: () => T | Promise<T>, limitMs = 5000): Promise<NonNullable<T>> {
  const end = performance.now() + limitMs;
  for (;;) {
    const found = await find();
    if (found !== null && found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`it did not happen within ${limitMs} ms: ${find.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** As the page does: an unknown message comes after its parent, and what stood there is of another branch. */
function withMessage(messages: Message[], message: Message): Message[] {
  if (messages.some(({ id }) => id === message.id)) {
    return messages.map((one) => (one.id === message.id ? message : one));
  }
  const parent = messages.findIndex(({ id }) => id === message.parentId);
  return [...messages.slice(0, parent + 1), message];
}

/** Collects what a watcher of a conversation gets, and what it would show of it. */
export async function watchConversation(client: LonghandClient, id: string) {
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const events: ConversationEvent[] = [];
  let messages: Message[] = [];
  const iterator = await client.chat.watch({ id }, { signal: stop.signal });
  const ended = (async () => {
    try {
      for await (const event of iterator) {
        events.push(event);
        if (event.type === 'snapshot') messages = event.messages;
        if (event.type === 'older') messages = [...event.messages, ...messages];
        if (event.type === 'message') messages = withMessage(messages, event.message);
        if (event.type === 'delta') {
          messages = messages.map((one) =>
            one.id === event.messageId ? { ...one, text: one.text + event.text } : one,
          );
        }
      }
    } catch {
      // The port was closed, or the test is over.
    }
  })();
  const last = () => messages.at(-1);
  await until(() => events.length > 0);
  return {
    events,
    ended,
    messages: () => messages,
    last,
    stop: () => stop.abort(),
    /** The last message once it is in `state`. */
    reaches: (state: Message['state']) => until(() => (last()?.state === state ? last() : null)),
    shows: (text: string) => until(() => last()?.text === text),
  };
}

/** An assistant with a loaded model and one conversation; `ask` has a question answered at once. */
export async function startTalk(setup: Setup = {}) {
  const dataDir = setup.dataDir ?? tempFolder();
  installModel(dataDir);
  const started = startAssistant({ ...setup, dataDir });
  const { client, engine } = started;
  engine.contextTokens = 10_000;
  await until(async () => (await client.models.status()).state === 'ready');
  const { id } = await client.chat.create({});
  const ask = async (text: string, answer: string, more: { parentId?: string | null; in?: string } = {}) => {
    const { in: conversationId = id, ...place } = more;
    const { user, reply } = await client.chat.send({ conversationId, text, ...place });
    const asked = (await engine.nextAnswer()).say(answer).end();
    const done = await until(async () =>
      (await client.chat.path({ id: conversationId })).find((one) => one.id === reply.id && one.state === 'complete'),
    );
    return { user, reply: done, prompt: asked.prompt };
  };
  const texts = async (conversationId = id) => (await client.chat.path({ id: conversationId })).map(({ text }) => text);
  return { ...started, id, ask, texts };
}

/** The LonghandError of a call that fails. */
export async function failureOf(call: Promise<unknown>): Promise<LonghandError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof LonghandError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
