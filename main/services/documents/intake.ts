import { rmSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { toStoredError } from '../../contract/errors.ts';
import { refusalOf } from '../../contract/file-kind.ts';
import type { StoredDocument } from '../store/documents.ts';
import type { Store } from '../store/open.ts';
import type { FileLook } from '../store/watched-folders.ts';
import type { FoundFile } from './files-in.ts';
import type { Library, Staged } from './library.ts';
import type { Extractor } from './reading.ts';

export type IntakeOptions = {
  store: Store;
  library: Library;
  reader: Pick<Extractor, 'unpack'>;
  /** Settles when a content, by its hash, is destroyed; undefined where it is not about to be. */
  ending(hash: string): Promise<void> | undefined;
  /** Bytes that were kept could not be stored. */
  unused(hash: string): void;
  /** A file is stored, or was already. */
  stored(document: StoredDocument, taken: Taken): void;
  /** These were taken in and are nobody's after all; those that are somebody's stay. */
  left(ids: readonly string[]): Promise<void>;
};

/** `isRefused`: nothing of it was copied, since it is known to be unreadable. */
export type Taken = { password: string | undefined; isKept: boolean; isRefused: boolean };

/** A file of a folder that is watched. */
export type FollowedFile = {
  path: string;
  origin: string;
  /** As it was seen: what has changed since is not taken. */
  look: FileLook;
  /**
   * Documents of files that are gone, by id, with how many of these there are. One with the same content that stands for no other
   * file is this file's, under its new name.
   */
  formerly: ReadonlyMap<string, number>;
  /** Says in the store that these are its documents. */
  settle(ids: readonly string[]): void;
};

type Keeping = {
  origin?: string | null;
  password?: string | undefined;
  isKept?: boolean;
  formerly?: ReadonlyMap<string, number>;
};

type TakingIn = Keeping & Pick<FollowedFile, 'settle'> & { look?: FileLook };

const ARCHIVE = '.zip';
export const isArchive = (name: string): boolean => extname(name).toLowerCase() === ARCHIVE;

/**
 * Brings files into the library and onto the shelf. Until it is said whose they are, a file's documents count as taken in: they
 * are nobody's yet, and not left either.
 */
export class Intake {
  readonly #options: IntakeOptions;
  /** By id, with the number of files that are being taken in. */
  readonly #taking = new Map<string, number>();

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  isTakingIn(id: string): boolean {
    return this.#taking.has(id);
  }

  /** Takes in a file, or all files of an archive. If that fails, what was taken of it goes again, unless it is somebody's. */
  async takeIn(file: FoundFile, { settle, look, ...keeping }: TakingIn, signal: AbortSignal): Promise<string[]> {
    const { path, name, origin } = file;
    const isLenient = keeping.isKept === true;
    const refuse = (head: Uint8Array, sizeBytes: number) => {
      const refusal = refusalOf(head, extname(name).slice(1), sizeBytes);
      if (refusal === null || isLenient) return refusal;
      throw refusal;
    };
    const stage = () => this.#options.library.stage(path, { signal, folder: origin, look, refuse });
    const ids: string[] = [];
    try {
      if (isArchive(name)) {
        for await (const inner of this.#unpacked(name, await stage(), signal)) {
          await this.#keep(inner.staged, inner.name, { origin: path, ...keeping }, ids);
        }
      } else await this.#keep(await stage(), name, { origin, ...keeping }, ids);
      settle(ids);
    } catch (error) {
      this.#release(ids);
      await this.#options.left(ids);
      throw error;
    }
    this.#release(ids);
    return ids;
  }

  /** The files of an archive, unpacked for as long as each is looked at, from a copy that nobody writes to. */
  async *#unpacked(
    name: string,
    archive: Staged,
    signal: AbortSignal,
  ): AsyncGenerator<{ name: string; staged: Staged }, void> {
    const folder = this.#options.library.incomingFolder();
    try {
      const events = this.#options.reader.unpack({ path: archive.part!, name, folder }, { signal });
      for await (const event of events) {
        if (event.type !== 'file') continue;
        yield { name: basename(event.name), staged: await this.#options.library.take(event.path, signal) };
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
      await this.#options.library.drop(archive);
    }
  }

  /** Keeps a text of the user's own. @throws LonghandError `disk-full` */
  async put(bytes: Uint8Array, name: string): Promise<string> {
    const ids: string[] = [];
    try {
      await this.#keep(await this.#options.library.put(bytes), name, {}, ids);
    } finally {
      this.#release(ids);
    }
    return ids[0]!;
  }

  /** Puts a file that was staged on the shelf. Its document is added to `taken`, and counts as taken in until `#release`. */
  async #keep(staged: Staged, name: string, keeping: Keeping, taken: string[]): Promise<void> {
    const { hash } = staged;
    try {
      // Not beside the destruction of the same bytes: from its end to the row in the store nothing comes between.
      for (let ending; (ending = this.#options.ending(hash)) !== undefined;) await ending;
      this.#options.library.keep(staged);
    } catch (error) {
      await this.#options.library.drop(staged);
      throw error;
    }
    try {
      this.#record(staged, name, keeping, taken);
    } catch (error) {
      if (this.#options.store.documents.contentOf(hash) === null) this.#options.unused(hash);
      throw error;
    }
  }

  #record(
    { hash, sizeBytes, refusal }: Staged,
    name: string,
    { origin = null, password, isKept = true, formerly = new Map() }: Keeping,
    taken: string[],
  ): void {
    const { store } = this.#options;
    const stored = store.durably(() => {
      const contentId = store.documents.contentOf(hash);
      const former = contentId === null ? [] : store.documents.ofContent(contentId);
      const renamed = former.find(
        (one) => !one.isKept && one.name !== name && formerly.get(one.id) === store.watchedFolders.holders(one.id),
      );
      if (renamed) store.documents.rename(renamed.id, name);
      const added = store.documents.add({ hash, sizeBytes, name, origin, isKept });
      if (refusal !== null && added.state !== 'parsed') {
        store.documents.setState(added.contentId, 'failed', toStoredError(refusal));
      }
      return added;
    });
    taken.push(stored.id);
    this.#taking.set(stored.id, (this.#taking.get(stored.id) ?? 0) + 1);
    this.#options.stored(stored, { password, isKept, isRefused: refusal !== null });
  }

  #release(ids: readonly string[]): void {
    for (const id of ids) {
      const others = (this.#taking.get(id) ?? 1) - 1;
      if (others === 0) this.#taking.delete(id);
      else this.#taking.set(id, others);
    }
  }
}
