import { z } from 'zod';
import type { Prompt } from '../../../contract/engine.ts';
import { LonghandError } from '../../../contract/errors.ts';
import type { Job } from '../../../contract/jobs.ts';
import type { Surprise, Verification } from '../../../contract/models.ts';
import type { Engine } from '../../../engine/client.ts';
import { defineJob, type JobContext } from '../../jobs/job-kind.ts';
import { isActive, type Jobs } from '../../jobs/jobs.ts';
import type { Store } from '../../store/open.ts';
import { answersInstead } from '../answers-instead.ts';
import type { AnsweringModel, Models } from '../models.ts';
import { readBook, stretchOf } from './book.ts';
import { conditionsOf, verifiedTokens } from './conditions.ts';
import { depths, isOpen, isRight, lengthsTo, makeProbe, SAMPLES, taskNames, type TaskName } from './tasks.ts';

const ANSWER_TOKENS = 24;
/** A text may be shorter than its length by this share: sentences are not cut. */
const SLACK = 0.05;
const MOST_FITTINGS = 4;

export type VerifierOptions = {
  store: Store;
  engine: Pick<Engine, 'generate' | 'count' | 'score'>;
  models: Models;
  jobs: Jobs;
};

type Params = { name: string; to?: number | undefined };
type Plan = { task: TaskName; tokens: number; depth: number };

/** The self-test: what a model still finds in texts of growing length, on this machine. */
export class Verifier {
  readonly #options: VerifierOptions;

  constructor(options: VerifierOptions) {
    this.#options = options;
    options.jobs.register(
      defineJob<Params>({
        kind: 'verify',
        params: z.object({ name: z.string(), to: z.number().optional() }),
        title: ({ name }) => `Test the context of ${name}`,
        subject: ({ name }) => name,
        resumable: true,
        run: (context) => this.#run(context),
      }),
    );
  }

  /** Begins the test of an installed model, or tells of the one that runs. @throws LonghandError `model-not-found` */
  start(name: string, to?: number): Job {
    const { jobs, models } = this.#options;
    models.find(name);
    const running = jobs.unfinished().find((job) => job.kind === 'verify' && job.params.name === name && isActive(job));
    return running === undefined ? jobs.start('verify', { name, to }) : jobs.resume(running.id);
  }

  /** What was found of a model, under the conditions in which it is loaded; empty while it is not. */
  result(name: string): Verification {
    const { models, store } = this.#options;
    const model = models.find(name);
    const loaded = models.loaded;
    if (loaded === null || loaded.folder !== model.folder)
      return {
        name,
        cells: [],
        surprises: [],
        verifiedTokens: null,
        isStale: store.verifications.hasStale(name, '{}'),
      };
    const conditions = conditionsOf(model, loaded);
    const cells = store.verifications.list(conditions);
    const isStale = cells.length === 0 && store.verifications.hasStale(name, conditions);
    const surprises = store.verifications.surprises(conditions);
    return { name, cells, surprises, verifiedTokens: verifiedTokens(cells), isStale };
  }

  /** Each cell is kept as soon as it is known; a run that goes on leaves out what is there. */
  async #run({ params: { name, to }, signal, progress }: JobContext<Params>): Promise<Record<string, unknown>> {
    const { store, models } = this.#options;
    const begun = await this.#acquire(name, signal);
    const { conditions, contextTokens } = begun;
    begun.release();
    const limit = Math.min(to ?? contextTokens, contextTokens);
    const plans = lengthsTo(limit).flatMap((tokens) =>
      taskNames.flatMap((task) => depths.map((depth): Plan => ({ task, tokens, depth }))),
    );
    const known = store.verifications.list(conditions);
    // Longer texts take longer: what is counted are tokens to read.
    const count = { done: 0, total: plans.reduce((sum, { tokens }) => sum + tokens * SAMPLES, 0) };
    const tell = () => progress({ stage: 'verify', ...count, unit: 'tokens' });
    await this.#foretell(name, conditions, limit, { signal, count, tell });
    const fittings = new Map<number, number>();
    for (const plan of plans) {
      let { found, asked } = known.find((cell) => isSame(cell, plan)) ?? { found: 0, asked: 0 };
      count.done += plan.tokens * Math.min(asked, SAMPLES);
      if (!isOpen({ found, asked })) continue;
      for (; isOpen({ found, asked }); asked++) {
        signal.throwIfAborted();
        if (asked >= SAMPLES) count.total += plan.tokens;
        tell();
        if (await this.#isFound(name, conditions, plan, { sample: asked, fittings, signal })) found++;
        count.done += plan.tokens;
      }
      store.verifications.put(name, conditions, { ...plan, found, asked });
      models.verified();
    }
    tell();
    return { name, verifiedTokens: verifiedTokens(store.verifications.list(conditions)) };
  }

