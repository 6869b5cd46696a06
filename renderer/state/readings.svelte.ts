import type { Job } from '../../main/contract/jobs.ts';
import { conversationOwner } from '../../main/contract/owner.ts';
import type { Connection } from '../app/connection.ts';
import { LatestJobs } from './latest-jobs.svelte.ts';

/** Conversations that are read in the background, before anybody asks. */
export class Readings {
  readonly #jobs: LatestJobs;
  readonly #connection: Connection;

  /** @param onChange called when some of a conversation was read, and that stops */
  constructor(connection: Connection, onChange: (conversationId: string) => void) {
    this.#connection = connection;
    this.#jobs = new LatestJobs(connection, 'prefill', ({ state, subject }) => {
      if (state !== 'running' && state !== 'queued') onChange(conversationOwner.idOf(subject ?? '') ?? '');
    });
  }

  /** What is read of a conversation, or could go on; null: nothing. */
  of(conversationId: string | null): Job | null {
    return conversationId === null ? null : this.#jobs.of(conversationOwner.of(conversationId));
  }

  watch(signal: AbortSignal): Promise<void> {
    return this.#jobs.watch(signal);
  }

  start = async (conversationId: string) => {
    this.#jobs.put(await this.#connection.call((client) => client.chat.prefill({ id: conversationId })));
  };

  act = (action: 'pause' | 'resume' | 'cancel', job: Job) => this.#jobs.act(action, job);
}
