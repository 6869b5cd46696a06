// Stands in for the assistant where a shell or the command line is under test: conversations in one JSON file, a model
// that answers by script. The question decides what happens: see `script`.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { implement } from '@orpc/server';
import type { Conversation, ConversationEvent, Message } from '../../../main/contract/chat.ts';
import { LonghandError } from '../../../main/contract/errors.ts';
import { onPort } from '../../../main/contract/handover.ts';
import { contract } from '../../../main/contract/index.ts';
import type { Job } from '../../../main/contract/jobs.ts';
import type { InstalledModel, ModelStatus } from '../../../main/contract/models.ts';
import { createServer } from '../../../main/contract/serve.ts';

const folder = parseArgs({ options: { data: { type: 'string', default: '.' } } }).values.data;
const file = join(folder, 'fake.json');
const pidFile = join(folder, 'fake.pid');

const owner = existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8')) : 0;
if (owner > 0 && isAlive(owner)) {
  const details = { path: folder, pid: owner };
  const fatal = { code: 'data-folder-in-use', message: `${folder} is in use by process ${owner}.`, details };
  console.error(JSON.stringify({ fatal }));
  process.exit(78);
}
writeFileSync(pidFile, String(process.pid));
process.on('SIGTERM', () => {
  writeFileSync(pidFile, '0');
  process.exit(0);
});

type Data = { conversations: Conversation[]; messages: Message[] };
const data = existsSync(file)
  ? (JSON.parse(readFileSync(file, 'utf8')) as Data)
  : { conversations: [] as Conversation[], messages: [] as Message[] };
for (const message of data.messages)
  if (['waiting', 'streaming'].includes(message.state)) message.state = 'interrupted';

const watchers = new Set<{ id: string; push(event: ConversationEvent): void }>();
const stopped = new Set<string>();

const model: InstalledModel = {
  name: 'scripted',
  folder: '/nowhere',
  architecture: 'llama',
  recipe: 'balanced',
  parameters: 1e6,
  sizeBytes: 4e6,
  contextTokens: 2048,
  license: null,
  sourceName: 'scripted.gguf',
  compiledMs: 0,
  loaded: true,
};
const job: Job = {
  id: 'j1',
  kind: 'download',
  title: 'Scripted model',
  subject: null,
  state: 'running',
  stage: 'download',
  done: 1e6,
  total: 4e6,
  unit: 'bytes',
  speed: 5e5,
  etaMs: 6000,
  result: null,
  error: null,
  createdMs: 0,
  updatedMs: 0,
};

async function* modelStatuses(signal: AbortSignal | undefined): AsyncGenerator<ModelStatus> {
  const none = { model: null, contextTokens: null, context: null, verifiedTokens: null, job: null, error: null };
  const kind = process.env.FAKE_MODEL ?? 'ready';
  if (kind === 'none') yield { ...none, state: 'none' };
  if (kind === 'failed') {
    const error = { code: 'download-failed', message: 'The download failed: no answer.', details: {} };
    yield { ...none, state: 'failed', error };
  }
  if (kind === 'installing') {
    for (const done of [1e6, 2e6, 4e6]) {
      yield { ...none, state: 'installing', job: { ...job, done } };
      await sleep(20);
    }
  }
  if (kind === 'ready' || kind === 'installing')
    yield { ...none, state: 'ready', model, contextTokens: 2048, context: null };
  if (!signal?.aborted) await new Promise((resolve) => signal?.addEventListener('abort', resolve, { once: true }));
}

/** The words of an answer; `die` ends the process after the third, `break` only the answer, `fail` the answer for good. */
function script(question: string): string[] {
  const text = question.includes('long')
    ? Array.from({ length: 400 }, (_, n) => `word${n}`).join(' ')
    : 'Paris is the capital of France.';
  return text.split(/(?<= )/);
}

