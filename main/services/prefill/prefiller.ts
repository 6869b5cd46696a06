import { z } from 'zod';
import type { Prompt } from '../../contract/engine.ts';
import { LonghandError } from '../../contract/errors.ts';
import type { Job } from '../../contract/jobs.ts';
import type { Engine } from '../../engine/client.ts';
import { defineJob, type JobContext } from '../jobs/job-kind.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { AnsweringModel, Models } from '../models/models.ts';
import { visiting } from '../models/visiting.ts';

/** What can be read before anybody asks about it: one for each sort of owner (`conversation:ID`). */
export type PrefillSource = {
  /** What it is, with its article: no words of the user's, which would stay with the job when they are destroyed. */
  noun: string;
  /** @throws LonghandError `not-found` */
  check(id: string): void;
  /** All that is read of it. @throws LonghandError `not-found` */
  prompt(id: string, model: AnsweringModel): Promise<Prompt>;
  /** Some of it was read: what is known of costs is no longer true. */
  changed(id: string): void;
};

export type PrefillerOptions = {
  engine: Pick<Engine, 'prefill'>;
  models: Pick<Models, 'current' | 'visit'>;
  jobs: Jobs;
  /** By the part of an owner's key before its colon. */
  sources: Readonly<Record<string, PrefillSource>>;
};

type Params = { owner: string; model: string };

/**
 * Reads long prompts while nobody waits for an answer. What was read is kept, in memory and on the disk, so a job that was
 * paused, or died with the engine or the app, goes on where it was.
 */
export class Prefiller {
  readonly #options: PrefillerOptions;

  constructor(options: PrefillerOptions) {
    this.#options = options;
    options.jobs.register(
      defineJob<Params>({
        kind: 'prefill',
        params: z.object({ owner: z.string(), model: z.string() }),
        title: ({ owner }) => `Read ${this.#sourceOf(owner).source.noun}`,
        subject: ({ owner }) => owner,
        resumable: true,
        run: (context) => this.#run(context),
      }),
    );
  }

  /**
   * Begins to read what `owner` has for the model that answers, or goes on with the job that does.
   * @throws LonghandError `not-found` | `no-model` | why there is none
   */
  start(owner: string): Job {
    const { jobs, models } = this.#options;
    const { source, id } = this.#sourceOf(owner);
    source.check(id);
    const model = models.current();
    if (model === null) throw new LonghandError('no-model', 'The model is not loaded yet.');
    const [known] = this.#unfinished(owner).filter(({ params }) => params.model === model.name);
    return known === undefined ? jobs.start('prefill', { owner, model: model.name }) : jobs.resume(known.id);
  }

  /** Gives up what is being read for `owner`. */
  async stop(owner: string): Promise<void> {
    await Promise.all(this.#unfinished(owner).map(({ id }) => this.#options.jobs.cancel(id)));
  }

  #unfinished(owner: string) {
    return this.#options.jobs.unfinished().filter(({ kind, params }) => kind === 'prefill' && params.owner === owner);
  }

  async #run({ params, signal, progress }: JobContext<Params>): Promise<Record<string, unknown>> {
    const { engine, models } = this.#options;
    const { owner } = params;
    const { source, id } = this.#sourceOf(owner);
    const read = { from: null as number | null, done: 0, total: 0 };
    return visiting({ models, name: params.model, signal }, async ({ model, stop, gained }) => {
      const before = read.done;
      try {
        const prompt = await source.prompt(id, model);
        for await (const { done, total } of engine.prefill({ prompt, owner }, { signal: stop })) {
          Object.assign(read, { from: read.from ?? done, done, total });
          if (done > before) gained();
          progress({ stage: 'prefill', done, total, unit: 'tokens' });
        }
        return { promptTokens: read.total, readTokens: read.total - (read.from ?? 0) };
      } finally {
        source.changed(id);
      }
    });
  }

  #sourceOf(owner: string): { source: PrefillSource; id: string } {
    const colon = owner.indexOf(':');
    const source = this.#options.sources[owner.slice(0, colon)];
    if (source === undefined) throw new LonghandError('not-found', `Nothing is known of ${owner}.`, { id: owner });
    return { source, id: owner.slice(colon + 1) };
  }
}
