import { mkdir, rm } from 'node:fs/promises';
import { basename, extname, isAbsolute } from 'node:path';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { DocumentInfo, DocumentState, Intake as Price, WatchedFolder } from '../../contract/documents.ts';
import { LonghandError } from '../../contract/errors.ts';
import type { OutlineEntry, Part } from '../../contract/extraction.ts';
import type { Job } from '../../contract/jobs.ts';
import { Feed } from '../events/feed.ts';
import { isActive, type Jobs } from '../jobs/jobs.ts';
import { explainWrite } from '../models/disk.ts';
import { Incoming } from '../models/incoming.ts';
import type { StoredDocument } from '../store/documents.ts';
import type { Store } from '../store/open.ts';
import type { AddressFetcher, ByteProgress } from './address.ts';
import { comingFiles, foretell, type ComingFile } from './estimate.ts';
import { filesIn, type FoundFile } from './files-in.ts';
import { type Indexer } from './indexing.ts';
import { Intake, isArchive, type FollowedFile, type Taken } from './intake.ts';
import { Library } from './library.ts';
import { READING, registerReading, type Extractor } from './reading.ts';

export type DocumentsOptions = {
  dataDir: string;
  store: Store;
  jobs: Jobs;
  reader: Extractor;
  indexer: Pick<Indexer, 'progressOf' | 'kick' | 'embedderId'>;
  addresses: Pick<AddressFetcher, 'fetch'>;
  /** The folders that are watched, for whoever begins to watch. */
  folders(): WatchedFolder[];
  /** Something is on the shelf. */
  added(): void;
  /** These were taken in and are nobody's after all; those that are somebody's stay. */
  left(ids: readonly string[]): Promise<void>;
  log(line: string): void;
};

export type DocumentEvent =
  | { type: 'documents'; documents: DocumentInfo[] }
  | { type: 'document'; document: DocumentInfo }
  | { type: 'removed'; id: string }
  | { type: 'folders'; folders: WatchedFolder[] }
  | { type: 'folder'; folder: WatchedFolder }
  | { type: 'folder-removed'; id: string };

export type AddressEvent = ByteProgress | { type: 'added'; documents: DocumentInfo[] };

/** A piece of a file that is sent at once. */
const MOST_BYTES = 4 << 20;
/** Parts may come by the hundred a second; nobody has to see each. */
const SHOW_EVERY_MS = 200;
/** Another connection (a search, a backup) may hold the log for a moment; then erasing is tried again. */
const ERASE_TRIES = 20;
const ERASE_EVERY_MS = 250;

/** The shelf: files that were added, what was read of them, and what still happens to them. */
export class Documents {
  readonly #options: DocumentsOptions;
  readonly #library: Library;
  readonly #incoming: Incoming;
  readonly #intake: Intake;
  readonly #feed = new Feed<DocumentEvent>();
  readonly #passwords = new Map<string, string>();
  /** Of each content, by hash, the job that works on it. */
  readonly #jobs = new Map<string, string>();
  /** Contents that are being destroyed, by hash: the same bytes may be added again only when that is done. */
  readonly #ending = new Map<string, Promise<void>>();
  readonly #shown = new Map<number, NodeJS.Timeout>();
  readonly #stop = new AbortController();

