import type { InstalledModel, ModelCard } from '../../main/contract/models.ts';
import { LonghandError } from '../../main/contract/errors.ts';
import type { Connection } from '../app/connection.ts';
import type { FileDoor } from '../app/files.ts';

/** A file of the user's on its way to the assistant. */
export type Passing = { name: string; done: number; total: number };

/** The models that are here, those that can be had with their price, and the ways to get one. */
export class ModelShelf {
  installed = $state.raw<InstalledModel[]>([]);
  /** Null while they are unknown: the first call measures the machine. */
  cards = $state.raw<ModelCard[] | null>(null);
  passing = $state.raw<Passing | null>(null);
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
  }

  /** Again, where it has been asked before: a model came or went. */
  async reload(): Promise<void> {
    if (this.cards !== null) await this.load();
  }

  pull = async (name: string) => void (await this.#call((client) => client.models.pull({ name })));

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
   * Takes a file that was dropped or chosen and imports it.
   * @throws LonghandError `not-a-checkpoint` for another kind of file, or why it did not arrive
   */
  importFile = async (file: File) => {
    if (this.passing !== null) return;
    if (!/\.gguf$/i.test(file.name)) {
      throw new LonghandError('not-a-checkpoint', 'Not a GGUF file.', { name: file.name });
    }
    const stop = (this.#stop = new AbortController());
    this.passing = { name: file.name, done: 0, total: file.size };
    try {
      const onProgress = (done: number, total: number) => (this.passing = { name: file.name, done, total });
      await this.#import(await this.#files.pathOf(file, { signal: stop.signal, onProgress }));
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    } finally {
      this.passing = null;
      this.#stop = null;
    }
  };

  cancelPassing = () => this.#stop?.abort();

  #call: Connection['call'] = (run) => this.#connection.call(run);

  async #import(path: string): Promise<void> {
    await this.#call((client) => client.models.import({ path }));
  }
}
