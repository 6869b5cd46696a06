import { statSync, watch, type FSWatcher } from 'node:fs';

type Eye = { watcher: FSWatcher; inode: number; look: number };

/** Whether one watcher sees a whole tree: Linux tells of the files of a single folder only. */
const SEES_BELOW = process.platform === 'darwin' || process.platform === 'win32';

/**
 * Tells that something has changed in a folder or below, not what: whoever is told looks himself. Before each folder is read,
 * `onFolder` is to be called with it, so that nothing happens unseen between the reading and the watching.
 */
export class FolderEyes {
  readonly #root: string;
  readonly #onChange: () => void;
  readonly #eyes = new Map<string, Eye>();
  #look = 0;
  /** The system refuses to tell of some of it, such as where all its watchers are taken, so that one has to look by oneself. */
  blind = false;

  constructor(root: string, onChange: () => void) {
    this.#root = root;
    this.#onChange = onChange;
  }

  /** All folders are about to be gone through. */
  begin(): void {
    this.#look += 1;
    this.blind = false;
  }

  onFolder = (path: string): void => {
    if (SEES_BELOW && path !== this.#root) return;
    try {
      const { ino: inode } = statSync(path);
      const eye = this.#eyes.get(path);
      if (eye?.inode === inode) {
        eye.look = this.#look;
        return;
      }
      // Another folder stands where one was: its watcher would stay with the old one.
      this.#close(path);
      const watcher = watch(path, { recursive: SEES_BELOW, persistent: false }, this.#onChange);
      watcher.on('error', () => {
        this.#close(path);
        this.#onChange(); // whatever ended it is found by looking
      });
      this.#eyes.set(path, { watcher, inode, look: this.#look });
    } catch {
      this.blind = true;
    }
  };

  /** All folders have been gone through: those that were not there are watched no more. */
  end(): void {
    for (const [path, { look }] of this.#eyes) if (look !== this.#look) this.#close(path);
  }

  close(): void {
    for (const path of [...this.#eyes.keys()]) this.#close(path);
  }

  #close(path: string): void {
    this.#eyes.get(path)?.watcher.close();
    this.#eyes.delete(path);
  }
}
