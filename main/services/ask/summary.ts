import { z } from 'zod';
import type { Sampling } from '../../contract/engine.ts';
import { sampling as samplingSchema } from '../../contract/engine.ts';
import { LonghandError } from '../../contract/errors.ts';
import type { Job } from '../../contract/jobs.ts';
import { isEngineLoss, type Engine } from '../../engine/client.ts';
import { PROBE } from '../chat/scales.ts';
import type { ConversationWatch } from '../chat/watch.ts';
import { defineJob, type JobContext } from '../jobs/job-kind.ts';
import type { Jobs } from '../jobs/jobs.ts';
import { answersInstead } from '../models/answers-instead.ts';
import type { AnsweringModel, Models } from '../models/models.ts';
import type { Store } from '../store/open.ts';
import type { Ask } from './ask.ts';
import { cite, type Passage } from './cite.ts';
import { languageOf, type QuestionLanguage } from './instruction.ts';
import { sentencesOf } from './sentences.ts';

export const SUMMARY = 'summary';

/** Tokens of a section that is summed up at once, of the context at most half; and of what is said of it. */
const SECTION_TOKENS = 2000;
const NOTE_TOKENS = 250;
const SUMMARY_TOKENS = 1000;
/** Tokens that instruction and template take, at most. */
const AROUND_TOKENS = 150;
/** Texts that are counted in one call. */
const AT_ONCE = 500;
const MOST_LOSSES = 2;
const LOOP_TIMES = 3;
const SENTENCE_END = /[.!?。！？\n]/;

const WORDS = {
  en: {
    section:
      'Sum up this section in two to five sentences. Keep names, numbers and dates as they stand. Say nothing that is not in it.',
    notes:
      'These are notes on the sections of one document, in their order. Write one summary of the document from them: a paragraph about the whole, then its main points as a list. Keep names, numbers and dates as they stand. Say nothing that is not in the notes.',
    request: 'Sum up the document.',
  },
  zh: {
    section: '用两到五句话概括这一节。人名、数字和日期保持原样，不要添加文中没有的内容。',
    notes:
      '以下是同一份文件各节的笔记，按顺序排列。请据此写出整份文件的摘要：先用一段话概括全文，再用列表列出要点。人名、数字和日期保持原样，不要添加笔记中没有的内容。',
    request: '概括这份文件。',
  },
} as const satisfies Record<QuestionLanguage, unknown>;

type Params = { documentId: string; model: string };
/** Notes of each round so far: those of the sections, then those of groups of notes. Of sections of another size they are worth nothing. */
type Rounds = { limit: number; rounds: string[][] };
/** In the checkpoint of a summary that is there: the job only has to end. */
type Kept = { conversationId: string; sections: number };

export type SummariesOptions = {
  store: Store;
  engine: Pick<Engine, 'generate' | 'countEach'>;
  models: Pick<Models, 'current' | 'visit'>;
  jobs: Jobs;
  ask: Pick<Ask, 'paragraphsOf'>;
  watch: Pick<ConversationWatch, 'changed'>;
};

/**
 * Sums up documents that are too long to be read at once: each section by itself, then the notes on them, until one summary is left.
 * It becomes the beginning of a conversation about the document, each of its statements held against the document's own words.
 */
export class Summaries {
  readonly #options: SummariesOptions;

  constructor(options: SummariesOptions) {
    this.#options = options;
    options.jobs.register(
      defineJob<Params>({
        kind: SUMMARY,
        params: z.object({ documentId: z.string(), model: z.string() }),
        title: () => 'Sum up a document',
        subject: ({ documentId }) => documentId,
        resumable: true,
        run: (context) => this.#run(context),
      }),
    );
  }

  /**
   * Begins to sum up a document with the model that answers, or goes on with the job that does.
   * @throws LonghandError `not-found` | `no-model` | `document-not-ready`
   */
  start(documentId: string): Job {
    const { store, jobs, models } = this.#options;
    const { name, state } = store.documents.known(documentId);
    if (state !== 'parsed') throw new LonghandError('document-not-ready', `Not read yet: ${name}.`, { names: [name] });
    const model = models.current();
    if (model === null) throw new LonghandError('no-model', 'The model is not loaded yet.');
    const params: Params = { documentId, model: model.name };
    const known = jobs
      .unfinished()
      .find((job) => job.kind === SUMMARY && job.params.documentId === documentId && job.params.model === model.name);
    return known === undefined ? jobs.start(SUMMARY, params) : jobs.resume(known.id);
  }

  /** Gives up what is being made of a document. */
  async stop(documentId: string): Promise<void> {
    const { jobs } = this.#options;
    const mine = jobs.unfinished().filter(({ kind, params }) => kind === SUMMARY && params.documentId === documentId);
    await Promise.all(mine.map(({ id }) => jobs.cancel(id)));
  }

