import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { implement } from '@orpc/server';
import { fileURLToPath } from 'node:url';
import type { Conversation, ConversationEvent, Message } from '../../main/contract/chat.ts';
import type { Port } from '../../main/contract/client.ts';
import { LonghandError } from '../../main/contract/errors.ts';
import { contract } from '../../main/contract/index.ts';
import type { Job } from '../../main/contract/jobs.ts';
import type { ModelStatus } from '../../main/contract/models.ts';
import { createServer } from '../../main/contract/serve.ts';
import { settings, type Settings } from '../../main/contract/system.ts';
import { startServer, type Server } from '../../main/shell/browser/server.ts';
import { downloadJob, metricsOf, readyStatus, smolModel, tokens, words } from './scripted-data.ts';

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
  readonly token = randomUUID();
  readonly calls: string[] = [];
  #status = readyStatus;
  #settings = settings.parse({});
  #conversations = new Map<string, Conversation>();
  #removed = new Map<string, Conversation>();
  #messages: Message[] = [];
  #watchers = new Set<(conversationId: string, event: ConversationEvent) => void>();
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
      connectClient: () => this.connect(),
    });
    this.#address = this.#server.address;
  }

  /** As if the process had been killed: every line breaks, answers in progress are interrupted, nothing listens. */
  async die(): Promise<void> {
    for (const [id, run] of this.#running) {
      run.abort();
      this.#change(id, { state: 'interrupted', finishReason: null });
    }
    this.#running.clear();
    await this.#server?.close();
  }

  setStatus(status: ModelStatus): void {
    this.#status = status;
    for (const wake of this.#statusWatchers) wake();
  }

  setSettings(change: Partial<Settings>): void {
    this.#settings = { ...this.#settings, ...change };
  }

  /** Adds a conversation of messages that alternate between user and assistant. */
  addConversation(title: string, texts: string[], { ageMs = 0, last = {} } = {}): Conversation {
    const conversation = this.#create(title, Date.now() - ageMs);
    for (const [index, text] of texts.entries()) {
      const isUser = index % 2 === 0;
      const message = this.#add(conversation.id, isUser ? 'user' : 'assistant', text, 'complete');
      if (!isUser) message.metrics = metricsOf(text, this.#promptTokens(conversation.id, ''));
      if (index === texts.length - 1) Object.assign(message, last);
    }
    return conversation;
  }

  #router() {
    const os = implement(contract);
    const { chat, models, jobs, system } = os;
    return os.router({
      chat: {
        conversations: chat.conversations.handler(({ input }) => {
          const items = [...this.#conversations.values()].sort((a, b) => b.updatedMs - a.updatedMs);
          const from = input.before ? items.findIndex(({ id }) => id === input.before) + 1 : 0;
          const shown = items.slice(from, from + input.limit);
          return { items: shown, next: from + input.limit < items.length ? (shown.at(-1)?.id ?? null) : null };
        }),
        create: chat.create.handler(({ input }) => this.#create(input.title ?? '')),
        rename: chat.rename.handler(({ input }) => this.#changeConversation(input.id, { title: input.title })),
        setSystemPrompt: chat.setSystemPrompt.handler(({ input: { id, systemPrompt } }) =>
          this.#changeConversation(id, { systemPrompt }),
        ),
        remove: chat.remove.handler(({ input }) => {
          this.#removed.set(input.id, this.#conversation(input.id));
          this.#conversations.delete(input.id);
        }),
        restore: chat.restore.handler(({ input }) => {
          const conversation = this.#removed.get(input.id);
          if (!conversation) throw new LonghandError('not-found', 'No such conversation.');
          this.#conversations.set(input.id, conversation);
          return conversation;
        }),
        path: chat.path.handler(({ input }) => this.#path(input.id)),
        choose: chat.choose.handler(({ input }) => this.#changeConversation(input.id, { leafId: input.leafId })),
        search: chat.search.handler(({ input }) => this.#search(input.query)),
        send: chat.send.handler(({ input }) => this.#send(input.conversationId, input.text)),
        regenerate: chat.regenerate.handler(({ input }) => {
          const { conversationId, parentId } = this.#message(input.messageId);
          return { reply: this.#answer(conversationId, parentId) };
        }),
        continue: chat.continue.handler(({ input }) => ({ reply: this.#continue(input.messageId) })),
        stop: chat.stop.handler(({ input }) => {
          this.#running.get(input.messageId)?.abort();
          this.#change(input.messageId, { state: 'stopped', finishReason: 'aborted' });
        }),
        count: chat.count.handler(({ input }) => {
          if (this.#status.state !== 'ready') throw new LonghandError('no-model', 'No model.');
          const cachedTokens = input.conversationId ? this.#promptTokens(input.conversationId, '') : 0;
          const promptTokens = cachedTokens + tokens(input.text) + 8;
          return { promptTokens, contextTokens: this.contextTokens, cachedTokens };
        }),
        watch: chat.watch.handler(({ input, signal }) => this.#watch(input.id, signal)),
      },
      models: {
        list: models.list.handler(() => [smolModel]),
        status: models.status.handler(() => this.#status),
        watch: models.watch.handler(({ signal }) => this.#watchStatus(signal)),
        import: models.import.handler(() => this.#job()),
        pull: models.pull.handler(({ input }) => {
          this.calls.push(`pull ${input.name}`);
          return this.#job();
        }),
        use: models.use.handler(() => this.#status),
        remove: models.remove.handler(() => {}),
      },
      jobs: {
        list: jobs.list.handler(() => (this.#status.job ? [this.#status.job] : [])),
        watch: jobs.watch.handler(async function* () {}),
        pause: jobs.pause.handler(() => this.#job({ state: 'paused' })),
        resume: jobs.resume.handler(() => this.#job({ state: 'running' })),
        cancel: jobs.cancel.handler(() => this.#job({ state: 'cancelled' })),
      },
      system: {
        hello: system.hello.handler(() => ({ version: '0.0.0', dataFolder: '/data', pid: process.pid })),
        processes: system.processes.handler(() => []),
        settings: system.settings.handler(() => this.#settings),
        changeSettings: system.changeSettings.handler(
          ({ input }) => (this.#settings = { ...this.#settings, ...input }),
        ),
        doctor: system.doctor.handler(() => []),
        bench: system.bench.handler(async function* () {}),
      },
    });
  }

  #job(change: Partial<Job> = {}): Job {
    const job = { ...(this.#status.job ?? downloadJob()), ...change };
    this.setStatus({ ...this.#status, state: 'installing', error: null, job });
    return job;
  }

  #send(conversationId: string, text: string): { user: Message; reply: Message } {
    if (this.failSendWith) throw this.failSendWith;
    this.calls.push(`send ${text}`);
    const conversation = this.#conversation(conversationId);
    const user = this.#add(conversationId, 'user', text, 'complete');
    this.#changeConversation(conversationId, { title: conversation.title || text.split('\n')[0]?.slice(0, 60) });
    this.#tell(conversationId, { type: 'message', message: user });
    const reply = this.#answer(conversationId, user.id);
    this.onSaved();
    return { user, reply };
  }

  #answer(conversationId: string, parentId: string | null): Message {
    const reply = this.#add(conversationId, 'assistant', '', 'waiting', parentId);
    this.#tell(conversationId, { type: 'message', message: { ...reply } });
    void this.#run(reply.id, this.script(parentId === null ? '' : this.#message(parentId).text));
    return { ...reply };
  }

  #continue(messageId: string): Message {
    const message = this.#message(messageId);
    if (message.finishReason === 'stop') throw new LonghandError('nothing-to-continue', 'Complete.');
    this.#change(messageId, { state: 'waiting', finishReason: null });
    void this.#run(messageId, words(' And so it goes on to its end.'));
    return { ...this.#message(messageId) };
  }

  async #run(messageId: string, pieces: Iterable<string> | AsyncIterable<string>): Promise<void> {
    const run = new AbortController();
    this.#running.set(messageId, run);
    const { conversationId } = this.#message(messageId);
    try {
      while (this.#status.state !== 'ready') await sleep(20, null, { signal: run.signal });
      for await (const piece of pieces) {
        await sleep(this.tokenMs, null, { signal: run.signal });
        const message = this.#message(messageId);
        message.text += piece; // stored before it is told, as the product does
        if (message.state === 'waiting') this.#change(messageId, { state: 'streaming' });
        else this.#tell(conversationId, { type: 'delta', messageId, text: piece });
        if (this.failWith) throw this.failWith;
      }
      const metrics = metricsOf(this.#message(messageId).text, this.#promptTokens(conversationId, ''));
      this.#change(messageId, { state: 'complete', finishReason: 'stop', metrics });
    } catch (error) {
      if (run.signal.aborted) return;
      if (!(error instanceof LonghandError)) throw error;
      const { code, message, details } = error;
      this.#change(messageId, { state: 'failed', finishReason: 'error', error: { code, message, details } });
    } finally {
      this.#running.delete(messageId);
    }
  }

  async *#watch(id: string, signal: AbortSignal | undefined): AsyncGenerator<ConversationEvent> {
    const queue: ConversationEvent[] = [
      { type: 'snapshot', conversation: this.#conversation(id), messages: this.#path(id) },
    ];
    let wake = () => {};
    const watcher = (conversationId: string, event: ConversationEvent) => {
      if (conversationId !== id) return;
      queue.push(structuredClone(event));
      wake();
    };
    this.#watchers.add(watcher);
    signal?.addEventListener('abort', () => wake());
    try {
      while (!signal?.aborted) {
        yield* queue.splice(0);
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (queue.length > 0 || signal?.aborted) resolve();
        });
      }
    } finally {
      this.#watchers.delete(watcher);
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

  #search(query: string) {
    return this.#messages.flatMap((message) => {
      const at = message.text.toLowerCase().indexOf(query.toLowerCase());
      const conversation = this.#conversations.get(message.conversationId);
      if (at === -1 || !conversation) return [];
      const from = Math.max(0, at - 30);
      const { id: messageId, conversationId } = message;
      const marks: [number, number][] = [[at - from, at - from + query.length]];
      const snippet = message.text.slice(from, at + 60);
      return [{ conversationId, messageId, title: conversation.title, snippet, marks, updatedMs: message.updatedMs }];
    });
  }

  #create(title: string, ms = Date.now()): Conversation {
    const base = { systemPrompt: null, leafId: null, createdMs: ms, updatedMs: ms };
    const conversation: Conversation = { id: randomUUID(), title, ...base };
    this.#conversations.set(conversation.id, conversation);
    return conversation;
  }

  #add(conversationId: string, role: Message['role'], text: string, state: Message['state'], parent?: string | null) {
    const conversation = this.#conversation(conversationId);
    const ms = Date.now();
    const isAnswer = role === 'assistant';
    const message: Message = {
      id: randomUUID(),
      conversationId,
      parentId: parent === undefined ? conversation.leafId : parent,
      role,
      state,
      text,
      model: isAnswer ? smolModel.name : null,
      finishReason: isAnswer && state === 'complete' ? 'stop' : null,
      metrics: null,
      sampling: null,
      error: null,
      createdMs: ms,
      updatedMs: ms,
    };
    this.#messages.push(message);
    this.#conversations.set(conversationId, { ...conversation, leafId: message.id });
    return message;
  }

  #change(id: string, change: Partial<Message>): void {
    const message = Object.assign(this.#message(id), change, { updatedMs: Date.now() });
    this.#tell(message.conversationId, { type: 'message', message });
  }

  #changeConversation(id: string, change: Partial<Conversation>): Conversation {
    const conversation = { ...this.#conversation(id), ...change, updatedMs: Date.now() };
    this.#conversations.set(id, conversation);
    this.#tell(id, { type: 'conversation', conversation });
    return conversation;
  }

  #tell(conversationId: string, event: ConversationEvent): void {
    for (const watcher of this.#watchers) watcher(conversationId, event);
  }

  #conversation(id: string): Conversation {
    const conversation = this.#conversations.get(id);
    if (!conversation) throw new LonghandError('not-found', 'No such conversation.', { id });
    return conversation;
  }

  #message(id: string): Message {
    const message = this.#messages.find((candidate) => candidate.id === id);
    if (!message) throw new LonghandError('not-found', 'No such message.', { id });
    return message;
  }

  #path(conversationId: string): Message[] {
    const path: Message[] = [];
    for (let id = this.#conversation(conversationId).leafId; id !== null;) {
      const message = this.#message(id);
      path.unshift({ ...message });
      id = message.parentId;
    }
    return path;
  }

  #promptTokens(conversationId: string, text: string): number {
    return this.#path(conversationId).reduce((sum, message) => sum + tokens(message.text) + 8, tokens(text));
  }
}
