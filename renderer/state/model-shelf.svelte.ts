import type { HubModel, InstalledModel, ModelCard } from '../../main/contract/models.ts';
import { LonghandError } from '../../main/contract/errors.ts';
import type { Job } from '../../main/contract/jobs.ts';
import type { Connection } from '../app/connection.ts';
import type { FileDoor } from '../app/files.ts';

/** A file of the user's on its way to the assistant. */
export type Passing = { name: string; done: number; total: number };

/** A licence that somebody must have seen before the model of that name is fetched. */
export type AskedLicense = { name: string; license: string };

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
    const license = this.#restrictedLicense(name);
    if (license !== null) this.asked = { name, license };
    else await this.#pull(name, false);
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

  /** Opens the shell's dialog and imports what is chosen. */
  choose = async () => {
    const path = (await this.#files.choose?.()) ?? null;
    if (path !== null) await this.#import(path);
  };

  /**
   * Takes files that were dropped or chosen and imports the checkpoint that they are: a GGUF file, all parts of a split
   * one, or a folder of safetensors.
   * @throws LonghandError `not-a-checkpoint` for anything else, or why they did not arrive
   */
  importFiles = async (files: readonly File[]) => {
    if (this.passing !== null) return;
    const { parts, isFolder } = checkpointOf(files);
    const stop = (this.#stop = new AbortController());
    const [name, total] = [parts[0]!.name, parts.reduce((sum, { size }) => sum + size, 0)];
    const group = parts.length > 1 ? crypto.randomUUID() : undefined;
    this.passing = { name, done: 0, total };
    try {
      const paths = new Map<string, string>();
      let before = 0;
      for (const file of parts) {
        const onProgress = (done: number) => (this.passing = { name, done: before + done, total });
        paths.set(file.name, await this.#files.pathOf(file, { signal: stop.signal, onProgress, group }));
        before += file.size;
      }
      const folders = new Set([...paths.values()].map(folderOf));
      if (folders.size > 1) throw new LonghandError('not-a-checkpoint', 'The files lie in several folders.', { name });
      await this.#import(isFolder ? [...folders][0]! : paths.get([...paths.keys()].toSorted()[0]!)!);
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    } finally {
      this.passing = null;
      this.#stop = null;
    }
  };

  cancelPassing = () => this.#stop?.abort();

  async #pull(name: string, acknowledged: boolean): Promise<void> {
    await this.#call((client) => client.models.pull({ name, acknowledged }));
    await this.loadQueue();
  }

  #restrictedLicense(name: string): string | null {
    const card = this.cards?.find((one) => one.name === name);
    if (card !== undefined) return card.needsAcknowledgement ? card.license : null;
    const { hubModel } = this;
    const isOfHub = hubModel?.choices.some((choice) => choice.name === name) ?? false;
    return isOfHub && hubModel!.needsAcknowledgement ? (hubModel!.license ?? '?') : null;
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

/** What a folder of safetensors is read of; everything else in it stays where it is. */
const FOLDER_FILES = /\.safetensors$|^[\w.-]+\.json$|^merges\.txt$|^chat_template\.jinja$/i;

const folderOf = (path: string) => path.replace(/[\\/][^\\/]*$/, '');

/** The files of the one checkpoint among `files`. @throws LonghandError `not-a-checkpoint` */
function checkpointOf(files: readonly File[]): { parts: File[]; isFolder: boolean } {
  const ggufs = files.filter(({ name }) => /\.gguf$/i.test(name));
  const total = Number(/-\d{5}-of-(\d{5})\.gguf$/i.exec(ggufs[0]?.name ?? '')?.[1] ?? 1);
  if (ggufs.length > 0 && ggufs.length === total) return { parts: ggufs, isFolder: false };
  const has = (pattern: RegExp) => files.some(({ name }) => pattern.test(name));
  if (ggufs.length === 0 && has(/\.safetensors$/i) && has(/^(adapter_)?config\.json$/)) {
    return { parts: files.filter(({ name }) => FOLDER_FILES.test(name)), isFolder: true };
  }
  const name = files[0]?.name ?? '';
  throw new LonghandError('not-a-checkpoint', 'No checkpoint, or not all of it.', { name, files: files.length });
}