async function answer(reply: Message, question: string): Promise<void> {
  const words = script(question);
  change(reply, { state: 'streaming' });
  for (const [index, word] of words.entries()) {
    if (index < wordsIn(reply.text)) continue;
    if (stopped.delete(reply.id)) return change(reply, { state: 'stopped', finishReason: 'aborted' });
    if (question.includes('fail') && index === 2) {
      const error = { code: 'runtime-failed' as const, message: 'The runtime failed.', details: {} };
      return change(reply, { state: 'failed', finishReason: 'error', error });
    }
    reply.text += word;
    save();
    tell(reply.conversationId, { type: 'delta', messageId: reply.id, text: word });
    await sleep(5);
    const isBad = question.includes('always') || wordsIn(reply.text) === 3;
    if (isBad && question.includes('die')) process.kill(process.pid, 'SIGKILL');
    if (isBad && question.includes('break')) return change(reply, { state: 'interrupted', finishReason: null });
  }
  const metrics = {
    promptTokens: 12,
    cachedTokens: 4,
    newTokens: 8,
    generatedTokens: words.length,
    prefillMs: 10,
    decodeMs: 20,
    firstTokenMs: 12,
    prefillTokensPerSecond: 800,
    decodeTokensPerSecond: 350,
  };
  change(reply, { state: 'complete', finishReason: 'stop', metrics });
}

const wordsIn = (text: string) => text.split(/(?<= )/).filter((word) => word !== '').length;

function change(message: Message, values: Partial<Message>): void {
  Object.assign(message, values);
  save();
  tell(message.conversationId, { type: 'message', message });
}

const save = () => writeFileSync(file, JSON.stringify(data));

function tell(id: string, event: ConversationEvent): void {
  for (const watcher of watchers) if (watcher.id === id) watcher.push(structuredClone(event));
}

function add(conversationId: string, role: 'user' | 'assistant', text: string): Message {
  const id = `m${data.messages.length + 1}`;
  const state = role === 'user' ? 'complete' : 'waiting';
  const nothing = { parentId: null, finishReason: null, metrics: null, sampling: null, error: null };
  const plain = { siblings: [], leftOut: false, omitted: 0, sources: null, calls: [] };
  const message: Message = {
    ...nothing,
    ...plain,
    id,
    conversationId,
    role,
    state,
    text,
    model: 'scripted',
    createdMs: 0,
    updatedMs: 0,
  };
  data.messages.push(message);
  save();
  return message;
}

const conversationOf = (id: string) => {
  const found = data.conversations.find((one) => one.id === id);
  if (!found) throw new LonghandError('not-found', `There is no conversation ${id}.`, { id });
  return found;
};
const messagesOf = (id: string) => data.messages.filter((message) => message.conversationId === id);
const questionOf = (reply: Message) => data.messages[data.messages.indexOf(reply) - 1]?.text ?? '';

