import { isDear } from '../../main/contract/dear.ts';
import type { DocumentInfo, DocumentPrice } from '../../main/contract/documents.ts';
import type { Connection } from '../app/connection.ts';
import type { LatestJobs } from './latest-jobs.svelte.ts';

/** Reading a document for the model before anybody asks about it, with a yes to what takes long, or much memory. */
export class ReadAhead {
  /** What is to be read, and what that takes (null: that can't be told), while an answer is waited for. */
  asked = $state.raw<{ document: DocumentInfo; price: DocumentPrice | null } | null>(null);
  readonly #connection: Connection;
  readonly #jobs: Pick<LatestJobs, 'begin'>;

  constructor(connection: Connection, jobs: Pick<LatestJobs, 'begin'>) {
    this.#connection = connection;
    this.#jobs = jobs;
  }

  /** Counts what it takes, and reads it, or asks first. */
  ask = async (document: DocumentInfo): Promise<void> => {
    const { id } = document;
    const price = await this.#connection.call((client) => client.documents.price({ id }));
    // Also where it does not fit, which has to be said.
    if (price === null || !price.fits || isDear(price)) this.asked = { document, price };
    else await this.#read(id);
  };

  agree = async (): Promise<void> => {
    const { asked } = this;
    this.asked = null;
    if (asked !== null && asked.price?.fits !== false) await this.#read(asked.document.id);
  };

  decline = () => (this.asked = null);

  #read = (id: string): Promise<void> => this.#jobs.begin((client) => client.documents.read({ id }));
}
