import type { LonghandClient } from '../../main/contract/index.ts';
import type { Job } from '../../main/contract/jobs.ts';
import type { Connection } from '../app/connection.ts';

const OVER: readonly Job['state'][] = ['done', 'cancelled'];

/** Of some kinds, the latest job for each subject, while it runs or could go on: whichever window began it. */
export class LatestJobs {
  #bySubject = $state.raw<ReadonlyMap<string, Job>>(new Map());
  readonly #connection: Connection;
  readonly #kinds: readonly string[];
  readonly #onChange: (job: Job) => void;

  /** Jobs of different kinds are told apart by their subjects. */
  constructor(connection: Connection, kinds: readonly string[], onChange: (job: Job) => void = () => {}) {
    this.#connection = connection;
    this.#kinds = kinds;
    this.#onChange = onChange;
  }

  get all(): Job[] {
    return [...this.#bySubject.values()];
  }

  of(subject: string): Job | null {
    return this.#bySubject.get(subject) ?? null;
  }

  watch(signal: AbortSignal): Promise<void> {
    return this.#connection.follow(
      async (client, options) => {
        const changes = await client.jobs.watch({}, options);
        // A watch begins with what is unfinished: what ended while nobody listened is known from the list alone.
        if (this.#bySubject.size > 0) for (const job of await client.jobs.list()) if (this.#isKnown(job)) this.put(job);
        return changes;
      },
      (job) => this.put(job),
      signal,
    );
  }

  /** Asks for work, which may be under way already. */
  async begin(ask: (client: LonghandClient) => Promise<Job>): Promise<void> {
    this.put(await this.#connection.call(ask));
  }

  async act(action: 'pause' | 'resume' | 'cancel', { id }: Job): Promise<void> {
    this.put(await this.#connection.call((client) => client.jobs[action]({ id })));
  }

  #isKnown({ id, subject }: Job): boolean {
    return subject !== null && this.of(subject)?.id === id;
  }

  put(job: Job): void {
    if (!this.#kinds.includes(job.kind) || job.subject === null) return;
    // A new try takes the place of one that failed.
    if ((this.of(job.subject)?.createdMs ?? 0) > job.createdMs) return;
    const jobs = new Map(this.#bySubject);
    if (OVER.includes(job.state)) jobs.delete(job.subject);
    else jobs.set(job.subject, job);
    this.#bySubject = jobs;
    this.#onChange(job);
  }
}
