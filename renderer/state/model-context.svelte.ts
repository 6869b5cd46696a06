import type { ContextChoices, ContextOptions, Verification } from '../../main/contract/models.ts';
import type { Connection } from '../app/connection.ts';
import { LatestJobs } from './latest-jobs.svelte.ts';
import type { Model } from './model.svelte.ts';

/** How long a context the model in use reads, in which form it is kept, and what the self-test found of it. */
export class ModelContext {
  choices = $state.raw<ContextChoices | null>(null);
  verification = $state.raw<Verification | null>(null);
  /** The self-test of the model in use that runs or could go on. */
  readonly job = $derived.by(() => (this.#model.name === null ? null : this.#jobs.of(this.#model.name)));
  readonly #jobs: LatestJobs; // by the model's name
  readonly #connection: Connection;
  readonly #model: Model;

  constructor(connection: Connection, model: Model) {
    this.#connection = connection;
    this.#model = model;
    this.#jobs = new LatestJobs(connection, ['verify']);
  }

  /** Follows the self-tests, whoever began them. */
  watch(signal: AbortSignal): Promise<void> {
    return this.#jobs.watch(signal);
  }

  async load(name: string): Promise<void> {
    const [, choices, jobs] = await Promise.all([
      this.loadVerification(name),
      this.#connection.call((client) => client.models.contexts({ name })),
      this.#connection.call((client) => client.jobs.list()),
    ]);
    this.choices = choices;
    // A test that failed goes on where it was, but is none of those that are followed from the start.
    const latest = jobs.find(({ kind, subject }) => kind === 'verify' && subject === name);
    if (latest !== undefined) this.#jobs.put(latest);
  }

  /** Reads again what the self-test found. */
  async loadVerification(name: string): Promise<void> {
    this.verification = await this.#connection.call((client) => client.models.verification({ name }));
  }

  async change(name: string, changes: Partial<ContextOptions>): Promise<void> {
    await this.#connection.call((client) => client.models.setContext({ name, ...changes }));
    await this.load(name);
  }

  async test(name: string): Promise<void> {
    await this.#jobs.begin((client) => client.models.verify({ name }));
  }

  async act(action: 'pause' | 'resume' | 'cancel'): Promise<void> {
    const { job } = this;
    if (job !== null) await this.#jobs.act(action, job);
  }
}
