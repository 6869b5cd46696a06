import type { Message } from '../contract/chat.ts';
import type { Sampling } from '../contract/engine.ts';
import { LonghandError } from '../contract/errors.ts';
import type { ToolCall } from '../contract/tools.ts';
import type { LonghandClient } from '../contract/index.ts';
import type { Connection } from '../shell/connection.ts';
import type { Interrupts } from './interrupts.ts';

const MOST_CONTINUATIONS = 3;

export type AnswerOptions = {
  conversationId: string;
  text: string;
  sampling?: Partial<Sampling>;
  interrupts: Interrupts;
  /** Takes the answer as it comes. */
  onText(text: string): void;
  /** Told of each call once its result is there. */
  onCall(call: ToolCall): void;
  /** Tokens of the prompt that have been read. */
  onPrefill(done: number, total: number): void;
  say(line: string): void;
};

export type Answer = { message: Message; continuations: number };

/**
 * Asks, and follows the answer to its end. An answer that a crash interrupts is gone on with, up to three times;
 * Ctrl-C stops it and keeps its text.
 * @throws LonghandError as `chat.send` does
 */
export async function askQuestion(connection: Connection, options: AnswerOptions): Promise<Answer> {
  const { conversationId, interrupts, onText, onCall, onPrefill, say } = options;
  const reply = await send(connection, options);
  let isStopped = false;
  const stop = () => {
    isStopped = true;
    say('Stopping. The text so far is kept; Ctrl-C again ends at once.');
    connection.run((client) => client.chat.stop({ messageId: reply.id })).catch(() => {}); // it has just ended by itself
  };
  return interrupts.during(stop, async () => {
    let shown = '';
    const show = (text: string) => {
      if (text.length > shown.length) onText(text.slice(shown.length));
      shown = text;
    };
    let told = 0;
    const showCalls = (calls: readonly ToolCall[]) => {
      for (; calls[told] !== undefined && calls[told]!.response !== null; told++) onCall(calls[told]!);
    };
    const shows = { show, showCalls, onPrefill };
    for (let continuations = 0; ; continuations++) {
      const message = await connection.run((client) => follow(client, conversationId, reply.id, shows));
      if (message.state !== 'interrupted' || isStopped || continuations === MOST_CONTINUATIONS) {
        return { message, continuations };
      }
      say(`The answer was interrupted. Going on with it (${continuations + 1} of ${MOST_CONTINUATIONS}).`);
      await goOn(connection, reply.id);
    }
  });
}

/** Sends once: when the line goes down before the reply is known, looks whether the assistant had heard. */
async function send(connection: Connection, { conversationId, text, sampling }: AnswerOptions): Promise<Message> {
  let known: Set<string> | null = null;
  return connection.run(async (client) => {
    const path = await client.chat.path({ id: conversationId });
    const [user, reply] = path.slice(-2);
    const isHeard = known !== null && user?.role === 'user' && reply?.role === 'assistant' && !known.has(reply.id);
    if (isHeard && reply) return reply;
    known ??= new Set(path.map(({ id }) => id));
    return (await client.chat.send({ conversationId, text, sampling })).reply;
  });
}

type Shows = {
  show(text: string): void;
  showCalls(calls: readonly ToolCall[]): void;
  onPrefill(done: number, total: number): void;
};

async function follow(
  client: LonghandClient,
  conversationId: string,
  messageId: string,
  { show, showCalls, onPrefill }: Shows,
): Promise<Message> {
  let text = '';
  for await (const event of await client.chat.watch({ id: conversationId })) {
    if (event.type === 'progress' && event.messageId === messageId) onPrefill(event.done, event.total);
    if (event.type === 'delta' && event.messageId === messageId) {
      text += event.text;
      show(text);
    }
    const changed = 'messages' in event ? event.messages : event.type === 'message' ? [event.message] : [];
    const message = changed.find(({ id }) => id === messageId);
    if (message) {
      text = message.text;
      showCalls(message.calls);
      show(text);
      if (message.state !== 'waiting' && message.state !== 'streaming') return message;
    }
  }
  throw new LonghandError('not-found', 'The conversation was removed.', { id: conversationId });
}

async function goOn(connection: Connection, messageId: string): Promise<void> {
  try {
    await connection.run((client) => client.chat.continue({ messageId }));
  } catch (error) {
    // Said twice because the line went down in between: it goes on already, or it had ended.
    const isHeard = error instanceof LonghandError && ['conversation-busy', 'nothing-to-continue'].includes(error.code);
    if (!isHeard) throw error;
  }
}
