import { z } from 'zod';
import type { Prompt } from '../../../contract/engine.ts';
import { LonghandError } from '../../../contract/errors.ts';
import type { Job } from '../../../contract/jobs.ts';
import type { Verification } from '../../../contract/models.ts';
import type { Engine } from '../../../engine/client.ts';
import { defineJob, type JobContext } from '../../jobs/job-kind.ts';
import { isActive, type Jobs } from '../../jobs/jobs.ts';
import type { Store } from '../../store/open.ts';
import type { Models } from '../models.ts';
import { conditionsOf, verifiedTokens } from './conditions.ts';
import { depths, isRight, lengthsTo, makeProbe, SAMPLES, taskNames, type TaskName } from './tasks.ts';

const ANSWER_TOKENS = 24;
/** A text may be shorter than its length by this share: sentences are not cut. */
const SLACK = 0.05;
const MOST_FITTINGS = 4;

export type VerifierOptions = {
  store: Store;
  engine: Pick<Engine, 'generate' | 'count'>;
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
      return { name, cells: [], verifiedTokens: null, isStale: store.verifications.hasStale(name, '{}') };
    const conditions = conditionsOf(model, loaded);
    const cells = store.verifications.list(conditions);
    const isStale = cells.length === 0 && store.verifications.hasStale(name, conditions);
    return { name, cells, verifiedTokens: verifiedTokens(cells), isStale };
  }

  /** Each cell is kept as soon as it is known; a run that goes on leaves out what is there. */
  async #run({ params: { name, to }, signal, progress }: JobContext<Params>): Promise<Record<string, unknown>> {
    const { store, models } = this.#options;
    const begun = await this.#acquire(name, signal);
    const { conditions, contextTokens } = begun;
    begun.release();
    const plans = lengthsTo(Math.min(to ?? contextTokens, contextTokens)).flatMap((tokens) =>
      taskNames.flatMap((task) => depths.map((depth): Plan => ({ task, tokens, depth }))),
    );
    const known = store.verifications.list(conditions);
    const isKnown = (plan: Plan) => known.some((cell) => isSame(cell, plan));
    // Longer texts take longer: what is counted are tokens to read.
    const total = plans.reduce((sum, { tokens }) => sum + tokens * SAMPLES, 0);
    let done = 0;
    const fittings = new Map<number, number>();
    for (const plan of plans) {
      for (let sample = 0; sample < SAMPLES && isKnown(plan); sample++) done += plan.tokens;
      if (isKnown(plan)) continue;
      let found = 0;
      for (let sample = 0; sample < SAMPLES; sample++) {
        signal.throwIfAborted();
        progress({ stage: 'verify', done, total, unit: 'tokens' });
        if (await this.#isFound(name, conditions, plan, { sample, fittings, signal })) found++;
        done += plan.tokens;
      }
      store.verifications.put(name, conditions, { ...plan, found, asked: SAMPLES });
      models.verified();
    }
    progress({ stage: 'verify', done, total, unit: 'tokens' });
    return { name, verifiedTokens: verifiedTokens(store.verifications.list(conditions)) };
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
      if (lease.conditions !== conditions)
        throw new LonghandError('cancelled', `${name} was loaded otherwise than the test began with. Start it again.`);
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
    throw new LonghandError(
      'model-in-use',
      `${model.name} answers just now. Choose ${name}, then go on with its test.`,
      { name: model.name, wanted: name },
    );
  }
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
