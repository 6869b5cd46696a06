import { defineThread, type Thread } from '../contract/thread.ts';
import { CheckpointError } from '../../native-models/checkpoint/errors.ts';
import { renderChat, type ChatMessage, type ChatOptions } from '../../native-models/text/chat-template.ts';
import type { TokenizerSource } from '../../native-models/text/tokenizer-source.ts';
import { Tokenizer } from '../../native-models/text/tokenizer.ts';

/** A conversation and the format that makes a prompt of it. */
export type Chat = { template: string; options: ChatOptions; messages: readonly ChatMessage[] };
/** Texts, each of which makes a prompt of its own. */
export type Texts = Omit<Chat, 'messages'> & { texts: readonly string[] };

/** A conversation on its way to the thread: a million ids in arrays would take the sender 70 ms. */
type Posted = Omit<Chat, 'messages'> & { messages: (Omit<ChatMessage, 'tokens'> & { ids?: Int32Array })[] };

/** Up to here (about 10 ms of work) a text is tokenised on the spot, a few milliseconds at a time. */
const LONG_CHARACTERS = 32_768;
/** What putting a message into its format costs beside its text. */
const MESSAGE_CHARACTERS = 100;
/** A second tokenizer takes some 60 MB: it is given up when no document has come for so long. */
const IDLE_MS = 60_000;

const thread = defineThread(
  'tokenizer',
  import.meta.url,
  (source: TokenizerSource) => {
    const tokenizer = Tokenizer.fromSource(source);
    return (work: Posted | Texts, signal: AbortSignal) =>
      run(tokenizer, 'messages' in work ? unpacked(work) : work, signal);
  },
  { errors: [CheckpointError] },
);

/** Makes tokens of conversations; of long ones in a thread of its own, so that no token of a running answer waits. */
export class Encoder {
  readonly #source: TokenizerSource;
  readonly #tokenizer: Tokenizer;
  #thread: Thread<Posted | Texts, Int32Array> | null = null;
  #calls = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(source: TokenizerSource, tokenizer: Tokenizer) {
    this.#source = source;
    this.#tokenizer = tokenizer;
  }

  /**
   * Tokens of a prompt, as `renderChat` and `Tokenizer.encodePieces` make them.
   * @throws `signal.reason` when stopped; CheckpointError `bad-chat-template`
   */
  encode(chat: Chat, signal?: AbortSignal): Promise<Int32Array> {
    return this.#run(
      chat,
      chat.messages.map(({ content }) => content),
      signal,
    );
  }

  /** How many tokens the prompt has that each text makes as the only message, a question. @throws as `encode` */
  async countEach(texts: Texts, signal?: AbortSignal): Promise<number[]> {
    return Array.from(await this.#run(texts, texts.texts, signal));
  }

  /** Ends the thread; a later text starts it again. */
  close(): void {
    clearTimeout(this.#idle);
    void this.#thread?.close();
    this.#thread = null;
  }

  async #run(work: Chat | Texts, texts: readonly string[], signal: AbortSignal | undefined): Promise<Int32Array> {
    const characters = texts.reduce((sum, { length }) => sum + length + MESSAGE_CHARACTERS, 0);
    if (characters < LONG_CHARACTERS) return run(this.#tokenizer, work, signal);
    clearTimeout(this.#idle);
    this.#calls++;
    try {
      this.#thread ??= thread.open(this.#source);
      return await this.#thread.call('messages' in work ? packed(work) : work, { signal });
    } finally {
      if (--this.#calls === 0) this.#idle = setTimeout(() => this.close(), IDLE_MS).unref();
    }
  }
}

async function run(tokenizer: Tokenizer, work: Chat | Texts, signal: AbortSignal | undefined): Promise<Int32Array> {
  const { template, options } = work;
  const encode = (messages: readonly ChatMessage[]) =>
    tokenizer.encodePiecesAsync(renderChat(template, messages, options), signal ? { signal } : {});
  if ('messages' in work) return Int32Array.from(await encode(work.messages));
  const counts: number[] = [];
  for (const content of work.texts) counts.push((await encode([{ role: 'user', content }])).length);
  return Int32Array.from(counts);
}

function packed({ messages, ...format }: Chat): Posted {
  const pack = ({ tokens, ...message }: ChatMessage) =>
    tokens ? { ...message, ids: Int32Array.from(tokens) } : message;
  return { ...format, messages: messages.map(pack) };
}

function unpacked({ messages, ...format }: Posted): Chat {
  return { ...format, messages: messages.map(({ ids, ...one }) => (ids ? { ...one, tokens: Array.from(ids) } : one)) };
}
