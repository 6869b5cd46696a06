import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { implement } from '@orpc/server';
import { fileURLToPath } from 'node:url';
import type { Conversation, Message } from '../../main/contract/chat.ts';
import type { Port } from '../../main/contract/client.ts';
import { LonghandError } from '../../main/contract/errors.ts';
import { contract } from '../../main/contract/index.ts';
import type { Job } from '../../main/contract/jobs.ts';
import type { ModelCard, ModelStatus, ReadingPrice, Verification } from '../../main/contract/models.ts';
import { createServer } from '../../main/contract/serve.ts';
import type { ProcessInfo } from '../../main/contract/shell.ts';
import { settings, type Finding, type Settings } from '../../main/contract/system.ts';
import { Feed } from '../../main/services/events/feed.ts';
import { startServer, type Server } from '../../main/shell/browser/server.ts';
import { ScriptedConversations } from './scripted-conversations.ts';
import { ScriptedDocuments } from './scripted-documents.ts';
import {
  contextChoices,
  downloadJob,
  readingJob,
  findings,
  metricsOf,
  hubModel,
  modelCards,
  processes,
  readyStatus,
  smolModel,
  tokens,
  words,
} from './scripted-data.ts';

const ENDED: readonly Job['state'][] = ['done', 'failed', 'cancelled'];
const PAGE = fileURLToPath(new URL('../../out/renderer', import.meta.url));

/**
 * The assistant's side of the contract with answers from a script: for tests of the page, where the text of an answer
 * does not matter and every state has to be reached at will. The browser shell's own server stands in front of it.
 */
export class ScriptedAssistant {
  /** Pieces of the next answer, each sent as one delta; `failWith` ends it early. */
  script: (question: string) => Iterable<string> | AsyncIterable<string> = (question) => words(`You said: ${question}`);
  tokenMs = 5;
  failWith: LonghandError | null = null;
  failSendWith: LonghandError | null = null;
  /** Called between the moment a message is saved and the moment its sender hears of it. */
  onSaved = () => {};
  contextTokens = 8192;
  contexts = contextChoices;
  /** Of what stands before a message. */
  cachedShare = 1;
  readingPrice: ReadingPrice | null = null;
  verification: Verification = { name: smolModel.name, cells: [], surprises: [], verifiedTokens: null, isStale: false };
  /** What is computed and kept on the disk; null while the engine is away. */
  cache: { bytes: number; budgetBytes: number } | null = { bytes: 1_240_000_000, budgetBytes: 8_589_934_592 };
  /** What planning a move of the data folder is answered with. */
  moveRefusal: LonghandError | null = null;
  readonly token = randomUUID();
  /** Where the files go that the page sends. */
  /** Where folders are looked for that a page was given, and the paths that it was given. */
  home = '/nowhere';
  readonly chosen: string[] = [];
  readonly incoming = join(tmpdir(), `longhand-scripted-${this.token}`);
  readonly calls: string[] = [];
  cards: ModelCard[] = modelCards;
  processes: ProcessInfo[] = processes;
  findings: Finding[] = findings;
  readonly conversations = new ScriptedConversations();
  readonly documents = new ScriptedDocuments(this.calls);
  #status = readyStatus;
  #settings = settings.parse({});
  /** Beside the installation, by their ids. */
  readonly #works = new Map<string, Job>();
  readonly #workFeed = new Feed<Job>();
  #statusWatchers = new Set<() => void>();
  #running = new Map<string, AbortController>();
  readonly #contract = createServer(this.#router());
  #server: Server | null = null;
  #address = '';

  static async start(): Promise<ScriptedAssistant> {
    const assistant = new ScriptedAssistant();
    await assistant.listen();
    return assistant;
  }

  get origin(): string {
    return this.#address;
  }

  get url(): string {
    return `${this.#address}/#${this.token}`;
  }

