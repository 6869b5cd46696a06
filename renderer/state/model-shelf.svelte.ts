import type { HubModel, InstalledModel, ModelCard } from '../../main/contract/models.ts';
import { LonghandError } from '../../main/contract/errors.ts';
import type { Job } from '../../main/contract/jobs.ts';
import type { Connection } from '../app/connection.ts';
import type { FileDoor } from '../app/files.ts';
import { checkpointPaths, checkpointsAmong, folderOf, type CheckpointFiles } from './checkpoint-files.ts';

/** A file of the user's on its way to the assistant. */
export type Passing = { name: string; done: number; total: number };

/** A licence that somebody must have seen before the model of that name is fetched, and where it can be read. */
export type AskedLicense = { name: string; license: string; page: string | null };

/** The models that are here, those that can be had with their price, and the ways to get one. */
export class ModelShelf {
  installed = $state.raw<InstalledModel[]>([]);
  /** Null while they are unknown: the first call measures the machine. */
  cards = $state.raw<ModelCard[] | null>(null);
  passing = $state.raw<Passing | null>(null);
  /** What is looked for, and the cards that it finds: all of them for nothing. */
  query = $state('');
  found = $state.raw<ModelCard[] | null>(null);
  /** What the hub says of the repository that was asked for. */
  hubModel = $state.raw<HubModel | null>(null);
  asking = $state(false);
  /** Waits for the user to agree or not. */
  asked = $state.raw<AskedLicense | null>(null);
  /** Downloads that wait for the one before them, in their order. */
  queue = $state.raw<Job[]>([]);
  /** `owner/name`, or that and which of its files, where the query looks like it. */
  readonly repository = $derived(/^[\w.-]+\/[\w.-]+(:.+)?$/.test(this.query.trim()) ? this.query.trim() : null);
  /** The few to propose first, the best first; where nothing fits, the starter, which says why not. */
  readonly recommended = $derived.by(() => {
    if (this.cards === null) return null;
    const ranked = this.cards.filter(({ rank }) => rank !== null).toSorted((a, b) => (a.rank ?? 0) - (b.rank ?? 0));
    return ranked.length > 0 ? ranked : this.cards.filter(({ isStarter }) => isStarter);
  });
  readonly starter = $derived(this.cards?.find(({ isStarter }) => isStarter) ?? null);
  #stop: AbortController | null = null;
  readonly #connection: Connection;
  readonly #files: FileDoor;

  constructor(connection: Connection, files: FileDoor) {
    this.#connection = connection;
    this.#files = files;
  }

  /** Whether the shell has a dialog of its own for choosing a file. */
  get hasDialog(): boolean {
    return this.#files.choose !== null;
  }

  async load(): Promise<void> {
    this.installed = await this.#call((client) => client.models.list());
    this.cards = await this.#call((client) => client.models.cards());
    await this.#find();
    await this.loadQueue();
  }

  /** Looks for models as the query stands; the answer to an older query is dropped. */
  find = async (query: string) => {
    this.query = query;
    this.hubModel = null;
    await this.#find();
  };

  /** Asks the hub what the repository of the query holds. */
  ask = async () => {
    const { repository } = this;
    if (repository === null) return;
    this.asking = true;
    try {
      const name = repository.split(':', 1)[0]!;
      const found = await this.#call((client) => client.models.look({ name }));
      if (this.repository === repository) this.hubModel = found;
    } finally {
      this.asking = false;
    }
  };

  async loadQueue(): Promise<void> {
    const jobs = await this.#call((client) => client.jobs.list());
    this.queue = jobs.filter(({ kind, state }) => kind === 'pull' && state === 'queued').toReversed();
  }

  leaveQueue = async (id: string) => {
    await this.#call((client) => client.jobs.cancel({ id }));
    await this.loadQueue();
  };

  /** Again, where it has been asked before: a model came or went. */
  async reload(): Promise<void> {
    if (this.cards !== null) await this.load();
  }

  /** Fetches a model, or asks about its licence first. */
  pull = async (name: string) => {
    this.asked = this.#restriction(name);
    if (this.asked === null) await this.#pull(name, false);
  };

  agree = async () => {
    const { asked } = this;
    this.asked = null;
    if (asked !== null) await this.#pull(asked.name, true);
  };

  disagree = () => (this.asked = null);

  use = async (name: string) => {
    await this.#call((client) => client.models.use({ name }));
    await this.reload();
  };

  remove = async (name: string) => {
    await this.#call((client) => client.models.remove({ name }));
    await this.load();
  };

  /** Opens the shell's dialog and imports every checkpoint that is chosen. */
  choose = async () => {
    const paths = (await this.#files.choose?.()) ?? [];
    for (const path of checkpointPaths(paths)) await this.#import(path);
  };

  /**
   * Takes files that were dropped or chosen and imports the checkpoints among them: GGUF files, all parts of a split
   * one, the files of a folder of safetensors.
   * @throws LonghandError `not-a-checkpoint` where there is none, or not all of one; or why they did not arrive
   */
  importFiles = async (files: readonly File[]) => {
    if (this.passing !== null) return;
    const checkpoints = checkpointsAmong(files);
    const stop = (this.#stop = new AbortController());
    try {
      for (const checkpoint of checkpoints) await this.#import(await this.#pass(checkpoint, stop.signal));
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    } finally {
      this.passing = null;
      this.#stop = null;
    }
  };

  cancelPassing = () => this.#stop?.abort();

  /** Brings all files of a checkpoint to one folder of the assistant's. @returns the path to import */
  async #pass({ parts, isFolder }: CheckpointFiles, signal: AbortSignal): Promise<string> {
    const [name, total] = [parts[0]!.name, parts.reduce((sum, { size }) => sum + size, 0)];
    const group = parts.length > 1 ? crypto.randomUUID() : undefined;
    this.passing = { name, done: 0, total };
    const paths: string[] = [];
    let before = 0;
    for (const file of parts) {
      const onProgress = (done: number) => (this.passing = { name, done: before + done, total });
      paths.push(await this.#files.pathOf(file, { signal, onProgress, group }));
      before += file.size;
    }
    const [folder, ...others] = new Set(paths.map(folderOf));
    if (others.length > 0) throw new LonghandError('not-a-checkpoint', 'The files lie in several folders.', { name });
    return isFolder ? folder! : paths[0]!;
  }

  async #pull(name: string, acknowledged: boolean): Promise<void> {
    await this.#call((client) => client.models.pull({ name, acknowledged }));
    await this.loadQueue();
  }

  #restriction(name: string): AskedLicense | null {
    const card = this.cards?.find((one) => one.name === name);
    const { hubModel } = this;
    const atHub = hubModel?.choices.some((choice) => choice.name === name) ? hubModel : null;
    const model = card ?? atHub;
    return model?.needsAcknowledgement ? { name, license: model.license ?? '?', page: model.page } : null;
  }

  async #find(): Promise<void> {
    const query = this.query.trim();
    if (query === '' || this.repository !== null) {
      this.found = query === '' ? this.cards : [];
      return;
    }
    const found = await this.#call((client) => client.models.cards({ query, measure: false }));
    if (this.query.trim() === query) this.found = found;
  }

  #call: Connection['call'] = (run) => this.#connection.call(run);

  async #import(path: string): Promise<void> {
    await this.#call((client) => client.models.import({ path }));
  }
}
