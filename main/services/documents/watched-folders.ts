import { basename, isAbsolute, resolve } from 'node:path';
import type { WatchedFolder } from '../../contract/documents.ts';
import { LonghandError } from '../../contract/errors.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { StoredFolder } from '../store/watched-folders.ts';
import type { Store } from '../store/open.ts';
import type { Documents } from './documents.ts';
import { isWithin, ours } from './files-in.ts';
import { FolderFollower, survey, type Pace } from './folder-follower.ts';
import { READING } from './reading.ts';

export type WatchedFoldersOptions = {
  dataDir: string;
  store: Store;
  jobs: Jobs;
  documents: Pick<Documents, 'follow' | 'followed' | 'isTakingIn' | 'changed' | 'tell'>;
  /** Removes a document with all that was made of it, and ends what is done with it, if it `isStill` to go when it goes. */
  remove(documentId: string, isStill: () => boolean): Promise<void>;
  /** What conversations read of whole folders is no longer what it was. */
  changed(): void;
  pace?: Partial<Pace> | undefined;
  log(line: string): void;
};

const PACE: Pace = { gatherMs: 300, settleMs: 2000, lookMs: 5 * 60_000, blindMs: 15_000 };

/**
 * Folders whose files are on the shelf for as long as they lie there. A document that came with a folder goes with its file,
 * unless the user put it on the shelf as well, or a conversation stands on it: then it is shown to be gone.
 */
export class WatchedFolders {
  readonly #options: WatchedFoldersOptions;
  readonly #followers = new Map<string, FolderFollower>();
  /** What the last run has left behind goes. */
  #clearing: Promise<void> = Promise.resolve();

  constructor(options: WatchedFoldersOptions) {
    this.#options = options;
    options.jobs.onChange((job) => {
      if (job.kind !== READING || job.state !== 'failed') return;
      this.#passOverSoon(String(options.jobs.params(job.id).hash));
    });
  }

  /** At start: finds what has changed while nobody watched. */
  start(): void {
    const { store } = this.#options;
    this.#clearing = this.left(store.watchedFolders.left());
    for (const folder of store.watchedFolders.list()) this.#follow(folder);
  }

  /** Oldest first. */
  list(): WatchedFolder[] {
    return [...this.#followers.values()].map((follower) => this.#show(follower));
  }

  /**
   * Begins to watch a folder; one that is watched already stays so.
   * @throws LonghandError `not-found` | `folder-too-large` | `invalid-input`, or `signal.reason`
   */
  async add(path: string, signal?: AbortSignal): Promise<WatchedFolder> {
    const { store, dataDir } = this.#options;
    if (!isAbsolute(path)) throw new LonghandError('invalid-input', `${path} is not a whole path.`, { path });
    const whole = resolve(path);
    if (await isWithin(dataDir, whole)) throw ours(path);
    await survey(whole, signal);
    return this.#show(this.#follow(store.watchedFolders.add(whole)));
  }

  /** Its documents stay, or go as far as no conversation stands on them. @throws LonghandError `not-found` */
  async remove(id: string, documents: 'keep' | 'remove'): Promise<void> {
    const { store } = this.#options;
    await this.#followers.get(id)?.close();
    this.#followers.delete(id);
    const documentIds = store.watchedFolders.documentsOf(id);
    store.watchedFolders.remove(id, { keep: documents === 'keep' });
    this.#options.documents.tell({ type: 'folder-removed', id });
    this.#options.changed();
    await this.left(documentIds);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#followers.values()].map((follower) => follower.close()));
    await this.#clearing;
  }

  #follow(folder: StoredFolder): FolderFollower {
    const there = this.#followers.get(folder.id);
    if (there !== undefined) return there;
    const { dataDir, store, documents, pace, log } = this.#options;
    const follower: FolderFollower = new FolderFollower(folder, {
      ...{ dataDir, store, log },
      pace: { ...PACE, ...pace },
      follow: (file, signal) => documents.follow(file, signal),
      followed: (documentIds) => {
        documents.followed(documentIds);
        for (const id of documentIds) this.#passOverSoon(store.documents.get(id)?.hash);
      },
      left: (documentIds) => this.left(documentIds),
      changed: () => {
        documents.tell({ type: 'folder', folder: this.#show(follower) });
        this.#options.changed();
      },
    });
    this.#followers.set(folder.id, follower);
    documents.tell({ type: 'folder', folder: this.#show(follower) });
    return follower;
  }

  #show(follower: FolderFollower): WatchedFolder {
    const shown = follower.show();
    const passedOver = this.#options.store.watchedFolders.passedOver(shown.id);
    return { ...shown, passedOver, name: basename(shown.path) || shown.path };
  }

  /** Removes what no file holds any more, neither the user nor a conversation wants, and nothing is just taking in. */
  async left(documentIds: readonly string[]): Promise<void> {
    const { store, documents, remove, log } = this.#options;
    for (const id of documentIds) {
      const isLeft = () => {
        const isGone = store.documents.get(id)?.isGone === true;
        return isGone && !documents.isTakingIn(id) && !store.watchedFolders.isStoodOn(id);
      };
      try {
        if (isLeft()) await remove(id, isLeft);
        const document = store.documents.get(id);
        if (document !== null) documents.changed(document.contentId);
      } catch (error) {
        log(`a document could not be removed: ${(error as Error).message}`);
      }
    }
  }

  #passOverSoon(hash: string | undefined): void {
    if (hash !== undefined) void this.#passOver(hash).catch((error: Error) => this.#options.log(error.message));
  }

  /** What turned out to be no document does not fill the shelf, unless the user put it there. */
  async #passOver(hash: string): Promise<void> {
    const { store, documents, remove } = this.#options;
    const contentId = store.documents.contentOf(hash);
    for (const { id, folder } of contentId === null ? [] : store.documents.ofContent(contentId)) {
      const isNone = () => {
        const document = store.documents.get(id);
        const isRefused = document?.isKept === false && document.error?.code === 'unsupported-document';
        return isRefused && !documents.isTakingIn(id);
      };
      if (!isNone()) continue;
      await remove(id, isNone);
      const follower = this.#followers.get(folder?.id ?? '');
      if (follower !== undefined) documents.tell({ type: 'folder', folder: this.#show(follower) });
    }
  }
}
