import type { EmbedderStatus } from '../../main/contract/documents.ts';
import type { Job } from '../../main/contract/jobs.ts';
import type { Connection } from '../app/connection.ts';
import { LatestJobs } from './latest-jobs.svelte.ts';

/** What finds passages by their meaning: the model that does, or how to get one. */
export class Meaning {
  status = $state.raw<EmbedderStatus | null>(null);
  /** The best of those that can be fetched; null where one is here, or none is offered. */
  readonly offered = $derived(this.status?.model === null ? (this.status.offered[0] ?? null) : null);
  readonly #jobs: LatestJobs;
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#jobs = new LatestJobs(connection, ['embedder'], ({ state }) => {
      if (state === 'done') void this.load().catch(() => {}); // a line that is down is said elsewhere
    });
  }

  /** The fetching of the offered model, while it runs or could go on. */
  get job(): Job | null {
    return this.offered === null ? null : this.#jobs.of(this.offered.name);
  }

  watch(signal: AbortSignal): Promise<void> {
    return this.#jobs.watch(signal);
  }

  load = async (): Promise<void> => {
    this.status = await this.#connection.call((client) => client.documents.embedder());
  };

  /** Fetches the offered model, over the network. */
  install = async (): Promise<void> => {
    const { offered } = this;
    if (offered === null) return;
    await this.#jobs.begin((client) => client.documents.installEmbedder({ name: offered.name }));
  };

  act = (action: 'pause' | 'resume' | 'cancel', job: Job) => this.#jobs.act(action, job);
}
