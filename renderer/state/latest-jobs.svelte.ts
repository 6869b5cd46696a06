import type { Job } from '../../main/contract/jobs.ts';
import type { Connection } from '../app/connection.ts';

const OVER: readonly Job['state'][] = ['done', 'cancelled'];

/** Of one kind, the latest job for each subject, while it runs or could go on: whichever window began it. */
export class LatestJobs {
  #bySubject = $state.raw<ReadonlyMap<string, Job>>(new Map());
  readonly #connection: Connection;
  readonly #kind: string;
  readonly #onChange: (job: Job) => void;

  constructor(connection: Connection, kind: string, onChange: (job: Job) => void = () => {}) {
    this.#connection = connection;
    this.#kind = kind;
    this.#onChange = onChange;
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

  async act(action: 'pause' | 'resume' | 'cancel', { id }: Job): Promise<void> {
    this.put(await this.#connection.call((client) => client.jobs[action]({ id })));
  }

  #isKnown({ id, subject }: Job): boolean {
    return subject !== null && this.of(subject)?.id === id;
  }

  put(job: Job): void {
    if (job.kind !== this.#kind || job.subject === null) return;
    // A new try takes the place of one that failed.
    if ((this.of(job.subject)?.createdMs ?? 0) > job.createdMs) return;
    const jobs = new Map(this.#bySubject);
    if (OVER.includes(job.state)) jobs.delete(job.subject);
    else jobs.set(job.subject, job);
    this.#bySubject = jobs;
    this.#onChange(job);
  }
}