  /**
   * Measures how well the model foretells a book, as far as that is not known. A run that was broken off begins anew: it takes
   * no longer than a few questions.
   */
  async #foretell(
    name: string,
    conditions: string,
    maxTokens: number,
    { signal, count, tell }: { signal: AbortSignal; count: { done: number; total: number }; tell(): void },
  ): Promise<void> {
    const { store, engine, models } = this.#options;
    const { model, left } = await models.visit(signal);
    this.#check(model, name, conditions);
    const stop = AbortSignal.any([signal, left]);
    const text = await readBook();
    const known = store.verifications.surprises(conditions).reduce((sum, one) => sum + one.count, 0);
    let stretch: Surprise = { tokens: stretchOf(0), surprise: 0, count: 0 };
    const keep = () => stretch.count > 0 && store.verifications.putSurprise(name, conditions, stretch);
    let position = 0;
    for await (const { total, logProbabilities } of engine.score({ text, maxTokens }, { signal: stop })) {
      if (known >= total - 1) return;
      if (position === 0 && logProbabilities.length === 0) count.total += total - 1;
      for (const value of logProbabilities) {
        position++;
        if (stretchOf(position) !== stretch.tokens) {
          keep();
          stretch = { tokens: stretchOf(position), surprise: 0, count: 0 };
        }
        stretch.count++;
        stretch.surprise += (-value - stretch.surprise) / stretch.count; // the mean so far
      }
      count.done += logProbabilities.length;
      tell();
    }
    stop.throwIfAborted();
    keep();
    models.verified();
  }

  async #isFound(
    name: string,
    conditions: string,
    plan: Plan,
    { sample, fittings, signal }: { sample: number; fittings: Map<number, number>; signal: AbortSignal },
  ): Promise<boolean> {
    const { engine } = this.#options;
    const lease = await this.#acquire(name, signal);
    try {
      if (lease.conditions !== conditions) throw isOtherwise(name);
      const seed = seedOf(plan, sample);
      const sentences = fittings.get(plan.tokens) ?? (await this.#fit(plan, seed));
      fittings.set(plan.tokens, sentences);
      const { question, expected } = makeProbe({ ...plan, sentences, seed });
      const sampling = { ...GREEDY, maxTokens: ANSWER_TOKENS };
      let answer = '';
      const input = { prompt: asPrompt(question), sampling, priority: 'background' as const };
      for await (const event of engine.generate(input, { signal })) if (event.type === 'token') answer += event.text;
      signal.throwIfAborted();
      return isRight(answer, expected);
    } finally {
      lease.release();
    }
  }

  /** How many sentences make a prompt that, with its answer, takes at most `tokens`. */
  async #fit(plan: Plan, seed: number): Promise<number> {
    const most = plan.tokens - ANSWER_TOKENS;
    let sentences = Math.max(1, Math.floor(most / 12));
    let fits = 1;
    for (let tries = 0; tries < MOST_FITTINGS; tries++) {
      const { question } = makeProbe({ ...plan, task: 'needles', sentences, seed });
      const { promptTokens } = await this.#options.engine.count(asPrompt(question));
      if (promptTokens <= most) fits = Math.max(fits, sentences);
      if (promptTokens <= most && promptTokens >= most * (1 - SLACK)) break;
      sentences = Math.max(1, Math.floor((sentences * most * (1 - SLACK / 2)) / promptTokens));
    }
    return fits;
  }

  async #acquire(name: string, signal: AbortSignal) {
    const { models } = this.#options;
    const { model, release } = await models.acquire(signal, 'self-test');
    if (model.name === name)
      return { conditions: conditionsOf(models.find(name), model), contextTokens: model.contextTokens, release };
    release();
    throw answersInstead(model.name, name);
  }

  /** Refuses to go on with another model, or with one that is loaded otherwise. */
  #check(model: AnsweringModel, name: string, conditions: string): void {
    if (model.name !== name) throw answersInstead(model.name, name);
    if (conditionsOf(this.#options.models.find(name), model) !== conditions) throw isOtherwise(name);
  }
}

function isOtherwise(name: string): LonghandError {
  return new LonghandError('cancelled', `${name} was loaded otherwise than the test began with. Start it again.`);
}

const GREEDY = { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: 0, stop: [] };

const asPrompt = (question: string): Prompt => ({
  messages: [{ role: 'user', content: question }],
  continueFinal: false,
});

/** The same text at every depth of a length, so that what depth changes is the place alone. */
function seedOf({ task, tokens }: Plan, sample: number): number {
  return taskNames.indexOf(task) * 1_000_003 + tokens * 101 + sample;
}

const isSame = (a: Plan, b: Plan) => a.task === b.task && a.tokens === b.tokens && a.depth === b.depth;