  constructor(options: DocumentsOptions) {
    this.#options = options;
    this.#library = new Library(options.dataDir);
    this.#incoming = new Incoming(options.dataDir);
    this.#intake = new Intake({
      ...options,
      library: this.#library,
      ending: (hash) => this.#ending.get(hash),
      unused: (hash) => void this.#end(hash, null),
      stored: (document, taken) => this.#taken(document, taken),
    });
    registerReading({
      ...options,
      library: this.#library,
      passwordOf: (hash) => this.#passwords.get(hash),
      changed: (contentId) => this.changed(contentId),
      read: () => options.indexer.kick(),
    });
    options.jobs.onChange((job) => {
      if (job.kind === READING) this.#follow(job);
    });
  }

  /** At start, before jobs go on: finishes removals, and sees to it that what waits has a job. */
  start(): void {
    const { store, jobs } = this.#options;
    for (const { id, kind, params } of jobs.unfinished()) if (kind === READING) this.#jobs.set(String(params.hash), id);
    const orphans = new Set(store.documents.orphans());
    const known = new Set(store.documents.hashes());
    for (const hash of this.#library.sweep(known)) void this.#end(hash, null);
    for (const hash of known) {
      const contentId = store.documents.contentOf(hash)!;
      if (orphans.has(contentId)) void this.#end(hash, contentId);
    }
    for (const { hash, state } of store.documents.list()) {
      if ((state === 'queued' || state === 'parsing') && !this.#jobs.has(hash)) this.#read(hash);
    }
  }

  /**
   * Adds files, and those of folders and archives; one that is here already under its name is left as it is, unless it failed.
   * All files of an archive are added, or none.
   * @throws LonghandError `not-found` | `invalid-input` | `disk-full` | what unpacking throws, or `signal.reason`; what was
   *   added before stays
   */
  async add(
    paths: readonly string[],
    { password, signal }: { password?: string | undefined; signal?: AbortSignal | undefined } = {},
  ): Promise<DocumentInfo[]> {
    for (const path of paths) {
      if (!isAbsolute(path)) throw new LonghandError('invalid-input', `${path} is not a whole path.`, { path });
    }
    const { dataDir } = this.#options;
    const stop = this.#until(signal);
    const added: string[] = [];
    try {
      for await (const file of filesIn(paths, { signal: stop, except: dataDir })) {
        added.push(...(await this.#takeIn(file, { password }, stop)));
      }
    } finally {
      for (const path of paths) await this.#incoming.wipe(path);
    }
    return this.#showAll(added);
  }

  /** Takes in a file of the user's: all files of an archive, or none. */
  #takeIn(
    file: FoundFile,
    more: { password?: string | undefined; origin?: string },
    signal: AbortSignal,
  ): Promise<string[]> {
    const isKept = !isArchive(file.name);
    const settle = (ids: readonly string[]) => {
      if (!isKept) this.#options.store.documents.keep(ids);
    };
    return this.#intake.takeIn(file, { ...more, isKept, settle }, signal);
  }

  #showAll(ids: readonly string[]): DocumentInfo[] {
    const { documents } = this.#options.store;
    return [...new Set(ids)].flatMap((id) => documents.get(id) ?? []).map((one) => this.#show(one));
  }

  /**
   * Takes in a file of a folder that is watched, or those of an archive in it. Nobody is told before `followed`.
   * @returns the ids of its documents
   * @throws as `add` does, `unsupported-document` | `document-too-large` for what need not be copied to tell, and `FileChanged`
   */
  async follow({ path, origin, ...more }: FollowedFile, signal: AbortSignal): Promise<string[]> {
    const file = { path, name: basename(path), origin };
    return this.#intake.takeIn(file, { ...more, origin, isKept: false }, this.#until(signal));
  }

  /** Documents that were taken in are known to lie in their folder. */
  followed(ids: readonly string[]): void {
    for (const id of ids) {
      const stored = this.#options.store.documents.get(id);
      if (stored !== null) this.#feed.publish({ type: 'document', document: this.#show(stored) });
    }
  }

  /** Whether a file is just being taken in that this is a document of. */
  isTakingIn(id: string): boolean {
    return this.#intake.isTakingIn(id);
  }

  #until(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#stop.signal : AbortSignal.any([this.#stop.signal, signal]);
  }

  /**
   * Adds what is at an address: how much of it has come, then what it is. Its origin is the address that it came from in the end.
   * @throws as `AddressFetcher` and `add` do
   */
  async *addAddress(
    address: string,
    { hosts, signal }: { hosts: readonly string[]; signal?: AbortSignal | undefined },
  ): AsyncGenerator<AddressEvent, void> {
    const stop = this.#until(signal);
    const folder = this.#library.incomingFolder();
    await mkdir(folder);
    try {
      const { path, url } = yield* this.#options.addresses.fetch(address, { hosts, folder, signal: stop });
      const added = await this.#takeIn({ path, name: basename(path), origin: null }, { origin: url }, stop);
      yield { type: 'added', documents: this.#showAll(added) };
    } catch (error) {
      throw await explainWrite(error, folder, 0);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** What adding these files would take, by their names and sizes alone. @throws `signal.reason` */
  async estimate(files: readonly ComingFile[], paths: readonly string[], signal?: AbortSignal): Promise<Price> {
    const found = await comingFiles(paths, { signal: this.#until(signal), except: this.#options.dataDir });
    return foretell([...files, ...found], { byMeaning: this.#options.indexer.embedderId() !== null });
  }

  /** Adds a text that was pasted. @throws LonghandError `disk-full` */
  async addText(name: string, text: string): Promise<DocumentInfo> {
    const file = basename(name.replaceAll('\\', '/'));
    const whole = extname(file) === '' ? `${file}.txt` : file;
    const id = await this.#intake.put(new TextEncoder().encode(text), whole);
    return this.get(id);
  }

  /** Reads a document again that failed, behind what is stored of it. @throws LonghandError `not-found` */
  retry(id: string, password?: string): DocumentInfo {
    const { hash, state } = this.#options.store.documents.known(id);
    if (password !== undefined) this.#passwords.set(hash, password);
    if (state !== 'parsed' && this.#library.has(hash)) this.#read(hash); // what was refused is not there
    return this.get(id);
  }

  /** Last added first. */
  list(): DocumentInfo[] {
    return this.#options.store.documents.list().map((one) => this.#show(one));
  }

  /** @throws LonghandError `not-found` */
  get(id: string): DocumentInfo & { outline: OutlineEntry[] } {
    const { documents } = this.#options.store;
    const stored = documents.known(id);
    return { ...this.#show(stored), outline: documents.outline(stored.contentId) };
  }

  /** All of them, then every change. */
  watch(signal?: AbortSignal): AsyncGenerator<DocumentEvent, void> {
    const all = (): DocumentEvent[] => [
      { type: 'documents', documents: this.list() },
      { type: 'folders', folders: this.#options.folders() },
    ];
    return this.#feed.watch(all, signal);
  }

  /** Tells everybody of a folder that is watched, or is no more. */
  tell(event: Extract<DocumentEvent, { type: 'folder' | 'folder-removed' }>): void {
    this.#feed.publish(event);
  }

  /** Another model embeds from now on: all of them stand elsewhere. */
  modelChanged(): void {
    this.#feed.refresh();
  }

  /** @throws LonghandError `not-found`, also for a part that is not stored yet */
  part(id: string, number: number): Part {
    const { documents } = this.#options.store;
    const part = documents.part(documents.known(id).contentId, number);
    if (part === null) throw new LonghandError('not-found', `Part ${number} of the document is not there.`, { number });
    return part;
  }

  /** The bytes [from, to) of the file as it was added, at most 4 MB of them. @throws LonghandError `not-found` */
  async bytes(id: string, from: number, to: number): Promise<{ sizeBytes: number; bytes: Blob }> {
    const { hash, sizeBytes } = this.#options.store.documents.known(id);
    const end = Math.min(to, from + MOST_BYTES, sizeBytes);
    return { sizeBytes, bytes: new Blob([await this.#library.read(hash, from, end)]) };
  }

  /**
   * Removes a document, if it `isStill` to go when it goes. If no other has its content, all that was made of it goes too, and its
   * bytes are overwritten. Settles when that is done.
   * @returns whether it was removed
   * @throws LonghandError `not-found`
   */
  async remove(id: string, isStill?: () => boolean): Promise<boolean> {
    const { store } = this.#options;
    const { hash } = store.documents.known(id);
    const removed = store.documents.remove(id, isStill);
    if (removed === null) return false;
    this.#feed.publish({ type: 'removed', id });
    if (removed.isLast) await this.#end(hash, removed.contentId);
    return true;
  }

  /** It carries exactly these tags from now on. @throws LonghandError `not-found` | `invalid-input` */
  tag(id: string, tags: readonly string[]): DocumentInfo {
    const { store } = this.#options;
    store.tags.set(id, tags);
    const document = this.#show(store.documents.known(id));
    this.#feed.publish({ type: 'document', document });
    return document;
  }

  /** What is half destroyed when the app closes goes at the next start. */
  async close(): Promise<void> {
    this.#stop.abort(new LonghandError('cancelled', 'Longhand was closed.'));
    for (const timer of this.#shown.values()) clearTimeout(timer);
    await Promise.all(this.#ending.values());
  }

  /** A file was stored: it is read, unless it is known to be unreadable or was read before. */
  #taken({ id, hash, state }: StoredDocument, { password, isKept, isRefused }: Taken): void {
    if (password !== undefined) this.#passwords.set(hash, password);
    if (!isRefused && (state === 'queued' || state === 'failed')) this.#read(hash);
    this.#options.added();
    if (isKept) this.#feed.publish({ type: 'document', document: this.#show(this.#options.store.documents.known(id)) });
  }

  /** Begins to read a content, or goes on with the job that does. */
  #read(hash: string): void {
    const { store, jobs } = this.#options;
    const jobId = this.#jobs.get(hash);
    if (jobId !== undefined) return void jobs.resume(jobId);
    const contentId = store.documents.contentOf(hash);
    if (contentId !== null) store.documents.setState(contentId, 'queued');
    jobs.start(READING, { hash });
  }

  #follow(job: Job): void {
    const hash = String(this.#options.jobs.params(job.id).hash);
    if (isActive(job)) this.#jobs.set(hash, job.id);
    else if (this.#jobs.get(hash) === job.id) this.#jobs.delete(hash);
    const contentId = this.#options.store.documents.contentOf(hash);
    if (contentId !== null) this.changed(contentId);
  }

  /** Shows the documents of a content, soon and once. */
  changed(contentId: number): void {
    if (this.#shown.has(contentId) || this.#stop.signal.aborted) return;
    const show = () => {
      this.#shown.delete(contentId);
      for (const stored of this.#options.store.documents.ofContent(contentId)) {
        this.#feed.publish({ type: 'document', document: this.#show(stored) });
      }
    };
    this.#shown.set(contentId, setTimeout(show, SHOW_EVERY_MS).unref());
  }

  #show({ contentId: _content, isKept: _kept, hash, embedderId, state, ...stored }: StoredDocument): DocumentInfo {
    const index = this.#options.indexer.progressOf({ ...stored, embedderId });
    const read: DocumentState = index.jobId === null ? 'ready' : 'indexing';
    const jobId = this.#jobs.get(hash) ?? (state === 'parsed' ? index.jobId : null);
    const isGone = stored.isGone && !this.#intake.isTakingIn(stored.id);
    return { ...stored, isGone, state: state === 'parsed' ? read : state, embedded: index.embedded, jobId };
  }

  #end(hash: string, contentId: number | null): Promise<void> {
    const ended = this.#destroy(hash, contentId)
      .catch((error: Error) => this.#options.log(`a document could not be destroyed: ${error.message}`))
      .finally(() => this.#ending.delete(hash));
    this.#ending.set(hash, ended);
    return ended;
  }

  async #destroy(hash: string, contentId: number | null): Promise<void> {
    const { store, jobs } = this.#options;
    this.#passwords.delete(hash);
    const jobId = this.#jobs.get(hash);
    if (jobId !== undefined) await jobs.cancel(jobId);
    await this.#library.destroy(hash);
    if (contentId === null) return;
    do {
      await setImmediate();
      if (this.#stop.signal.aborted) return;
    } while (!store.documents.destroySome(contentId));
    for (let tries = 0; tries < ERASE_TRIES && !this.#stop.signal.aborted; tries++) {
      if (store.checkpoint()) return;
      await sleep(ERASE_EVERY_MS);
    }
  }
}
