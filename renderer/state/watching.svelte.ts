import { toStoredError, type StoredError } from '../../main/contract/errors.ts';
import type { GivenFolder } from '../app/dropped.ts';
import type { FolderDoor } from '../app/files.ts';
import type { Documents } from './documents.svelte.ts';

type Options = {
  documents: Pick<Documents, 'watchFolder'>;
  door: FolderDoor;
  /** Whether a folder is to be watched, which may take long at first. */
  isWanted(path: string, name: string): Promise<boolean>;
  /** A folder was given whose files would have told where it lies, but it has none. */
  onEmpty(): void;
  /** A folder is watched from now on. */
  onWatched(name: string): void;
};

/** A folder whose path nobody knows yet: the user is asked where it lies. */
export type AskedFolder = { folder: GivenFolder; name: string };

/** Begins to watch the folders that a user drops or chooses. */
export class Watching {
  asked = $state.raw<AskedFolder | null>(null);
  /** Why what was said of the folder that is asked about is not it. */
  problem = $state.raw<StoredError | null>(null);
  busy = $state(false);
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Whether the shell has a dialog of its own for choosing a folder. */
  get hasDialog(): boolean {
    return this.#options.door.choose !== null;
  }

  /** Opens the shell's dialog and watches what is chosen. @throws LonghandError why it is not watched */
  choose = async (): Promise<void> => {
    const path = (await this.#options.door.choose?.()) ?? null;
    if (path !== null) await this.#watch(path);
  };

  /** Watches folders that were given; the last one that is not found on this machine is asked about. @throws LonghandError */
  take = async (folders: readonly GivenFolder[]): Promise<void> => {
    for (const folder of folders) {
      let path: string;
      try {
        path = await this.#options.door.pathOf(folder);
      } catch (error) {
        const { name, files } = await folder.show();
        if (files.length === 0) this.#options.onEmpty();
        else if (toStoredError(error).code !== 'not-found') throw error;
        else {
          this.problem = null;
          this.asked = { folder, name };
        }
        continue;
      }
      await this.#watch(path);
    }
  };

  /** The user says where the folder lies that is asked about. @returns whether it is watched now */
  say = async (path: string): Promise<boolean> => {
    const { asked } = this;
    if (asked === null || this.busy) return false;
    this.busy = true;
    this.problem = null;
    try {
      await this.#watch(await this.#options.door.pathOf(asked.folder, path.trim()));
      this.asked = null;
      return true;
    } catch (error) {
      this.problem = toStoredError(error);
      return false;
    } finally {
      this.busy = false;
    }
  };

  leave = () => (this.asked = null);

  async #watch(path: string): Promise<void> {
    const called = path.split(/[\\/]/).findLast((part) => part !== '') ?? path;
    if (!(await this.#options.isWanted(path, called))) return;
    const { name } = await this.#options.documents.watchFolder(path);
    this.#options.onWatched(name);
  }
}
