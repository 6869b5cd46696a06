import { createInterface, type Interface } from 'node:readline';
import { LonghandError, toStoredError } from '../../contract/errors.ts';
import { oneLine } from '../../contract/one-line.ts';
import type { Connection } from '../../shell/connection.ts';
import { askQuestion } from '../answer.ts';
import { defineCommand, type Context } from '../command.ts';
import { describeCall } from '../documents.ts';
import { readyModel } from '../model.ts';
import { answerJson, samplingOf, samplingOptions } from '../reply.ts';

const HELP = `/new          start a new conversation
/list         list the conversations
/open N       go on with one of the list, by its number or its id
/search TEXT  search all conversations
/exit         leave (so does the end of the input)
Ctrl-C stops an answer and keeps its text.`;

const LISTED = 20;

export const chat = defineCommand({
  name: 'chat',
  usage: '',
  summary: 'talk with the model, line by line',
  options: {
    ...samplingOptions,
    conversation: { type: 'string', value: 'ID', help: 'go on with a conversation' },
  },
  fetch: 'starter',
  async run(context) {
    const { values, model, io, progress, interrupts, connect } = context;
    const sampling = samplingOf(values);
    const connection = await connect();
    await readyModel(connection, model, progress);
    const talk = new Talk(context, connection, sampling);
    if (values.conversation !== undefined) await talk.open(values.conversation);

    const isTerminal = io.stdin.isTTY === true;
    // On a terminal readline sees Ctrl-C before the process does.
    const lines = createInterface({
      input: io.stdin,
      output: isTerminal ? process.stderr : undefined,
      terminal: isTerminal,
    });
    lines.on('SIGINT', () => interrupts.interrupt());
    if (isTerminal) context.say('Type a message, or /help.');
    try {
      return await talk.run(lines, isTerminal);
    } finally {
      lines.close();
    }
  },
});

/** One sitting: which conversation is open, and what the last list was. */
class Talk {
  readonly #context: Context;
  readonly #connection: Connection;
  readonly #sampling: ReturnType<typeof samplingOf>;
  #conversationId: string | null = null;
  #listed: string[] = [];

  constructor(context: Context, connection: Connection, sampling: ReturnType<typeof samplingOf>) {
    this.#context = context;
    this.#connection = connection;
    this.#sampling = sampling;
  }

  async run(lines: Interface, isTerminal: boolean): Promise<number> {
    let failed = false;
    if (isTerminal) lines.prompt();
    for await (const line of lines) {
      if (line.trim() === '/exit') break;
      try {
        await this.#take(line.trim());
      } catch (error) {
        const { message } = toStoredError(error);
        this.#context.say(`longhand: ${message}`);
        failed = true;
        if (error instanceof LonghandError && error.code === 'assistant-stopped') return 1;
      }
      if (isTerminal) lines.prompt();
    }
    return failed && !isTerminal ? 1 : 0; // a person saw it happen; a script has to be told
  }

  async open(id: string): Promise<void> {
    const path = await this.#connection.run((client) => client.chat.path({ id }));
    this.#conversationId = id;
    this.#context.say(`${path.length} messages so far.`);
  }

  async #take(line: string): Promise<void> {
    if (line === '') return;
    if (!line.startsWith('/')) return this.#ask(line);
    const [command = '', ...rest] = line.split(/\s+/);
    const argument = rest.join(' ');
    if (command === '/new') this.#conversationId = null;
    else if (command === '/list') await this.#list();
    else if (command === '/open' && argument !== '') await this.open(this.#listed[Number(argument) - 1] ?? argument);
    else if (command === '/search' && argument !== '') await this.#search(argument);
    else this.#context.say(HELP);
  }

  async #ask(text: string): Promise<void> {
    const { json, io, progress, interrupts, print, say } = this.#context;
    this.#conversationId ??= (await this.#connection.run((client) => client.chat.create({}))).id;
    let hasText = false;
    const answer = await askQuestion(this.#connection, {
      conversationId: this.#conversationId,
      text,
      sampling: this.#sampling,
      interrupts,
      say,
      onText(part) {
        if (!hasText) progress.clear();
        hasText = true;
        if (!json) io.stdout.write(part);
      },
      onCall: (call) => say(describeCall(call)),
      onPrefill: (done, total) => hasText || progress.update(`Reading: ${done} of ${total} tokens`),
    });
    progress.clear();
    if (json) print(JSON.stringify(answerJson(answer)));
    else if (hasText) io.stdout.write('\n');
    const { error, state } = answer.message;
    if (error) throw new LonghandError(error.code, error.message, error.details);
    if (state === 'interrupted') throw new LonghandError('engine-stopped', 'The answer was interrupted.');
  }

  async #list(): Promise<void> {
    const { items } = await this.#connection.run((client) => client.chat.conversations({ limit: LISTED }));
    this.#listed = items.map(({ id }) => id);
    for (const [index, { id, title }] of items.entries()) {
      this.#context.print(this.#context.json ? JSON.stringify({ id, title }) : `${index + 1}  ${title}  (${id})`);
    }
    if (items.length === 0) this.#context.say('There are no conversations yet.');
  }

  async #search(query: string): Promise<void> {
    const hits = await this.#connection.run((client) => client.chat.search({ query, limit: LISTED }));
    this.#listed = hits.map(({ conversationId }) => conversationId);
    for (const [index, hit] of hits.entries()) {
      const snippet = oneLine(hit.snippet);
      this.#context.print(this.#context.json ? JSON.stringify(hit) : `${index + 1}  ${hit.title}: ${snippet}`);
    }
    if (hits.length === 0) this.#context.say(`Nothing was found for ${query}.`);
  }
}
