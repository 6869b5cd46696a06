import { wholeShelf, type Collection } from '../../main/contract/collections.ts';
import type { DocumentInfo, WatchedFolder } from '../../main/contract/documents.ts';
import type { Connection } from '../app/connection.ts';
import type { FileDoor } from '../app/files.ts';

/** A file on its way to the assistant, in bytes. */
export type Passing = { name: string; done: number; total: number };

/** The shelf: all documents, last added first, whichever window added or changed them. */
export class Documents {
  items = $state.raw<DocumentInfo[]>([]);
  loaded = $state(false);
  /** Folders that are watched, oldest first. */
  folders = $state.raw<WatchedFolder[]>([]);
  passing = $state.raw<Passing | null>(null);
  /** Being worked on now, or waiting for it. */
  readonly busy = $derived(this.items.filter(({ state }) => state !== 'ready' && state !== 'failed').length);
  /** What can be asked about as a whole. */
  readonly readable = $derived(
    this.items.filter(({ state, parts }) => parts > 0 && (state === 'ready' || state === 'indexing')),
  );
  /** Every tag that a document carries, in the order of the alphabet. */
  readonly tags = $derived([...new Set(this.items.flatMap(({ tags }) => tags))].toSorted(Intl.Collator().compare));
  /** What can be asked about as it is at each question: the shelf, where there is more than one document on it, folders, tags. */
  readonly collections = $derived.by((): Collection[] => [
    ...(this.items.length > 1 ? [wholeShelf] : []),
    ...this.folders.map(({ id }): Collection => ({ kind: 'folder', id })),
    ...this.tags.map((id): Collection => ({ kind: 'tag', id })),
  ]);
  #stop: AbortController | null = null;
  /** Settles when the files that were added last have arrived, or failed to. */
  #last: Promise<unknown> = Promise.resolve();
  readonly #connection: Connection;
  readonly #files: FileDoor;
  readonly #onChange: (id: string) => void;

  /** @param onChange called when a document went, carries other tags, or the work on it came to a next state */
  constructor(connection: Connection, files: FileDoor, onChange: (id: string) => void = () => {}) {
    this.#onChange = onChange;
    this.#connection = connection;
    this.#files = files;
  }

  /** Whether the shell has a dialog of its own for choosing files. */
  get hasDialog(): boolean {
    return this.#files.chooseDocuments !== null;
  }

  /** The watched folder that a document lies in; null where it lies in none. */
  folderOf = (place: DocumentInfo['folder']): WatchedFolder | null =>
    place === null ? null : (this.folders.find(({ id }) => id === place.id) ?? null);

  /** The documents of a watched folder, by their paths. */
  inFolder = (folderId: string): DocumentInfo[] =>
    this.items
      .filter(({ folder }) => folder?.id === folderId)
      .toSorted((a, b) => ((a.folder?.path ?? '') < (b.folder?.path ?? '') ? -1 : 1));

  /** The documents of a collection, as far as they are still so in their folders. */
  inCollection = ({ kind, id }: Collection): DocumentInfo[] => {
    if (kind === 'folder') return this.inFolder(id);
    return this.items.filter(({ isGone, tags }) => !isGone && (kind === 'shelf' || tags.includes(id)));
  };

  of = (id: string): DocumentInfo | null => this.items.find((one) => one.id === id) ?? null;

