import type { Prompt } from '../../contract/engine.ts';
import type { Engine } from '../../engine/client.ts';
import type { AnsweringModel } from '../models/models.ts';
import { keptTokens, type PromptMessage } from './prompt.ts';

export type Count = { promptTokens: number; contextTokens: number; cachedTokens: number };
type Weighable = PromptMessage & { id: string; updatedMs: number };

/** Something to say that is surely not empty, which templates may treat in a way of its own. */
export const PROBE = 'x';
/** Any id: how many tokens a message has around its own does not depend on which they are. */
const TOKEN = 0;
/** Texts of one call: a moment's work for the engine, so that counting what is typed does not wait for all of them. */
const AT_ONCE = 1000;
const MOST_KEPT = 50_000;

/**
 * How many tokens things take, by the model's own tokenizer, without asking for what is known. A conversation may be
 * megabytes long and is counted at each key press; but what is typed stands between words of the template, so its own
 * tokens can be counted apart, and what is before it need be counted once. The sum is exact.
 */
export class Scales {
  readonly #engine: Pick<Engine, 'count' | 'countEach'>;
  #model: AnsweringModel | null = null;
  #conversation: { key: string; endId: string | null; count: Promise<Count>; grownTokens: number } | null = null;
  #typed: { text: string; tokens: Promise<number> } | null = null;
  #probe: Promise<number> | null = null;
  #turn: Promise<number> | null = null;
  readonly #weights = new Map<string, { updatedMs: number; tokens: number }>();

  constructor(engine: Pick<Engine, 'count' | 'countEach'>) {
    this.#engine = engine;
  }

  /** A conversation or the engine's cache has changed: what was counted of a conversation is counted anew. */
  forget(): void {
    this.#conversation = null;
  }

  /** An answer that is being written has come so much further: what was counted down to it grows with it. */
  grew(messageId: string, tokens: number): void {
    if (this.#conversation?.endId === messageId) this.#conversation.grownTokens += tokens;
  }

  /**
   * The size of a prompt that ends with `text`. `promptWith` gives it for other words, and reads the last message before
   * its first pause; `key` names what is before, and `endId` is the last message of that.
   */
  async count(
    { key, endId }: { key: string; endId: string | null },
    text: string,
    promptWith: (text: string) => Promise<Prompt>,
    model: AnsweringModel,
  ): Promise<Count> {
    this.#use(model);
    if (this.#conversation?.key !== key) {
      const whole = promptWith(PROBE).then((prompt) => this.#engine.count(prompt));
      const count = kept(whole, () => {
        if (this.#conversation?.count === count) this.#conversation = null;
      });
      this.#conversation = { key, endId, count, grownTokens: 0 };
    }
    const conversation = this.#conversation;
    const [whole, typed, probe] = await Promise.all([conversation.count, this.#typedTokens(text), this.#probeTokens()]);
    const promptTokens = whole.promptTokens + conversation.grownTokens - probe + typed;
    return { ...whole, promptTokens, cachedTokens: Math.min(whole.cachedTokens, promptTokens) };
  }

  /** What each message adds to a prompt: its text and the words of the template around it. */
  async weigh(path: readonly Weighable[], model: AnsweringModel): Promise<{ messageId: string; tokens: number }[]> {
    this.#use(model);
    const [probe, turn, token] = await Promise.all([
      this.#probeTokens(),
      this.#turnTokens(),
      this.#alone({ text: '', tokens: [TOKEN] }),
    ]);
    const keep = ({ id, role, updatedMs }: Weighable, alone: number) => {
      // A question and its answer together have an exact weight; of an odd token the question has the larger half.
      const around = role === 'assistant' ? Math.floor(turn / 2) : Math.ceil(turn / 2);
      this.#weights.set(id, { updatedMs, tokens: alone - probe + around });
    };
    const unknown = path.filter(({ id, updatedMs }) => this.#weights.get(id)?.updatedMs !== updatedMs);
    if (this.#weights.size + unknown.length > MOST_KEPT) this.#weights.clear();
    const asText: Weighable[] = [];
    for (const message of unknown) {
      const tokens = keptTokens(message, model.tokenizer);
      if (tokens) keep(message, token - 1 + tokens.length);
      else asText.push(message);
    }
    for (let at = 0; at < asText.length && this.#model === model; at += AT_ONCE) {
      const group = asText.slice(at, at + AT_ONCE);
      const counts = await this.#engine.countEach(group.map(({ text }) => text));
      for (const [index, message] of group.entries()) keep(message, counts[index]!);
    }
    return path.map(({ id, text }) => ({
      messageId: id,
      tokens: text === '' ? 0 : (this.#weights.get(id)?.tokens ?? 0),
    }));
  }

  #use(model: AnsweringModel): void {
    if (this.#model === model) return;
    this.#model = model;
    this.#conversation = null;
    this.#typed = null;
    this.#probe = null;
    this.#turn = null;
    this.#weights.clear();
  }

  async #alone({ text, tokens }: { text: string; tokens?: number[] }): Promise<number> {
    const message = { role: 'user' as const, content: text, ...(tokens ? { tokens } : {}) };
    return (await this.#engine.count({ messages: [message], continueFinal: false })).promptTokens;
  }

  /** Counted once while it stays as it is: it may be a megabyte, and is asked for again while an answer grows. */
  #typedTokens(text: string): Promise<number> {
    if (this.#typed?.text !== text) {
      const tokens = kept(this.#alone({ text }), () => {
        if (this.#typed?.tokens === tokens) this.#typed = null;
      });
      this.#typed = { text, tokens };
    }
    return this.#typed.tokens;
  }

  #probeTokens(): Promise<number> {
    this.#probe ??= kept(this.#alone({ text: PROBE }), () => (this.#probe = null));
    return this.#probe;
  }

  /** A question and an answer of one probe each. */
  #turnTokens(): Promise<number> {
    this.#turn ??= kept(this.#measureTurn(), () => (this.#turn = null));
    return this.#turn;
  }

  async #measureTurn(): Promise<number> {
    const roles = ['user', 'assistant', 'user'] as const;
    const messages = roles.map((role) => ({ role, content: PROBE }));
    const [long, short] = await Promise.all([
      this.#engine.count({ messages, continueFinal: false }),
      this.#probeTokens(),
    ]);
    return long.promptTokens - short;
  }
}

/** A promise to be shared, unless it fails: then the next one who asks tries again. */
function kept<T>(promise: Promise<T>, drop: () => void): Promise<T> {
  promise.catch(drop);
  return promise;
}
