import type { Job } from '../../main/contract/jobs.ts';
import type { Connection } from '../app/connection.ts';

/** As the engine's caches and the jobs that fill them name a conversation. */
const ownerOf = (conversationId: string) => `conversation:${conversationId}`;

const OVER: readonly Job['state'][] = ['done', 'cancelled'];

/** Conversations that are read in the background, before anybody asks. */
export class Readings {
  #jobs = $state.raw<readonly Job[]>([]);
  readonly #connection: Connection;
  readonly #onChange: (conversationId: string) => void;

  /** @param onChange called when some of a conversation was read, and that stops */
  constructor(connection: Connection, onChange: (conversationId: string) => void) {
    this.#connection = connection;
    this.#onChange = onChange;
  }

  /** What is read of a conversation, or could go on; null: nothing. */
  of(conversationId: string | null): Job | null {
    if (conversationId === null) return null;
    return this.#jobs.find(({ subject }) => subject === ownerOf(conversationId)) ?? null;
  }

  watch(signal: AbortSignal): Promise<void> {
    return this.#connection.follow(
      (client, options) => client.jobs.watch({}, options),
      (job) => this.#put(job),
      signal,
    );
  }

  start = async (conversationId: string) => {
    this.#put(await this.#connection.call((client) => client.chat.prefill({ id: conversationId })));
  };

  act = async (action: 'pause' | 'resume' | 'cancel', { id }: Job) => {
    this.#put(await this.#connection.call((client) => client.jobs[action]({ id })));
  };

  #put(job: Job): void {
    if (job.kind !== 'prefill') return;
    // A new try takes the place of one that failed.
    if (this.#jobs.some(({ subject, createdMs }) => subject === job.subject && createdMs > job.createdMs)) return;
    const others = this.#jobs.filter(({ subject }) => subject !== job.subject);
    this.#jobs = OVER.includes(job.state) ? others : [job, ...others];
    if (job.state !== 'running' && job.state !== 'queued') this.#onChange(job.subject?.replace(/^[^:]*:/, '') ?? '');
  }
}