  watch(signal: AbortSignal): Promise<void> {
    return this.#connection.follow(
      (client, options) => client.documents.watch(undefined, options),
      (event) => {
        switch (event.type) {
          case 'documents':
            this.items = event.documents;
            this.loaded = true;
            break;
          case 'document':
            this.#put(event.document);
            break;
          case 'removed':
            this.#drop(event.id);
            break;
          case 'folders':
            this.folders = event.folders;
            break;
          case 'folder':
            this.#putFolder(event.folder);
            break;
          case 'folder-removed':
            this.folders = this.folders.filter(({ id }) => id !== event.id);
        }
      },
      signal,
    );
  }

  /** Opens the shell's dialog. @returns the paths that were chosen */
  choose = async (): Promise<string[]> => (await this.#files.chooseDocuments?.()) ?? [];

  /**
   * Adds files that were dropped, chosen or pasted, behind those that are on their way already and one after the other, so
   * that the first is read while the next is taken. What had arrived stays when the rest is cancelled.
   * @param onAdded called with what became of each, before the next one is taken
   * @returns how many documents that are
   * @throws LonghandError why one did not arrive
   */
  addFiles = (files: readonly File[], onAdded: (added: DocumentInfo[]) => unknown = () => {}): Promise<number> => {
    const adding = this.#last.then(() => this.#pass(files, onAdded));
    this.#last = adding.catch(() => {});
    return adding;
  };

  cancelPassing = () => this.#stop?.abort();

  /** Adds files by their paths. @throws LonghandError why they can't be */
  addPaths = async (paths: string[]): Promise<DocumentInfo[]> => {
    if (paths.length === 0) return [];
    const { documents } = await this.#connection.call((client) => client.documents.add({ paths }));
    for (const document of documents) this.#put(document);
    return documents;
  };

  addText = async (name: string, text: string): Promise<DocumentInfo> => {
    const added = await this.#connection.call((client) => client.documents.addText({ name, text }));
    this.#put(added);
    return added;
  };

  /** Tries again what failed or was stopped, with a password where one was missing. */
  retry = async (id: string, password?: string): Promise<void> => {
    const request = password === undefined ? { id } : { id, password };
    this.#put(await this.#connection.call((client) => client.documents.retry(request)));
  };

  /** Ends the work on a document; what was read of it stays, and `retry` goes on. */
  stop = async ({ jobId }: DocumentInfo): Promise<void> => {
    if (jobId !== null) await this.#connection.call((client) => client.jobs.cancel({ id: jobId }));
  };

  /** It carries exactly these tags from now on. @throws LonghandError */
  tag = async (id: string, tags: readonly string[]): Promise<void> => {
    this.#put(await this.#connection.call((client) => client.documents.tag({ id, tags: [...tags] })));
  };

  remove = async (id: string): Promise<void> => {
    await this.#connection.call((client) => client.documents.remove({ id }));
    this.#drop(id);
  };

  /** Begins to watch a folder, by its path. @throws LonghandError why it is not watched */
  watchFolder = async (path: string): Promise<WatchedFolder> => {
    const folder = await this.#connection.call((client) => client.documents.watchFolder({ path }));
    this.#putFolder(folder);
    return folder;
  };

  unwatchFolder = async (id: string, documents: 'keep' | 'remove'): Promise<void> => {
    await this.#connection.call((client) => client.documents.unwatchFolder({ id, documents }));
    this.folders = this.folders.filter((one) => one.id !== id);
  };

  async #pass(files: readonly File[], onAdded: (added: DocumentInfo[]) => unknown): Promise<number> {
    const stop = (this.#stop = new AbortController());
    const { signal } = stop;
    let count = 0;
    try {
      for (const file of files) {
        const { name, size: total } = file;
        this.passing = { name, done: 0, total };
        const onProgress = (done: number) => (this.passing = { name, done, total });
        const added = await this.addPaths([await this.#files.pathOf(file, { signal, onProgress })]);
        count += added.length;
        await onAdded(added);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.passing = null;
      this.#stop = null;
    }
    return count;
  }

  #put(document: DocumentInfo): void {
    const before = this.of(document.id);
    const at = this.items.findIndex(({ id }) => id === document.id);
    this.items = at === -1 ? [document, ...this.items] : this.items.with(at, document);
    const { state, tags } = document;
    if (before !== null && (before.state !== state || before.tags.join() !== tags.join())) this.#onChange(document.id);
  }

  #putFolder(folder: WatchedFolder): void {
    const at = this.folders.findIndex(({ id }) => id === folder.id);
    this.folders = at === -1 ? [...this.folders, folder] : this.folders.with(at, folder);
  }

  #drop(id: string): void {
    this.items = this.items.filter((one) => one.id !== id);
    this.#onChange(id);
  }
}

/** Whether a password is all that a document lacks. */
export const needsPassword = ({ error }: DocumentInfo): boolean =>
  error?.code === 'document-encrypted' && error.details.password !== 'unsupported';

/** Whether another try at what failed may end otherwise: a file of another kind stays one. */
export const canBeTriedAgain = ({ error }: DocumentInfo): boolean =>
  !['document-encrypted', 'document-too-large', 'unsupported-document'].includes(error?.code ?? '');