  async #run(context: JobContext<Params>): Promise<Record<string, unknown>> {
    const { store, models, ask, watch } = this.#options;
    const { params, signal } = context;
    const kept = context.checkpoint as Partial<Kept> | null;
    if (kept?.conversationId !== undefined) return { ...kept };
    const { name } = store.documents.known(params.documentId);
    const passages = ask.paragraphsOf(params.documentId);
    const language = languageOf(
      passages
        .map(({ text }) => text)
        .join(' ')
        .slice(0, 20_000),
    );
    const { model } = await models.visit(signal);
    const { text, sections } = await this.#reduce(context, passages, { language, model });
    const citations = await cite(text, passages, signal);
    const documents = [{ id: params.documentId, name }];
    const sources = { way: 'whole' as const, documents, passages: [], firstMark: 1, citations };
    const conversation = store.durably(() => {
      const { id } = store.conversations.create({ title: name, titleSource: 'auto' });
      store.attachments.set(id, [params.documentId], null);
      const request = { conversationId: id, parentId: null, role: 'user' as const, text: WORDS[language].request };
      const { id: parentId } = store.messages.insert(request);
      const answer = { conversationId: id, parentId, role: 'assistant' as const, text, model: model.name, sources };
      context.saveCheckpoint({ conversationId: id, sections } satisfies Kept); // and keeps no words any more
      return store.conversations.setLeaf(id, store.messages.insert(answer).id);
    });
    watch.changed(conversation);
    return { conversationId: conversation.id, sections };
  }

  async #reduce(
    context: JobContext<Params>,
    passages: readonly Passage[],
    { language, model }: { language: QuestionLanguage; model: AnsweringModel },
  ): Promise<{ text: string; sections: number }> {
    const limit = Math.min(SECTION_TOKENS, Math.floor(model.contextTokens / 2)) - AROUND_TOKENS;
    if (limit < 3 * NOTE_TOKENS) {
      const details = { promptTokens: 2 * (3 * NOTE_TOKENS + AROUND_TOKENS), contextTokens: model.contextTokens };
      throw new LonghandError('context-length-exceeded', 'The context is too short to sum up a document.', details);
    }
    const before = context.checkpoint as Rounds | null;
    const rounds: string[][] = before?.limit === limit ? before.rounds : [];
    const words = WORDS[language];
    let texts = passages.map(({ text }) => text);
    let sections = 0;
    for (let round = 0; ; round++) {
      const groups = await this.#pack(texts, limit);
      if (round === 0) sections = groups.length;
      const isLast = groups.length === 1;
      const notes = (rounds[round] ??= []);
      const instruction = round === 0 && !isLast ? words.section : words.notes;
      // The rounds to come have a group for every few notes of this one.
      const total = Math.ceil(groups.length * (1 + (2 * NOTE_TOKENS) / limit));
      while (notes.length < groups.length) {
        context.progress({ stage: 'summarise', done: notes.length, total: isLast ? 1 : total, unit: 'sections' });
        const prompt = `${groups[notes.length]!.join('\n\n')}\n\n${instruction}`;
        notes.push(await this.#say(context, prompt, isLast ? SUMMARY_TOKENS : NOTE_TOKENS));
        context.saveCheckpoint({ limit, rounds });
      }
      if (isLast) return { text: notes[0]!, sections };
      texts = notes;
    }
  }

  /** Texts in their order, put together up to `limit` tokens; one that is longer alone is cut between its sentences. */
  async #pack(texts: readonly string[], limit: number): Promise<string[][]> {
    const { engine } = this.#options;
    const groups: string[][] = [[]];
    let tokens = 0;
    // Each is counted as a message of its own, which takes words of the template besides.
    const around = (await engine.countEach([PROBE]))[0]! - 1;
    for (let at = 0; at < texts.length; at += AT_ONCE) {
      const some = texts.slice(at, at + AT_ONCE);
      const counts = (await engine.countEach(some)).map((count) => count - around);
      for (const [index, text] of some.entries()) {
        const pieces = counts[index]! > limit ? cutInto(text, Math.ceil((2 * counts[index]!) / limit)) : [text];
        for (const piece of pieces) {
          const size = Math.ceil(counts[index]! / pieces.length);
          if (tokens + size > limit && groups.at(-1)!.length > 0) {
            groups.push([]);
            tokens = 0;
          }
          groups.at(-1)!.push(piece);
          tokens += size;
        }
      }
    }
    return groups;
  }

  /** What the model says, in the background. An engine that dies is asked again when it is back. */
  async #say({ params, signal }: JobContext<Params>, content: string, maxTokens: number): Promise<string> {
    const { engine, models } = this.#options;
    for (let losses = 0; ;) {
      const { model, left } = await models.visit(signal);
      if (model.name !== params.model) throw answersInstead(model.name, params.model);
      const prompt = { messages: [{ role: 'user' as const, content }], continueFinal: false };
      const input = { prompt, sampling: { ...GREEDY, maxTokens }, priority: 'background' as const };
      const stop = AbortSignal.any([signal, left]);
      let text = '';
      try {
        for await (const event of engine.generate(input, { signal: stop })) {
          if (event.type !== 'token') continue;
          text += event.text;
          if (SENTENCE_END.test(event.text) && isLooping(text)) break;
        }
        stop.throwIfAborted();
        return withoutRepeats(text).trim();
      } catch (error) {
        signal.throwIfAborted();
        if (!left.aborted && !(isEngineLoss(error) && ++losses <= MOST_LOSSES)) throw error;
      }
    }
  }
}

const GREEDY: Sampling = samplingSchema.parse({ temperature: 0, repetitionPenalty: 1.1, seed: 0 });

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

/** About equal pieces that end with sentences. */
function cutInto(text: string, pieces: number): string[] {
  const size = Math.ceil(text.length / pieces);
  const cut: string[] = [];
  let from = 0;
  for (const { end } of sentencesOf(text)) {
    if (end - from < size) continue;
    cut.push(text.slice(from, end));
    from = end;
  }
  const rest = text.slice(from).trim();
  // What has no sentences is cut anywhere.
  return (rest === '' ? cut : [...cut, rest]).flatMap((piece) =>
    piece.length <= 2 * size ? [piece] : (piece.match(new RegExp(`[^]{1,${size}}`, 'gu')) ?? []),
  );
}
