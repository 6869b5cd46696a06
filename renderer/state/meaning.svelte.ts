import type { EmbedderStatus } from '../../main/contract/documents.ts';
import type { Job } from '../../main/contract/jobs.ts';
import type { Connection } from '../app/connection.ts';
import type { FileDoor } from '../app/files.ts';
import { embedderAmong } from './embedder-files.ts';
import { LatestJobs } from './latest-jobs.svelte.ts';

/** What finds passages by their meaning: the model that does, others that are here, and the ways to get one. */
export class Meaning {
  status = $state.raw<EmbedderStatus | null>(null);
  /** A model of the user's is on its way, or being tried. */
  importing = $state(false);
  readonly jobs: LatestJobs;
  readonly #connection: Connection;
  readonly #files: FileDoor;

  constructor(connection: Connection, files: FileDoor) {
    this.#connection = connection;
    this.#files = files;
    this.jobs = new LatestJobs(connection, ['embedder'], ({ state }) => {
      if (state === 'done') void this.load().catch(() => {}); // a line that is down is said elsewhere
    });
  }

  /** Whether the shell has a dialog of its own for choosing a model. */
  get hasDialog(): boolean {
    return this.#files.choose !== null;
  }

  /** The fetching of a model, while it runs or could go on. */
  job = (name: string): Job | null => this.jobs.of(name);

  watch(signal: AbortSignal): Promise<void> {
    return this.jobs.watch(signal);
  }

  load = async (): Promise<void> => {
    this.status = await this.#connection.call((client) => client.documents.embedder());
  };

  /** Fetches one that is offered, over the network, and uses it. */
  install = (name: string): Promise<void> => this.jobs.begin((client) => client.documents.installEmbedder({ name }));

  /** Uses another one that is here; passages are indexed anew in the background. */
  use = async (name: string): Promise<void> => {
    this.status = await this.#connection.call((client) => client.documents.useEmbedder({ name }));
  };

  /** Opens the shell's dialog, and uses the model that is chosen. */
  choose = async (): Promise<void> => {
    const paths = (await this.#files.choose?.()) ?? [];
    const path = paths.find((one) => one.endsWith('.onnx')) ?? paths[0];
    if (path !== undefined) await this.#import(() => Promise.resolve({ path }));
  };

  /** Uses the model in a folder that was chosen in a browser. @throws LonghandError `model-damaged`, or why it did not arrive */
  importFolder = async (chosen: readonly File[]): Promise<void> => {
    const { name, files } = embedderAmong(chosen);
    await this.#import(async () => {
      const group = crypto.randomUUID();
      const { signal } = new AbortController();
      const paths: string[] = [];
      for (const file of files) paths.push(await this.#files.pathOf(file, { signal, group, onProgress() {} }));
      return { path: paths[0]!, name };
    });
  };

  async #import(find: () => Promise<{ path: string; name?: string }>): Promise<void> {
    this.importing = true;
    try {
      const found = await find();
      this.status = await this.#connection.call((client) => client.documents.importEmbedder(found));
    } finally {
      this.importing = false;
    }
  }
}
