import type { Job } from '../../main/contract/jobs.ts';
import type { ContextChoices, ContextOptions, Verification } from '../../main/contract/models.ts';
import type { Connection } from '../app/connection.ts';

const ACTIVE: Job['state'][] = ['queued', 'running', 'paused', 'interrupted', 'failed'];

/** How long a context the model in use reads, in which form it is kept, and what the self-test found of it. */
export class ModelContext {
  choices = $state.raw<ContextChoices | null>(null);
  verification = $state.raw<Verification | null>(null);
  /** The self-test that runs or could go on. */
  job = $state.raw<Job | null>(null);
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async load(name: string): Promise<void> {
    this.verification = await this.#connection.call((client) => client.models.verification({ name }));
    const jobs = await this.#connection.call((client) => client.jobs.list());
    this.job = jobs.find(({ kind, subject }) => kind === 'verify' && subject === name) ?? null;
    if (this.job !== null && !ACTIVE.includes(this.job.state)) this.job = null;
    this.choices = await this.#connection.call((client) => client.models.contexts({ name }));
  }

  async change(name: string, changes: Partial<ContextOptions>): Promise<void> {
    await this.#connection.call((client) => client.models.setContext({ name, ...changes }));
    await this.load(name);
  }

  async test(name: string): Promise<void> {
    this.job = await this.#connection.call((client) => client.models.verify({ name }));
  }

  async act(action: 'pause' | 'resume' | 'cancel'): Promise<void> {
    const { job } = this;
    if (job === null) return;
    const changed = await this.#connection.call((client) => client.jobs[action]({ id: job.id }));
    this.job = ACTIVE.includes(changed.state) ? changed : null;
  }
}
