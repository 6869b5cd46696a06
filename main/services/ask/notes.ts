import { createHash } from 'node:crypto';
import type { Progress } from '../../contract/common.ts';
import type { Sampling } from '../../contract/engine.ts';
import { sampling as samplingSchema } from '../../contract/engine.ts';
import { LonghandError } from '../../contract/errors.ts';
import type { Engine } from '../../engine/client.ts';
import { visiting, type Visiting } from '../models/visiting.ts';
import { packInto } from './sections.ts';
import { sentencesOf } from './sentences.ts';

/** Tokens of a section that is read at once, of the context at most half; and of what is said of it. */
const SECTION_TOKENS = 2000;
export const NOTE_TOKENS = 250;
/** Tokens that instruction and template take, at most. */
const AROUND_TOKENS = 150;
const LOOP_TIMES = 3;
const SENTENCE_END = /[.!?。！？\n]/;
const GREEDY: Sampling = samplingSchema.parse({ temperature: 0, repetitionPenalty: 1.1, seed: 0 });

export type NoteTakerOptions = {
  engine: Pick<Engine, 'generate' | 'countEach'>;
  visit: Visiting;
  contextTokens: number;
  /** What the model said before, by what it was asked. */
  known: Readonly<Record<string, string>>;
  /** Keeps what it has said by now. */
  keep(notes: Record<string, string>): void;
  progress(progress: Pick<Progress, 'done' | 'total'>): void;
};

/**
 * Asks the model about texts, one after the other and in the background. What it has said is known by the words that it was
 * asked, so that work which is run again comes to where it was without asking anything twice.
 */
export class NoteTaker {
  /** Tokens of the texts that can be shown at once. */
  readonly limit: number;
  readonly #options: NoteTakerOptions;
  readonly #notes: Record<string, string>;
  #done = 0;
  #total = 0;

  /** @throws LonghandError `context-length-exceeded` where the context is too short for notes */
  constructor(options: NoteTakerOptions) {
    this.#options = options;
    this.#notes = { ...options.known };
    const { contextTokens } = options;
    this.limit = Math.min(SECTION_TOKENS, Math.floor(contextTokens / 2)) - AROUND_TOKENS;
    if (this.limit >= 3 * NOTE_TOKENS) return;
    const details = { promptTokens: 2 * (3 * NOTE_TOKENS + AROUND_TOKENS), contextTokens };
    throw new LonghandError('context-length-exceeded', 'The context is too short for sections of a document.', details);
  }

  /** So many more answers are still to come, as far as can be told. */
  expect(more: number): void {
    this.#total = this.#done + more;
    this.#tell();
  }

  /** What the model says of texts. @throws as `visiting` does */
  async say(texts: readonly string[], instruction: string, maxTokens = NOTE_TOKENS): Promise<string> {
    const content = [...texts, instruction].join('\n\n');
    const key = createHash('sha256').update(`${maxTokens} ${content}`).digest('base64url');
    this.#tell();
    const said = (this.#notes[key] ??= await this.#ask(content, maxTokens));
    this.#done++;
    this.#options.keep(this.#notes);
    return said;
  }

  /**
   * Texts as they are where they fit `limit` tokens together; else notes on their sections, and notes on those, until they do.
   * @param then how many answers are to come afterwards
   */
  async condense(
    texts: readonly string[],
    instructions: { section: string; notes: string },
    { limit = this.limit, then = 1 } = {},
  ): Promise<{ texts: string[]; sections: number }> {
    let sections = 0;
    const noteTokens = Math.min(NOTE_TOKENS, Math.floor(limit / 3)); // or notes on notes might not get shorter
    for (let round = 0; ; round++) {
      const groups = await packInto(limit, texts, this.#options.engine);
      if (round === 0) sections = groups.length;
      if (groups.length === 1) {
        this.expect(then);
        return { texts: groups[0]!, sections };
      }
      // The rounds to come have a group for every few notes of this one.
      this.expect(Math.ceil(groups.length * (1 + (2 * noteTokens) / limit)) + then - 1);
      const notes: string[] = [];
      for (const group of groups) {
        notes.push(await this.say(group, round === 0 ? instructions.section : instructions.notes, noteTokens));
      }
      texts = notes;
    }
  }

  #tell(): void {
    this.#options.progress({ done: this.#done, total: Math.max(this.#total, this.#done + 1) });
  }

  #ask(content: string, maxTokens: number): Promise<string> {
    const { engine, visit } = this.#options;
    const prompt = { messages: [{ role: 'user' as const, content }], continueFinal: false };
    const input = { prompt, sampling: { ...GREEDY, maxTokens }, priority: 'background' as const };
    return visiting(visit, async ({ stop }) => {
      let text = '';
      for await (const event of engine.generate(input, { signal: stop })) {
        if (event.type !== 'token') continue;
        text += event.text;
        if (SENTENCE_END.test(event.text) && isLooping(text)) break;
      }
      return withoutRepeats(text).trim();
    });
  }
}

/** Small models may say one sentence for ever: whether the last one was said before as often as that. */
function isLooping(text: string): boolean {
  const sentences = sentencesOf(text).map(({ start, end }) => text.slice(start, end));
  return sentences.filter((sentence) => sentence === sentences.at(-1)).length >= LOOP_TIMES;
}

/** What was said before is left out. */
function withoutRepeats(text: string): string {
  const said = new Set<string>();
  let kept = '';
  let from = 0;
  for (const { start, end } of sentencesOf(text)) {
    const sentence = text.slice(start, end);
    if (!said.has(sentence)) kept += text.slice(from, end);
    said.add(sentence);
    from = end;
  }
  return kept;
}