const { chat, models, system } = contract;
const served = {
  chat: {
    conversations: chat.conversations,
    create: chat.create,
    path: chat.path,
    prefill: chat.prefill,
    search: chat.search,
    send: chat.send,
    stop: chat.stop,
    continue: chat.continue,
    watch: chat.watch,
  },
  models: { list: models.list, use: models.use, import: models.import, pull: models.pull, watch: models.watch },
  jobs: { watch: contract.jobs.watch },
  system: { hello: system.hello, doctor: system.doctor, bench: system.bench },
};
/** What was asked to be read ahead; the one job there is ends with it. */
let reading: { promptTokens: number; readTokens: number } | null = null;
const os = implement(served);
const router = os.router({
  chat: {
    conversations: os.chat.conversations.handler(() => ({ items: data.conversations.toReversed(), next: null })),
    create: os.chat.create.handler(({ input }) => {
      const id = `c${data.conversations.length + 1}`;
      const title = input.title ?? `Conversation ${id}`;
      const systemPrompt = input.systemPrompt ?? null;
      const unset = { sampling: null, leafId: null, folderId: null, pinned: false };
      const conversation = { id, title, systemPrompt, ...unset, createdMs: 0, updatedMs: 0 };
      data.conversations.push(conversation);
      save();
      return conversation;
    }),
    path: os.chat.path.handler(({ input }) => messagesOf(conversationOf(input.id).id)),
    prefill: os.chat.prefill.handler(({ input }) => {
      const { systemPrompt } = conversationOf(input.id);
      reading = { promptTokens: wordsIn(systemPrompt ?? ''), readTokens: wordsIn(systemPrompt ?? '') };
      return job;
    }),
    search: os.chat.search.handler(({ input }) =>
      data.messages
        .filter((message) => message.text.includes(input.query))
        .map(({ conversationId, id, text }) => {
          const start = text.indexOf(input.query);
          const marks: [number, number][] = [[start, start + input.query.length]];
          const { title } = conversationOf(conversationId);
          return { conversationId, messageId: id, title, snippet: text, marks, updatedMs: 0 };
        }),
    ),
    send: os.chat.send.handler(({ input }) => {
      conversationOf(input.conversationId);
      if (input.text.length > 500) {
        const details = { promptTokens: 2500, contextTokens: 2048 };
        throw new LonghandError(
          'context-length-exceeded',
          'The prompt is 2,500 tokens and the model takes 2,048.',
          details,
        );
      }
      const user = add(input.conversationId, 'user', input.text);
      const reply = add(input.conversationId, 'assistant', '');
      if (input.text.includes('unheard')) process.kill(process.pid, 'SIGKILL'); // saved, but never said
      reply.sampling = { ...defaults, ...input.sampling };
      void answer(reply, input.text);
      return structuredClone({ user, reply });
    }),
    stop: os.chat.stop.handler(({ input }) => void stopped.add(input.messageId)),
    continue: os.chat.continue.handler(({ input }) => {
      const reply = data.messages.find(({ id }) => id === input.messageId);
      if (reply?.state !== 'interrupted') throw new LonghandError('nothing-to-continue', 'Nothing to go on with.');
      void answer(reply, questionOf(reply));
      return structuredClone({ reply });
    }),
    watch: os.chat.watch.handler(async function* ({ input, signal }) {
      const events: ConversationEvent[] = [];
      let wake = () => {};
      const watcher = { id: input.id, push: (event: ConversationEvent) => (events.push(event), wake()) };
      watchers.add(watcher);
      const conversation = conversationOf(input.id);
      events.unshift({
        type: 'snapshot',
        conversation,
        messages: structuredClone(messagesOf(input.id)),
        hasOlder: false,
      });
      signal?.addEventListener('abort', () => wake(), { once: true });
      try {
        while (!signal?.aborted) {
          const event = events.shift();
          if (event) yield event;
          else await new Promise<void>((resolve) => (wake = resolve));
        }
      } finally {
        watchers.delete(watcher);
      }
    }),
  },
  models: {
    list: os.models.list.handler(() => [model]),
    use: os.models.use.handler(({ input }) => {
      if (input.name !== model.name) {
        throw new LonghandError('model-not-found', `There is no model named ${input.name}.`, { name: input.name });
      }
      return {
        state: 'ready' as const,
        model,
        contextTokens: 2048,
        context: null,
        verifiedTokens: null,
        job: null,
        error: null,
      };
    }),
    import: os.models.import.handler(() => job),
    pull: os.models.pull.handler(() => job),
    watch: os.models.watch.handler(({ signal }) => modelStatuses(signal)),
  },
  jobs: {
    watch: os.jobs.watch.handler(async function* () {
      yield job;
      await sleep(10);
      yield { ...job, done: 4e6, state: 'done' as const, result: reading ?? { model: 'scripted' } };
    }),
  },
  system: {
    hello: os.system.hello.handler(() => ({ version: '0.0.0', dataFolder: folder, pid: process.pid })),
    doctor: os.system.doctor.handler(() => {
      const plain = { code: '', values: {} };
      return [
        { id: 'database', level: 'ok' as const, summary: 'The database is sound.', action: null, ...plain },
        process.env.FAKE_MODEL === 'none'
          ? { id: 'model', level: 'failure' as const, summary: 'No model.', action: 'longhand models pull', ...plain }
          : { id: 'model', level: 'note' as const, summary: 'The model is scripted.', action: null, ...plain },
      ];
    }),
    bench: os.system.bench.handler(async function* ({ input }) {
      yield { type: 'progress' as const, done: 1, total: 2, label: 'prefill 512' };
      const runs = Array.from({ length: input.repeats }, (_, run) => 100 + run);
      const point = (kind: 'prefill' | 'decode', tokens: number) => ({
        kind,
        tokens,
        tokensPerSecond: runs[runs.length >> 1]!,
        runs,
      });
      yield {
        type: 'report' as const,
        report: {
          machine: { cpu: 'Abacus', cores: 2, memoryBytes: 8e9, platform: 'linux' },
          model: 'scripted',
          threads: 2,
          points: [point('prefill', 512), point('decode', 128)],
          rssBytes: 5e8,
          bandwidthGBs: 20,
          shareOfBound: [{ tokens: 128, share: 0.5 }],
        },
      };
    }),
  },
});
const defaults = {
  temperature: 0.7,
  topK: 20,
  topP: 0.8,
  minP: 0,
  repetitionPenalty: 1.05,
  seed: null,
  maxTokens: null,
  stop: [],
};
const server = createServer(router);
onPort((peer, port) => {
  if (peer === 'client' || peer === 'page') server.serve(port);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
