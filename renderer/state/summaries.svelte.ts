import type { Job } from '../../main/contract/jobs.ts';
import type { Connection } from '../app/connection.ts';
import { LatestJobs } from './latest-jobs.svelte.ts';

/** Documents that are being summed up, section by section. */
export class Summaries {
  readonly #jobs: LatestJobs;
  readonly #connection: Connection;

  /** @param onDone called with the conversation that begins with a summary, when it is done */
  constructor(connection: Connection, onDone: (documentId: string, conversationId: string) => void) {
    this.#connection = connection;
    this.#jobs = new LatestJobs(connection, 'summary', ({ state, subject, result }) => {
      const conversationId = result?.conversationId;
      if (state === 'done' && subject !== null && typeof conversationId === 'string') onDone(subject, conversationId);
    });
  }

  /** The work on a document, while it goes on or could. */
  of = (documentId: string): Job | null => this.#jobs.of(documentId);

  watch(signal: AbortSignal): Promise<void> {
    return this.#jobs.watch(signal);
  }

  start = async (documentId: string) => {
    this.#jobs.put(await this.#connection.call((client) => client.documents.summarise({ id: documentId })));
  };

  act = (action: 'pause' | 'resume' | 'cancel', job: Job) => this.#jobs.act(action, job);
}
