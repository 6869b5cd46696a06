import type { Job } from '../../main/contract/jobs.ts';
import type { ContextChoices, ContextOptions, Verification } from '../../main/contract/models.ts';
import type { Connection } from '../app/connection.ts';
import type { Model } from './model.svelte.ts';

const OVER: readonly Job['state'][] = ['done', 'cancelled'];

/** How long a context the model in use reads, in which form it is kept, and what the self-test found of it. */
export class ModelContext {
  choices = $state.raw<ContextChoices | null>(null);
  verification = $state.raw<Verification | null>(null);
  /** The self-test of the model in use that runs or could go on. */
  readonly job = $derived.by(() => (this.#model.name === null ? null : (this.#jobs.get(this.#model.name) ?? null)));
  /** By the model's name. */
  #jobs = $state.raw<ReadonlyMap<string, Job>>(new Map());
  readonly #connection: Connection;
  readonly #model: Model;

  constructor(connection: Connection, model: Model) {
    this.#connection = connection;
    this.#model = model;
  }

  /** Follows the self-tests, whoever began them. */
  watch(signal: AbortSignal): Promise<void> {
    return this.#connection.follow(
      (client, options) => client.jobs.watch({}, options),
      (job) => {
        if (job.kind === 'verify') this.#put(job);
      },
      signal,
    );
  }

  async load(name: string): Promise<void> {
    const [verification, choices, jobs] = await Promise.all([
      this.#connection.call((client) => client.models.verification({ name })),
      this.#connection.call((client) => client.models.contexts({ name })),
      this.#connection.call((client) => client.jobs.list()),
    ]);
    this.verification = verification;
    this.choices = choices;
    // A test that failed goes on where it was, but is none of those that are followed from the start.
    const latest = jobs.find(({ kind, subject }) => kind === 'verify' && subject === name);
    if (latest !== undefined) this.#put(latest);
  }

  async change(name: string, changes: Partial<ContextOptions>): Promise<void> {
    await this.#connection.call((client) => client.models.setContext({ name, ...changes }));
    await this.load(name);
  }

  async test(name: string): Promise<void> {
    this.#put(await this.#connection.call((client) => client.models.verify({ name })));
  }

  async act(action: 'pause' | 'resume' | 'cancel'): Promise<void> {
    const { job } = this;
    if (job !== null) this.#put(await this.#connection.call((client) => client.jobs[action]({ id: job.id })));
  }

  #put(job: Job): void {
    if (job.subject === null) return;
    const jobs = new Map(this.#jobs);
    if (OVER.includes(job.state)) jobs.delete(job.subject);
    else jobs.set(job.subject, job);
    this.#jobs = jobs;
  }
}