  /** A line to this assistant without a socket between. */
  connect(): Port {
    const { port1, port2 } = new MessageChannel();
    this.#contract.serve(port1);
    return port2;
  }

  /** Starts to serve, on the same port as before if it had one. */
  async listen(): Promise<void> {
    this.#server = await startServer({
      folder: PAGE,
      token: this.token,
      port: this.#address === '' ? 0 : Number(new URL(this.#address).port),
      incoming: () => this.incoming,
      home: () => this.home,
      onPath: (path) => void this.chosen.push(path),
      connectPage: () => this.connect(),
    });
    this.#address = this.#server.address;
  }

  /** As if the process had been killed: every line breaks, answers in progress are interrupted, nothing listens. */
  async die(): Promise<void> {
    for (const [id, run] of this.#running) {
      run.abort();
      this.conversations.changeMessage(id, { state: 'interrupted', finishReason: null });
    }
    this.#running.clear();
    await this.#server?.close();
    rmSync(this.incoming, { recursive: true, force: true });
  }

  setStatus(status: ModelStatus): void {
    this.#status = status;
    for (const wake of this.#statusWatchers) wake();
  }

  /** Reads a conversation ahead, as a job that is changed by calling this again. */
  read(conversationId: string, change: Partial<Job> = {}): Job {
    return this.#work(readingJob(`conversation:${conversationId}`), change);
  }

  /** Where the summary of a document stands. */
  summarise(documentId: string, change: Partial<Job> = {}): Job {
    return this.#work(this.documents.summary(documentId), change);
  }

  /** Where a comparison of two documents stands. */
  compare(before: string, after: string, change: Partial<Job> = {}): Job {
    return this.#work(this.documents.comparison(before, after), change);
  }

  setSettings(change: Partial<Settings>): void {
    this.#settings = { ...this.#settings, ...change };
  }

  /** Adds a conversation of messages that alternate between user and assistant. */
  addConversation(title: string, texts: string[], { ageMs = 0, last = {} } = {}): Conversation {
    const { id } = this.conversations.create(title, { ms: Date.now() - ageMs });
    let promptTokens = 0;
    for (const [index, text] of texts.entries()) {
      const isUser = index % 2 === 0;
      const role = isUser ? ('user' as const) : ('assistant' as const);
      const message = this.conversations.add(id, { role, text, state: 'complete' });
      promptTokens += tokens(text) + 8;
      if (!isUser) message.metrics = metricsOf(text, promptTokens);
      if (index === texts.length - 1) Object.assign(message, last);
    }
    return this.conversations.get(id);
  }

  #router() {
    const os = implement(contract);
    const { chat, models, jobs, system } = os;
    const { conversations } = this;
    return os.router({
      chat: {
        conversations: chat.conversations.handler(({ input }) => conversations.list(input)),
        watchList: chat.watchList.handler(({ signal }) => conversations.watchList(signal)),
        create: chat.create.handler(({ input: { title, systemPrompt = null } }) =>
          conversations.create(title ?? '', { systemPrompt }),
        ),
        rename: chat.rename.handler(({ input: { id, title } }) => conversations.change(id, { title })),
        setSystemPrompt: chat.setSystemPrompt.handler(({ input: { id, ...change } }) =>
          conversations.change(id, change),
        ),
        setSampling: chat.setSampling.handler(({ input: { id, ...change } }) => conversations.change(id, change)),
        pin: chat.pin.handler(({ input: { id, ...change } }) => conversations.change(id, change)),
        move: chat.move.handler(({ input: { id, ...change } }) => conversations.change(id, change)),
        remove: chat.remove.handler(({ input }) => conversations.remove(input.id)),
        restore: chat.restore.handler(({ input }) => conversations.restore(input.id)),
        bin: chat.bin.handler(({ input }) => conversations.bin(input)),
        purge: chat.purge.handler(({ input }) => ({ purged: conversations.purge(input.id) })),
        createFolder: chat.createFolder.handler(({ input }) => conversations.createFolder(input.name)),
        renameFolder: chat.renameFolder.handler(({ input }) => conversations.renameFolder(input.id, input.name)),
        removeFolder: chat.removeFolder.handler(({ input }) => conversations.removeFolder(input.id)),
        path: chat.path.handler(({ input }) => conversations.path(input.id, input.leafId ?? undefined)),
        choose: chat.choose.handler(({ input }) => conversations.choose(input.id, input.leafId)),
        branch: chat.branch.handler(({ input }) => conversations.branch(input.messageId)),
        leaveOut: chat.leaveOut.handler(({ input }) =>
          conversations.leaveOut(input.id, input.messageIds, input.leftOut),
        ),
        weigh: chat.weigh.handler(({ input }) =>
          conversations.path(input.id).map(({ id, text }) => ({ messageId: id, tokens: tokens(text) + 8 })),
        ),
        export: chat.export.handler(({ input }) => conversations.export(input.id, input.format)),
        search: chat.search.handler(({ input }) => conversations.search(input.query)),
        send: chat.send.handler(({ input }) => this.#send(input)),
        regenerate: chat.regenerate.handler(({ input }) => {
          const { conversationId, parentId } = conversations.message(input.messageId);
          this.#checkIdle(conversationId);
          return { reply: this.#answer(conversationId, parentId) };
        }),
        continue: chat.continue.handler(({ input }) => ({ reply: this.#continue(input.messageId) })),
        stop: chat.stop.handler(({ input }) => {
          const run = this.#running.get(input.messageId);
          if (!run) return;
          run.abort();
          this.#running.delete(input.messageId);
          conversations.changeMessage(input.messageId, { state: 'stopped', finishReason: 'aborted' });
        }),
        prefill: chat.prefill.handler(({ input }) => {
          this.calls.push(`prefill ${input.id}`);
          return this.read(input.id);
        }),
        count: chat.count.handler(({ input }) => {
          if (this.#status.state !== 'ready') throw new LonghandError('no-model', 'No model.');
          const { conversationId, parentId } = input;
          const before = conversationId ? conversations.promptTokens(conversationId, parentId) : 0;
          const promptTokens = before + tokens(input.text) + 8;
          return { promptTokens, contextTokens: this.contextTokens, cachedTokens: before * this.cachedShare };
        }),
        watch: chat.watch.handler(({ input, signal }) => conversations.watch(input.id, signal)),
      },
      documents: this.documents.router(),
      models: {
        list: models.list.handler(() => [smolModel]),
        cards: models.cards.handler(({ input }) => this.cards.filter(({ name }) => name.includes(input.query))),
        plan: models.plan.handler(() => {
          throw new LonghandError('model-not-found', 'No plan here.');
        }),
        look: models.look.handler(() => hubModel),
        status: models.status.handler(() => this.#status),
        watch: models.watch.handler(({ signal }) => this.#watchStatus(signal)),
        import: models.import.handler(({ input }) => {
          this.calls.push(`import ${basename(input.path)}`);
          return this.#job({ kind: 'import', title: basename(input.path), stage: 'compile' });
        }),
        pull: models.pull.handler(({ input }) => {
          this.calls.push(`pull ${input.name}${input.acknowledged ? ', agreed' : ''}`);
          return this.#job();
        }),
        use: models.use.handler(() => this.#status),
        verification: models.verification.handler(() => this.verification),
        verify: models.verify.handler(({ input }) => {
          this.calls.push(`verify ${input.name}`);
          return this.test({});
        }),
        readingPrice: models.readingPrice.handler(() => this.readingPrice),
        contexts: models.contexts.handler(() => this.contexts),
        setContext: models.setContext.handler(({ input: { name: _name, ...changes } }) => {
          const options = { ...this.contexts.options, ...changes };
          this.contexts = { ...this.contexts, options };
          this.contextTokens = options.contextTokens ?? this.contexts.claimedTokens;
          const chosen = this.contexts.choices.find(({ contextTokens }) => contextTokens === this.contextTokens);
          const { claimedTokens } = this.contexts;
          const beyond =
            this.contextTokens > claimedTokens ? { method: options.method, fromTokens: claimedTokens } : null;
          const kvType = options.kvType === 'auto' ? (chosen?.kvType ?? 'float32') : options.kvType;
          const isLong = this.contextTokens > this.contexts.sparse.fromTokens;
          const sparse = options.sparse && isLong ? this.contexts.sparse : null;
          const context = { contextTokens: this.contextTokens, claimedTokens, beyond, sparse, kvType };
          this.setStatus({ ...this.#status, contextTokens: this.contextTokens, context });
          return this.#status;
        }),
        remove: models.remove.handler(() => {}),
      },
      jobs: {
        list: jobs.list.handler(() => [this.#status.job, ...this.#works.values()].filter((job) => job !== null)),
        watch: jobs.watch.handler(({ signal }) =>
          this.#workFeed.watch(() => [...this.#works.values()].filter(({ state }) => !ENDED.includes(state)), signal),
        ),
        pause: jobs.pause.handler(({ input }) => this.#act(input.id, { state: 'paused' })),
        resume: jobs.resume.handler(({ input }) => this.#act(input.id, { state: 'running' })),
        cancel: jobs.cancel.handler(({ input }) => this.#act(input.id, { state: 'cancelled' })),
      },
      system: {
        hello: system.hello.handler(() => ({
          version: '0.0.0',
          dataFolder: '/home/ada/.local/share/longhand',
          pid: process.pid,
        })),
        planMove: system.planMove.handler(({ input }) => {
          if (this.moveRefusal !== null) throw this.moveRefusal;
          return { target: `${input.path}/Longhand`, bytes: 4_210_000_000, freeBytes: 812_000_000_000 };
        }),
        moveData: system.moveData.handler(({ input }) => this.move({ subject: `${input.path}/Longhand` })),
        processes: system.processes.handler(() => this.processes),
        settings: system.settings.handler(() => this.#settings),
        changeSettings: system.changeSettings.handler(
          ({ input }) => (this.#settings = { ...this.#settings, ...input }),
        ),
        cache: system.cache.handler(() => this.cache),
        clearCache: system.clearCache.handler(() => {
          const freedBytes = this.cache?.bytes ?? 0;
          this.cache = { bytes: 0, budgetBytes: this.cache?.budgetBytes ?? 0 };
          return { freedBytes };
        }),
        doctor: system.doctor.handler(() => this.findings),
        bench: system.bench.handler(async function* () {}),
      },
    });
  }

  /** Where the move of the data folder stands; it begins with the first call. */
  move(change: Partial<Job> = {}): Job {
    return this.#work({ id: 'move', kind: 'move-data' }, change);
  }

  /** Where the self-test stands; it begins with the first call. */
  test(change: Partial<Job> = {}): Job {
    const { name } = smolModel;
    const begin = { id: 'verify', kind: 'verify', title: `Test the context of ${name}`, subject: name };
    return this.#work({ ...begin, stage: 'verify', unit: 'tokens', done: 0, etaMs: null, speed: null }, change);
  }

  #work(begin: Partial<Job> & { id: string }, change: Partial<Job>): Job {
    const job = { ...(this.#works.get(begin.id) ?? { ...downloadJob(), ...begin }), ...change };
    this.#works.set(job.id, job);
    this.#workFeed.publish(job);
    return job;
  }

  #act(id: string, change: Partial<Job>): Job {
    return this.#works.has(id) ? this.#work({ id }, change) : this.#job(change);
  }

  #job(change: Partial<Job> = {}): Job {
    const job = { ...(this.#status.job ?? downloadJob()), ...change };
    this.setStatus({ ...this.#status, state: 'installing', error: null, job });
    return job;
  }

  #send({ conversationId, text, parentId }: { conversationId: string; text: string; parentId?: string | null }) {
    if (this.failSendWith) throw this.failSendWith;
    this.#checkIdle(conversationId);
    this.calls.push(`send ${text}`);
    const { conversations } = this;
    const { title } = conversations.get(conversationId);
    const { id } = conversations.add(conversationId, { role: 'user', text, state: 'complete' }, parentId);
    conversations.tell(conversationId, { type: 'message', message: conversations.shown(id) });
    const reply = this.#answer(conversationId, id);
    conversations.change(conversationId, { title: title || text.split('\n')[0]!.slice(0, 60), updatedMs: Date.now() });
    this.onSaved();
    return { user: conversations.shown(id), reply };
  }

  #checkIdle(conversationId: string): void {
    const { conversations } = this;
    conversations.get(conversationId);
    if (![...this.#running.keys()].some((id) => conversations.message(id).conversationId === conversationId)) return;
    throw new LonghandError('conversation-busy', 'An answer is being written.', { conversationId });
  }

  #answer(conversationId: string, parentId: string | null): Message {
    const { conversations } = this;
    const { id } = conversations.add(conversationId, { role: 'assistant', text: '', state: 'waiting' }, parentId);
    const omitted = conversations.path(conversationId, parentId).filter((message) => message.leftOut).length;
    conversations.changeMessage(id, { omitted });
    conversations.change(conversationId, {});
    void this.#run(id, this.script(parentId === null ? '' : conversations.message(parentId).text));
    return conversations.shown(id);
  }

  #continue(messageId: string): Message {
    const { conversations } = this;
    const message = conversations.message(messageId);
    if (message.finishReason === 'stop') throw new LonghandError('nothing-to-continue', 'Complete.');
    conversations.changeMessage(messageId, { state: 'waiting', finishReason: null, error: null });
    void this.#run(messageId, words(' And so it goes on to its end.'));
    return conversations.shown(messageId);
  }

  async #run(messageId: string, pieces: Iterable<string> | AsyncIterable<string>): Promise<void> {
    const { conversations } = this;
    const run = new AbortController();
    this.#running.set(messageId, run);
    const message = conversations.message(messageId);
    const { conversationId, parentId } = message;
    try {
      while (this.#status.state !== 'ready') await sleep(20, null, { signal: run.signal });
      for await (const piece of pieces) {
        await sleep(this.tokenMs, null, { signal: run.signal });
        message.text += piece; // stored before it is told, as the product does
        if (message.state === 'waiting') conversations.changeMessage(messageId, { state: 'streaming' });
        else conversations.tell(conversationId, { type: 'delta', messageId, text: piece });
        if (this.failWith) throw this.failWith;
      }
      const metrics = metricsOf(message.text, conversations.promptTokens(conversationId, parentId));
      this.#running.delete(messageId);
      conversations.changeMessage(messageId, { state: 'complete', finishReason: 'stop', metrics });
    } catch (error) {
      if (run.signal.aborted) return;
      if (!(error instanceof LonghandError)) throw error;
      const { code, message: text, details } = error;
      this.#running.delete(messageId);
      const failure = { code, message: text, details };
      conversations.changeMessage(messageId, { state: 'failed', finishReason: 'error', error: failure });
    }
  }

  async *#watchStatus(signal: AbortSignal | undefined): AsyncGenerator<ModelStatus> {
    let wake = () => {};
    const watcher = () => wake();
    this.#statusWatchers.add(watcher);
    signal?.addEventListener('abort', watcher);
    try {
      for (let last: ModelStatus | null = null; !signal?.aborted;) {
        if (this.#status !== last) yield (last = this.#status);
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (this.#status !== last || signal?.aborted) resolve();
        });
      }
    } finally {
      this.#statusWatchers.delete(watcher);
    }
  }
}
